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

from catalog_builder.transport.environment import environment_certificates, environment_proxies
from catalog_builder.transport.hosts import is_loopback

READ_TIMEOUT: Final = 20
"""Seconds that S3 may be silent."""

CONNECT_TIMEOUT: Final = 10
"""Seconds."""

S3_TIMEOUTS: Final[dict[str, Any]] = {
    "connect_timeout": CONNECT_TIMEOUT,
    "read_timeout": READ_TIMEOUT,
    # s3fs repeats too; what botocore alone repeats are answers of 500 and 503.
    "retries": {"mode": "standard", "total_max_attempts": 3},
}
"""The same as botocore's configuration."""

S3FS_TRIES: Final = 3
"""Tries of s3fs, each of up to three by botocore: a silent S3 is given up after three minutes."""


def s3_certificates() -> str | None:
    """Path of the certificate authorities to trust; None for those that a library comes with."""
    return os.environ.get("AWS_CA_BUNDLE") or environment_certificates()


def s3fs_options(endpoint: str | None, region: str) -> dict[str, Any]:
    """Arguments of ``S3FileSystem`` for an endpoint, None for Amazon's, and a region."""
    options: dict[str, Any] = {
        "endpoint_url": endpoint,
        "client_kwargs": {"region_name": region, "verify": s3_certificates()},
    }
    config = dict(S3_TIMEOUTS)
    if endpoint is not None:
        config |= {"s3": {"addressing_style": "path"}, "proxies": environment_proxies(endpoint)}
    return {**options, "config_kwargs": config}


def obstore_options(endpoint: str | None) -> dict[str, Any]:
    """The ``client_options`` of an obstore store at an endpoint, None for Amazon's."""
    # obstore's own limit of 30 s for a whole answer would end slow but steady ones.
    client: dict[str, Any] = {
        "timeout": "10m",
        "read_timeout": f"{READ_TIMEOUT}s",
        "connect_timeout": f"{CONNECT_TIMEOUT}s",
    }
    if certificates := s3_certificates():
        client["root_certificate"] = Path(certificates).read_bytes()
    if endpoint is not None:
        client["allow_http"] = endpoint.startswith("http://")
        if is_loopback(endpoint):  # any proxy, but not for this host: the environment's is unused
            client |= {"proxy_url": endpoint, "proxy_excludes": urlsplit(endpoint).hostname}
    return client
