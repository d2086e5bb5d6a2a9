"""Options with which the S3 libraries use the proxies and certificates of the environment.

Both read ``HTTPS_PROXY`` and ``NO_PROXY`` by themselves, for hosts of this machine too. Of the
variables for certificates botocore (s3fs) knows ``AWS_CA_BUNDLE`` and ``REQUESTS_CA_BUNDLE``,
obstore ``SSL_CERT_FILE``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from catalog_builder.transport.answer_limits import SLOWEST, seconds_of_silence, timeouts
from catalog_builder.transport.environment import environment_certificates, environment_proxies
from catalog_builder.transport.hosts import is_loopback

S3FS_TRIES: Final = 3
"""Tries of s3fs, each of up to three by botocore."""

_BOTOCORE_TRIES: Final = 3


def s3_silence() -> float:
    """Seconds that S3 may be silent: a third of what others may, for each try is made of three.

    So a try of s3fs ends within 60 s, and a silent S3 is given up after three minutes.
    """
    return seconds_of_silence() / _BOTOCORE_TRIES


def s3_timeouts() -> dict[str, Any]:
    """How long S3 is waited for, as botocore's configuration."""
    from catalog_builder.transport.punctual_s3 import PunctualS3Session  # brings aiobotocore

    return {
        "http_session_cls": PunctualS3Session,
        "connect_timeout": min(timeouts()[0], s3_silence()),
        "read_timeout": s3_silence(),
        # s3fs repeats too; what botocore alone repeats are answers of 500 and 503.
        "retries": {"mode": "standard", "total_max_attempts": _BOTOCORE_TRIES},
    }


_LARGEST_ANSWER: Final = 8 * 2**20
"""Bytes of the largest range that is read through obstore."""


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f}ms"


def s3_certificates() -> str | None:
    """Path of the certificate authorities to trust; None for those that a library comes with."""
    return os.environ.get("AWS_CA_BUNDLE") or environment_certificates()


def s3fs_options(endpoint: str | None, region: str) -> dict[str, Any]:
    """Arguments of ``S3FileSystem`` for an endpoint, None for Amazon's, and a region."""
    options: dict[str, Any] = {
        "endpoint_url": endpoint,
        "client_kwargs": {"region_name": region, "verify": s3_certificates()},
    }
    config = s3_timeouts()
    if endpoint is not None:
        config |= {"s3": {"addressing_style": "path"}, "proxies": environment_proxies(endpoint)}
    return {**options, "config_kwargs": config}


def obstore_options(endpoint: str | None) -> dict[str, Any]:
    """The ``client_options`` of an obstore store at an endpoint, None for Amazon's."""
    # obstore's own limit of 30 s for a whole answer would end slow but steady ones.
    whole = seconds_of_silence() + _LARGEST_ANSWER / SLOWEST
    client: dict[str, Any] = {
        "timeout": _milliseconds(whole),
        "read_timeout": _milliseconds(s3_silence()),
        "connect_timeout": _milliseconds(min(timeouts()[0], s3_silence())),
    }
    if certificates := s3_certificates():
        client["root_certificate"] = Path(certificates).read_bytes()
    if endpoint is not None:
        client["allow_http"] = endpoint.startswith("http://")
        if is_loopback(endpoint):  # any proxy, but not for this host: the environment's is unused
            client |= {"proxy_url": endpoint, "proxy_excludes": urlsplit(endpoint).hostname}
    return client
