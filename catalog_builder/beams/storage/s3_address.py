"""The address of a granule in S3: its bucket and key, and the endpoint that is asked."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from catalog_builder.errors import AccessError

if TYPE_CHECKING:
    from catalog_builder.beams.storage.links import GranuleLinks

ENDPOINT_VARIABLE: Final = "AWS_ENDPOINT_URL_S3"
"""The standard variable that names another S3 than Amazon's; it is spoken to in path style."""

_HREF: Final = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(?P<key>.+)")
_REGION: Final = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]+")


def split_s3(links: GranuleLinks) -> tuple[str, str]:
    """Bucket and key of a granule's ``s3://bucket/key``.

    A catalog names bucket and region, and they become part of the host that keys are sent to.
    Raises :class:`~catalog_builder.errors.AccessError` for names that could lead to another host.
    """
    match = _HREF.fullmatch(links.s3 or "")
    if match is None or _REGION.fullmatch(links.region) is None:
        raise AccessError(
            f"{links.s3!r} in {links.region!r} is no S3 address: expected s3://bucket/key, and a "
            "region like us-west-2."
        )
    return match["bucket"], match["key"]


def s3_endpoint() -> str | None:
    """URL of the S3 that the environment names; None for Amazon's."""
    return os.environ.get(ENDPOINT_VARIABLE) or os.environ.get("AWS_ENDPOINT_URL") or None
