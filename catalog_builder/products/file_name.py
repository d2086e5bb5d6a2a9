"""The file name of a granule of any product, read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from catalog_builder.atl03 import REGIONS, TRACKS
from catalog_builder.errors import ProductError
from catalog_builder.products.facts import product_named
from catalog_builder.products.product import NameForm, Product

_NAME: Final = re.compile(
    r"(?:processed_)?(?P<product>ATL\d\d)(?:-(?P<hemisphere>0[12]))?"
    r"_(?P<time>\d{14})_(?P<rgt>\d{4})(?P<cycle>\d\d)(?P<region>\d\d)"
    r"_(?P<release>\d{3})_(?P<revision>\d\d)"
    r"(?:_(?P<own_release>\d{3})_(?P<own_revision>\d\d))?(?![0-9])"
)
_PRODUCT: Final = re.compile(r"(?:processed_)?(?P<product>ATL\d\d)(?=[-_])")

_FORMS: Final[dict[NameForm, str]] = {
    "granule": "[yyyymmddhhmmss]_[ttttccrr]_[vvv]_[rr].h5",
    "hemisphere": "-[hh]_[yyyymmddhhmmss]_[ttttccrr]_[vvv]_[rr].h5",
    "made from ATL03": "[yyyymmddhhmmss]_[ttttccrr]_[ATL03's vvv_rr]_[vvv]_[rr].h5",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductFileName:
    """The file name of a granule. Made by :meth:`parse`."""

    product: Product
    start: datetime
    """UTC, whole seconds. Not in the products' pairs: they may begin at other seconds."""
    rgt: int
    """Reference ground track, 1 to 1387; of a granule of several orbits, the first."""
    cycle: int
    region: int
    """1 to 14, and 1 where granules are not cut by region."""
    release: str
    """Of the product, three digits."""
    revision: int
    hemisphere: int | None = None
    """1 Arctic, 2 Antarctic, where granules are cut so."""
    made_from: tuple[str, int] | None = None
    """Release and revision of the ATL03 granule, where the name tells them."""

    @classmethod
    def parse(cls, text: str) -> ProductFileName:
        """Read the name at the start of the last part of a path, URL or file name.

        What follows the name (``.h5``, a subsetter's suffix) does not matter. Raises
        :class:`~catalog_builder.errors.ProductError` where there is no such name, or where one of
        its numbers cannot be.
        """
        last, product = _last(text), product_of(text)
        if product is None:
            raise ProductError(f"{last[:80]!r} is not the name of an ICESat-2 granule.")
        match = _NAME.match(last)
        if match is None or not _fits(match, product):
            raise ProductError(
                f"{last[:80]!r} is not the name of an {product.short_name} granule: expected "
                f"{product.short_name}{'' if product.name_form == 'hemisphere' else '_'}"
                f"{_FORMS[product.name_form]}."
            )
        try:
            start = datetime.strptime(match["time"], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        except ValueError as error:
            raise ProductError(f"{last!r} names an impossible time: {match['time']}.") from error
        rgt, cycle, region = (int(match[part]) for part in ("rgt", "cycle", "region"))
        regions = REGIONS if product.extent == "region" else 1
        if not (1 <= rgt <= TRACKS and cycle >= 1 and 1 <= region <= regions):
            raise ProductError(
                f"{last!r} names an impossible track {rgt}, cycle {cycle} or region {region}."
            )
        release, revision = match["release"], int(match["revision"])
        made_from = None
        if product.name_form == "made from ATL03":
            made_from = release, revision
            release, revision = match["own_release"], int(match["own_revision"])
        hemisphere = match["hemisphere"]
        return cls(
            product=product,
            start=start,
            rgt=rgt,
            cycle=cycle,
            region=region,
            release=release,
            revision=revision,
            hemisphere=None if hemisphere is None else int(hemisphere),
            made_from=made_from,
        )

    @property
    def id(self) -> str:
        """The file name without ``.h5``."""
        hemisphere = "" if self.hemisphere is None else f"-{self.hemisphere:02d}"
        source = "" if self.made_from is None else "_{}_{:02d}".format(*self.made_from)
        return (
            f"{self.product.short_name}{hemisphere}_{self.start:%Y%m%d%H%M%S}"
            f"_{self.rgt:04d}{self.cycle:02d}{self.region:02d}{source}"
            f"_{self.release}_{self.revision:02d}"
        )


def product_of(text: str) -> Product | None:
    """The product with which the last part of a path, URL or file name begins; None for none.

    Raises :class:`~catalog_builder.errors.ProductError` for one that is not opened.
    """
    known = _PRODUCT.match(_last(text))
    return None if known is None else product_named(known["product"])


def _last(text: str) -> str:
    return text.partition("?")[0].rstrip("/").replace("\\", "/").rpartition("/")[2]


def _fits(match: re.Match[str], product: Product) -> bool:
    """Whether a name has the parts that those of the product have, and no others."""
    own = match["own_release"] is not None
    return (match["hemisphere"] is not None) == (product.name_form == "hemisphere") and (
        own or product.name_form != "made from ATL03"
    )
