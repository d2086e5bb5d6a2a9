"""A granule's record in CMR (UMM-G): the fields that are used here, decoded from JSON.

Fields have their names in UMM-G 1.6.6 (https://github.com/nasa/Common-Metadata-Repository).
Records are decoded straight from the bytes of a page; fields that are not declared here, about
half of a record, are skipped and never become objects.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct, field

from catalog_builder.catalog.cmr.damaged_page import salvage, split_records
from catalog_builder.catalog.footprint.raw_footprint import Direction


class Meta(Struct, frozen=True, gc=False, rename="kebab"):
    """CMR's own data about a record."""

    concept_id: str
    provider_id: str
    revision_id: int
    revision_date: str


class RangeDateTime(Struct, frozen=True, gc=False, rename="pascal"):
    """A time span."""

    beginning_date_time: str
    ending_date_time: str


class TemporalExtent(Struct, frozen=True, gc=False, rename="pascal"):
    """A time span or a single time."""

    range_date_time: RangeDateTime | None = None
    single_date_time: str | None = None


class Point(Struct, frozen=True, gc=False, rename="pascal"):
    """A vertex, degrees."""

    longitude: float
    latitude: float


class Boundary(Struct, frozen=True, gc=False, rename="pascal"):
    """A ring."""

    points: list[Point]


class GPolygon(Struct, frozen=True, gc=False, rename="pascal"):
    """A ring, perhaps with holes."""

    boundary: Boundary
    exclusive_zone: Any = None


class Geometry(Struct, frozen=True, gc=False, rename="pascal"):
    """Where a granule in the cloud lies. Only polygons are read; other shapes are only noted."""

    g_polygons: list[GPolygon] | None = None
    points: Any = None
    bounding_rectangles: Any = None
    lines: Any = None

    @property
    def kinds(self) -> list[str]:
        """Names of the kinds of shapes in the record."""
        kinds = msgspec.structs.fields(self)
        return [kind.encode_name for kind in kinds if getattr(self, kind.name) is not None]


class Orbit(Struct, frozen=True, gc=False, rename="pascal"):
    """Where an on-premises granule lies: part of an orbit, degrees."""

    ascending_crossing: float
    start_latitude: float
    start_direction: Direction
    end_latitude: float
    end_direction: Direction


class HorizontalSpatialDomain(Struct, frozen=True, gc=False, rename="pascal"):
    """The geometry of a granule in the cloud, or the orbit of one on premises."""

    geometry: Geometry | None = None
    orbit: Orbit | None = None


class SpatialExtent(Struct, frozen=True, gc=False, rename="pascal"):
    """Where the granule lies."""

    horizontal_spatial_domain: HorizontalSpatialDomain


class RelatedUrl(Struct, frozen=True, gc=False, rename="pascal"):
    """A link."""

    url: str = field(default="", name="URL")
    type: str | None = None


class Checksum(Struct, frozen=True, gc=False, rename="pascal"):
    """Checksum of a file."""

    algorithm: str
    value: str


class File(Struct, frozen=True, gc=False, rename="pascal"):
    """One of a granule's files."""

    name: str | None = None
    size_in_bytes: int | None = None
    size: float | None = None
    size_unit: str | None = None
    checksum: Checksum | None = None


class DataGranule(Struct, frozen=True, gc=False, rename="pascal"):
    """The granule's files, and when they were made."""

    production_date_time: str | None = None
    archive_and_distribution_information: list[File] | None = None


class OrbitCalculatedSpatialDomain(Struct, frozen=True, gc=False, rename="pascal"):
    """Number of orbits since launch; for several orbits, that of the first."""

    orbit_number: int | None = None
    begin_orbit_number: int | None = None


class Umm(Struct, frozen=True, gc=False, rename="pascal"):
    """The archive's metadata of the granule."""

    temporal_extent: TemporalExtent
    spatial_extent: SpatialExtent
    granule_ur: str | None = field(default=None, name="GranuleUR")
    related_urls: list[RelatedUrl] | None = None
    data_granule: DataGranule | None = None
    orbit_calculated_spatial_domains: list[OrbitCalculatedSpatialDomain] | None = None


