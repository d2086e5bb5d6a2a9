"""The links of a granule: its addresses in S3, over HTTPS and on this machine's disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Access = Literal["auto", "s3", "https", "local"]
"""How a granule is reached: ``auto`` takes a local file, else S3, else HTTPS."""

Transport = Literal["s3", "https", "local"]
"""How a granule is reached, once ``auto`` has been settled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GranuleLinks:
    """Where a granule can be read; holds no secret, so that it can be pickled to workers."""

    s3: str | None = None
    """``s3://bucket/key``."""
    https: str | None = None
    """URL of the same file at its data centre."""
    local: str | None = None
    """Path on this machine."""
    credentials_endpoint: str | None = None
    """URL that gives temporary S3 keys; None for AWS's own credential chain."""
    region: str = "us-west-2"
    """AWS region of the bucket."""
    checksum: str | None = None
    """Multihash in hex (the STAC file extension's ``file:checksum``), where the record has one."""
