"""The file name of a granule of any product, read."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Final, Literal

from catalog_builder.errors import ProductError
from catalog_builder.products.facts import PHOTONS, product_named
from catalog_builder.products.product import NameForm, Product

OrbitState = Literal["ascending", "descending", "crossing"]

TRACKS: Final = 1387
"""Reference ground tracks (rgt) in one 91-day cycle."""

REGIONS: Final = 14
"""Regions that one revolution is cut into."""

REGION_MIDDLES: Final = (13, 43, 70, 90, 110, 137, 167, 193, 218, 245, 270, 295, 322, 347)
"""Degrees of flight since the ascending node, rounded, at the middle of regions 1 to 14.

The cuts lie at the equator, 27°, 59.5° and 80° north, 27°, 50° and 79° south.
"""

_ASCENDING_REGIONS = frozenset({1, 2, 3, 12, 13, 14})
_DESCENDING_REGIONS = frozenset({5, 6, 7, 8, 9, 10})

ID_PATTERN: Final = r"ATL\d\d(QL)?(-0[12])?_\d{14}_\d{8}_\d{3}_\d{2}(_\d{3}_\d{2})?"
"""A regular expression that the form of an id matches; its numbers may still be impossible."""

_NAME: Final = re.compile(
    r"(?:processed_)?(?P<product>ATL\d\d(?:QL)?)(?:-(?P<hemisphere>0[12]))?"
    r"_(?P<time>\d{14})_(?P<rgt>\d{4})(?P<cycle>\d\d)(?P<region>\d\d)"
    r"_(?P<release>\d{3})_(?P<revision>\d\d)"
    r"(?:_(?P<own_release>\d{3})_(?P<own_revision>\d\d))?(?![0-9])"
)
_PRODUCT: Final = re.compile(r"(?:processed_)?(?P<product>ATL\d\d(?:QL)?)(?=[-_])")

_FORMS: Final[dict[NameForm, str]] = {
    "granule": "[yyyymmddhhmmss]_[ttttccrr]_[vvv]_[rr].h5",
    "hemisphere": "-[hh]_[yyyymmddhhmmss]_[ttttccrr]_[vvv]_[rr].h5",
    "made from ATL03": "[yyyymmddhhmmss]_[ttttccrr]_[ATL03's vvv_rr]_[vvv]_[rr].h5",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GranuleName:
    """The file name of a granule. Made by :meth:`parse`."""

    product: Product = field(default_factory=lambda: PHOTONS)
    start: datetime
    """Start of the granule, UTC, whole seconds; the data may begin some seconds off. A granule and
    its siblings may begin at other seconds."""
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
    def parse(cls, text: str) -> GranuleName:
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
            start = datetime.fromisoformat(f"{match['time'][:8]}T{match['time'][8:]}Z")
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
        """The file name without ``.h5``: what the catalog calls the granule."""
        start = self.start
        hemisphere = "" if self.hemisphere is None else f"-{self.hemisphere:02d}"
        source = "" if self.made_from is None else "_%s_%02d" % self.made_from  # noqa: UP031
        # With %, which takes a third of the time that strftime or an f-string does.
        return "%s%s_%04d%02d%02d%02d%02d%02d_%04d%02d%02d%s_%s_%02d" % (  # noqa: UP031
            *(self.product.short_name, hemisphere),
            *(start.year, start.month, start.day, start.hour, start.minute, start.second),
            *(self.rgt, self.cycle, self.region, source, self.release, self.revision),
        )

    @property
    def collection(self) -> str:
        """Id of its collection in a catalog: ``ATL03_007``."""
        return f"{self.product.short_name}_{self.release}"

    @property
    def middle(self) -> float:
        """Argument of latitude, degrees, in the middle of what the granule covers.

        It decides between the ascending and the descending pass where a ring does not.
        """
        if self.hemisphere is not None:
            return 90.0 if self.hemisphere == 1 else 270.0
        return float(REGION_MIDDLES[self.region - 1])

    @property
    def orbit_state(self) -> OrbitState:
        """Direction of flight; ``crossing`` where the granule holds a turn."""
        if self.product.extent != "region":
            return "crossing"
        if self.region in _ASCENDING_REGIONS:
            return "ascending"
        if self.region in _DESCENDING_REGIONS:
            return "descending"
        return "crossing"


@dataclass(frozen=True, slots=True, kw_only=True)
class IdFields:
    """Where an id has its fields.

    Slices serve columns of ids in Arrow and NumPy; one id is read by :meth:`GranuleName.parse`.
    """

    date: slice
    """``20181014``."""
    cycle: slice
    """``01``."""


ID_STEM: Final = slice(0, -3)
"""Where an id has what all revisions of a granule in one release share: all but ``_01``."""


def pass_of(granule: str) -> str:
    """Track, cycle and region, eight digits, of a granule, from what is known to be its id."""
    shift = len("-01") if granule[5:6] == "-" else 0
    return granule[21 + shift : 29 + shift]


@cache
def _fields(shift: int) -> IdFields:
    return IdFields(
        date=slice(6 + shift, 14 + shift),
        cycle=slice(25 + shift, 27 + shift),
    )


def id_fields(granule: str) -> IdFields:
    """Where the ids of a product have their fields, by one of them."""
    return _fields(granule.index("_") - len("ATL03"))


def day_of(granule: str) -> tuple[int, str]:
    """Cycle and date, ``2018-10-14``, of a granule, from what is known to be its id."""
    fields = id_fields(granule)
    return int(granule[fields.cycle]), iso_date(granule[fields.date])


def collection_of(granule: str) -> str:
    """Id of the collection of a granule, from what is known to be its id: ``ATL03_007``."""
    return f"{granule[:5]}_{granule[-6:-3]}"


def iso_date(compact: str) -> str:
    """``2018-10-14`` from ``20181014``, as an id has it."""
    return f"{compact[:4]}-{compact[4:6]}-{compact[6:]}"


def stem_of(granule: str) -> str:
    """What all revisions of a granule in one release share, from what is known to be its id."""
    return granule[ID_STEM]


def is_granule_id(text: object) -> bool:
    """Whether this is a granule's id and nothing more."""
    try:
        return isinstance(text, str) and GranuleName.parse(text).id == text
    except ProductError:
        return False


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
