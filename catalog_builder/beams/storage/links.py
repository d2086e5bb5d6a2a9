"""The links of a granule: its addresses in S3, over HTTPS and on this machine's disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from catalog_builder.errors import AccessError

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

    def allowed(self, access: Access) -> dict[Transport, str]:
        """The transports that ``access`` allows, the preferred one first, each with its address.

        Raises :class:`~catalog_builder.errors.AccessError` where there is no link for them.
        """
        if access not in ("auto", "local", "s3", "https"):
            raise ValueError(f"access={access!r}: expected auto, s3, https or local.")
        links: dict[Transport, str | None] = {
            "local": self.local,
            "s3": self.s3,
            "https": self.https,
        }
        known = {transport: href for transport, href in links.items() if href}
        allowed = {t: href for t, href in known.items() if access in ("auto", t)}
        if not allowed:
            raise AccessError(
                f"access={access!r} needs a link that this granule lacks; it has "
                f"{', '.join(known) or 'none at all'}."
            )
        return allowed