class Record(Struct, frozen=True, gc=False):
    """One item of a ``granules.umm_json`` answer."""

    meta: Meta
    umm: Umm

    @property
    def granule_ur(self) -> str:
        """The record's own name, for messages; ``?`` if it has none."""
        return self.umm.granule_ur or "?"


class MalformedRecord(NamedTuple):
    """An item that does not follow UMM-G, and what could be read of it."""

    meta: Meta
    """Unreadable values are empty."""
    granule_ur: str
    """The record's own name; ``?`` if it has none."""
    reason: str
    """What is wrong, and where."""


MOST_REVISIONS: Final = 10**6
"""Highest plausible revision of a record; NASA's reach some hundred."""

_LONGEST: Final = 200
"""Most characters kept of each text of a malformed record."""


class _TypedPage(Struct):
    items: list[Record]


# Not strict, because a number may come as a string.
_PAGE: Final = msgspec.json.Decoder(_TypedPage, strict=False)
_RECORD: Final = msgspec.json.Decoder(Record, strict=False)


def read_page(body: bytes) -> list[Record | MalformedRecord]:
    """Decode the records of a page in UMM JSON; raises ValueError if it is not a page.

    If a record is malformed or not JSON, records are decoded one by one, so that only this one is
    lost.
    """
    try:
        return [*_PAGE.decode(body).items]
    except (ValueError, RecursionError):
        return [_read_raw(raw) for raw in split_records(body)]


def read_record(record: object) -> Record | MalformedRecord:
    """One record, given as dictionaries."""
    try:
        return msgspec.convert(record, Record, strict=False)
    except (ValueError, RecursionError) as error:  # a lone surrogate is no ValidationError
        return _malformed(record, error)


def read_time(text: str) -> datetime:
    """A time, taken as UTC if it names no zone. Raises ValueError."""
    time = datetime.fromisoformat(text)
    if time.tzinfo is UTC:
        return time
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def granule_ur(record: object) -> str:
    """``GranuleUR`` of a record given as dictionaries; ``?`` if it has none."""
    return str(_part(record, "umm").get("GranuleUR") or "?")


def concept_id(record: object) -> str:
    """CMR's id of a record in dictionaries; ``?`` where it does not say."""
    return str(_part(record, "meta").get("concept-id") or "?")


def _read_raw(raw: bytes) -> Record | MalformedRecord:
    try:
        return _RECORD.decode(raw)
    except (ValueError, RecursionError) as error:
        return _malformed(salvage(raw), error)


def _malformed(record: object, error: Exception) -> MalformedRecord:
    meta = _part(record, "meta")
    revision = 0
    with contextlib.suppress(KeyError, TypeError, ValueError, OverflowError):
        revision = int(meta["revision-id"])
    known = Meta(
        concept_id=_short(meta.get("concept-id") or ""),
        provider_id=_short(meta.get("provider-id") or ""),
        revision_id=revision if 0 <= revision <= MOST_REVISIONS else 0,
        revision_date=_short(meta.get("revision-date") or ""),
    )
    if isinstance(error, msgspec.ValidationError):
        reason = _reason(str(error))
    elif isinstance(error, RecursionError):
        reason = "The record is nested too deeply."
    else:
        reason = f"The record is not JSON: {_short(error)}."
    return MalformedRecord(known, _short(granule_ur(record)), reason)


def _short(value: object) -> str:
    """A value as text that can be stored and shown: short, and valid Unicode."""
    return str(value)[:_LONGEST].encode("utf-8", "replace").decode()


def _part(record: object, key: str) -> Mapping[str, Any]:
    """The object under a key of a record; empty if there is none."""
    part = record.get(key) if isinstance(record, Mapping) else None
    return part if isinstance(part, Mapping) else {}


_PATH: Final = re.compile(r" - at `\$\.?(.*)`$")
_LACKING: Final = re.compile(r"Object missing required field `(.*)`")


def _reason(message: str) -> str:
    """A sentence from msgspec's message (``... - at `$.umm.TemporalExtent```)."""
    at = _PATH.search(message)
    path = at[1] if at else ""
    what = _PATH.sub("", message)
    if lacking := _LACKING.fullmatch(what):
        return f"The record lacks {f'{path}.{lacking[1]}'.lstrip('.')}."
    where = f" at {path}" if path else ""
    return f"The record does not follow UMM-G: {what[:1].lower()}{what[1:]}{where}."
