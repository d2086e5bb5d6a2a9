"""What is known of a product before a file of it is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

NameForm = Literal["granule", "hemisphere", "made from ATL03"]
"""How files are named: as ATL03's are; with ``-01`` (Arctic) or ``-02`` (Antarctic) behind the
product; or with the release and revision of the ATL03 granule before their own."""

Extent = Literal["region", "hemisphere", "four orbits"]
"""What a granule covers: a region, one of 14 parts of a revolution; the part of a revolution over
one hemisphere; or four revolutions, of which the name has the first track."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Rows of one kind in a beam: one a segment, or one a photon."""

    dimension: str
    """Name of the dimension in a Dataset: ``segment``, ``photon``."""
    group: str
    """The group within the beam whose datasets, and those of the groups in it, have such rows;
    empty for the beam itself."""
    latitude: str | None
    """Name of the dataset with the latitude of each row, degrees; None where rows have none."""
    longitude: str | None
    time: str | None
    """Name of the dataset with the time of each row, seconds since 2018-01-01T00:00Z."""

    def path(self, name: str) -> str:
        """Path within the beam of a dataset in the group."""
        return f"{self.group}/{name}" if self.group else name


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentJoin:
    """Rows name a photon of ATL03 by its segment and its place in it, both counted from 1."""

    segment: str
    """Paths within the beam: the segment of each row, as ATL03's ``segment_id`` counts,"""
    place: str
    """which photon of the segment it is,"""
    first: str
    """and, a row a land segment, the first segment and the last one that it has photons of,"""
    last: str
    count: str
    """and how many rows those photons have. Rows are sorted by segment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotonJoin:
    """Rows name a photon of ATL03 by its place in the beam, counted from 0; they ascend."""

    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotonClasses:
    """The classes that a product gives to photons of ATL03."""

    join: SegmentJoin | PhotonJoin
    time: str
    """Path of the time of each row: that of its photon,"""
    tolerance: float
    """within so many seconds; 0 for bit for bit."""
    label: str
    """Path of the class of each row."""
    meanings: Mapping[int, str]
    """What the classes are called."""
    las: Mapping[int, int] = field(default_factory=dict)
    """Their codes in LAS 1.4 (table 17, and the domain profile for bathymetry)."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Further datasets of these rows that come with the class: name in the Dataset -> path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A product of ICESat-2."""

    short_name: str
    """As CMR has it: ``ATL08``."""
    title: str
    name_form: NameForm = "granule"
    extent: Extent = "region"
    rates: tuple[Rate, ...]
    """The kinds of rows of a beam, the main one first: what a beam is opened by."""
    defaults: tuple[str, ...]
    """Paths within the main group of what a beam is opened with unless variables are named."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Name of the second dimension of datasets that have one, by their own name."""
    types: Mapping[str, str] = field(default_factory=dict)
    """Type of the datasets that are named here, by their own name, where it is not float32."""
    classes: PhotonClasses | None = None
    keywords: tuple[str, ...] = ()
    """What the catalog's collection is found by, beside the archive's own keywords."""
    level: str = "L3A"
    """NASA's processing level."""
    variables: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Unit and meaning of the main variables of the main group."""
    quick_look_of: str | None = None
    """Short name of the product whose granules replace those of this one."""
    counts_photons: bool = False
    """Whether segments tell how many photons they hold: such a product is opened by photon."""

    def __hash__(self) -> int:
        return hash(self.short_name)

    @property
    def main(self) -> Rate:
        """The rows that a beam is opened by."""
        return self.rates[0]

    def type_of(self, path: str) -> str:
        """Type of a dataset that is named here, as NumPy writes it: ``f4``."""
        return self.types.get(path.rpartition("/")[2], "f4")

    def rate_of(self, path: str) -> Rate | None:
        """Which rows a dataset has, by its path within the beam; None for rows of their own."""
        group = path.rpartition("/")[0]
        for rate in self.rates:
            if group == rate.group or (rate.group and group.startswith(f"{rate.group}/")):
                return rate
        return None
