"""In which AWS region this machine is, as far as it can tell.

S3 itself has the last word: a bucket answers inside its region only. What is found here explains
its answer.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import requests

_VENDOR: Final = Path("/sys/class/dmi/id/sys_vendor")
_METADATA: Final = "http://169.254.169.254"
_SECONDS: Final = 0.5


def machine_region(
    environ: Mapping[str, str] | None = None, *, vendor: Path = _VENDOR
) -> tuple[str | None, str]:
    """The region, None where it is not known, and who says so.

    Looks at ``AWS_REGION`` and ``AWS_DEFAULT_REGION``; then, only where the machine's firmware
    (``vendor``) calls itself Amazon EC2 or ``AWS_EC2_METADATA_SERVICE_ENDPOINT`` is set, asks the
    instance metadata service, for at most a second. ``AWS_EC2_METADATA_DISABLED`` forbids that.
    """
    environ = os.environ if environ is None else environ
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        if region := environ.get(variable):
            return region, variable
    endpoint = environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT")
    if environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        return None, "the instance metadata service is switched off"
    if endpoint is None and not _is_ec2(vendor):
        return None, "this is not a machine of Amazon EC2"
    try:
        return _ask_instance(endpoint or _METADATA), "instance metadata"
    except requests.RequestException:
        return None, "the instance metadata service did not answer"


def _is_ec2(vendor: Path) -> bool:
    try:
        return "amazon" in vendor.read_text().lower()
    except (OSError, UnicodeDecodeError):
        return False


def _ask_instance(endpoint: str) -> str:
    """Version 2 of the service: a session token first.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
    """
    endpoint = endpoint.rstrip("/")
    with requests.Session() as session:
        session.trust_env = False  # neither a proxy nor a netrc login is meant for it
        token = session.put(
            f"{endpoint}/latest/api/token",
            headers={"X-aws-ec2-metadata-token-ttl-seconds": "60"},
            timeout=_SECONDS,
        )
        token.raise_for_status()
        region = session.get(
            f"{endpoint}/latest/meta-data/placement/region",
            headers={"X-aws-ec2-metadata-token": _text(token)},
            timeout=_SECONDS,
        )
        region.raise_for_status()
        return _text(region)


def _text(answer: requests.Response) -> str:
    return answer.content.decode("ascii", "replace").strip()
