"""The links of a granule: its addresses in S3, over HTTPS and on this machine's disk."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from multiprocessing.context import get_spawning_popen
from typing import Any, Literal

from catalog_builder.errors import AccessError
from catalog_builder.products.granule_name import product_of

Access = Literal["auto", "s3", "https", "local"]
"""How a granule is reached: ``auto`` takes a local file, else S3, else HTTPS."""

Transport = Literal["s3", "https", "local"]
"""How a granule is reached, once ``auto`` has been settled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GranuleLinks:
    """Where a granule can be read; its pickle, for workers, holds no secret."""

    s3: str | None = None
    """``s3://bucket/key``."""
    https: str | None = None
    """URL of the same file at its data centre, or of a host, as its item has it."""
    local: str | None = None
    """Path on this machine."""
    credentials_endpoint: str | None = None
    """URL that gives temporary S3 keys; None for AWS's own credential chain."""
    region: str = "us-west-2"
    """AWS region of the bucket."""
    checksum: str | None = None
    """Multihash in hex (the STAC file extension's ``file:checksum``), where the record has one."""
    query: str = field(default="", repr=False)
    """What follows ``?`` in the user's own address of the file, or of the item that it lies
    beside: it may sign. It belongs to ``https``, is shown nowhere, and is in no pickle but that of
    an argument of a process that is being started."""
    is_incomplete: bool = False
    """Whether the query was left out of the pickle that this was read from."""

    def __reduce__(self) -> tuple[object, ...]:
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        if self.query and get_spawning_popen() is None:
            values |= {"query": "", "is_incomplete": True}
        return _unpickled, (values,)

    @property
    def is_sibling(self) -> bool:
        """Whether the granule's name begins with a product which is not opened by photon.

        Raises :class:`~catalog_builder.errors.ProductError` for a product that is not opened at
        all. A file by another name is taken for ATL03, and its reader says where it is not.
        """
        product = product_of(self.s3 or self.https or self.local or "")
        return product is not None and not product.counts_photons

    @property
    def https_url(self) -> str:
        """The URL to ask, with the query.

        Raises :class:`~catalog_builder.errors.AccessError` where that was left in another process.
        """
        if self.is_incomplete:
            raise AccessError(
                f"{self.https} is not read: its address came with a query, which may sign and so "
                "goes to no other process, and into no task of lazy photons. Open it in this "
                "process, and photons of an area without chunks."
            )
        return f"{self.https or ''}{f'?{self.query}' if self.query else ''}"

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


def _unpickled(values: dict[str, Any]) -> GranuleLinks:
    return GranuleLinks(**values)
