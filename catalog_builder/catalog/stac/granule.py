"""One granule of a catalog, parsed from its record in CMR.

Records (:mod:`catalog_builder.catalog.cmr.umm_g`) become a :class:`Granule` here; nothing else
reads them. Paths in a record are written ``A/B/C`` below.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from msgspec import Struct

from catalog_builder.catalog.cmr.umm_g import (
    MOST_REVISIONS,
    Checksum,
    DataGranule,
    File,
    MalformedRecord,
    Meta,
    Record,
    TemporalExtent,
    Umm,
    read_record,
    read_time,
)
from catalog_builder.catalog.footprint.raw_footprint import RawFootprint
from catalog_builder.catalog.footprint.swath import Footprint, draw
from catalog_builder.catalog.stac.record_footprint import record_footprint
from catalog_builder.catalog.stac.record_links import NO_LINKS, granule_links
from catalog_builder.errors import FootprintError, ProductError, RecordError
from catalog_builder.products.granule_name import GranuleName

_CONCEPT_ID: Final = re.compile(r"[A-Z]{1,4}\d{1,20}-\w{1,40}", re.ASCII)
_YEARS: Final = range(2018, 2100)
"""Plausible years of a granule: of its data, its file and its record."""
_MOST_BYTES: Final = 2**40
_MOST_ORBITS: Final = 10**6

_MEBIBYTE: Final = 2**20
_HEXADECIMAL: Final = re.compile(r"[0-9a-f]+")
_BYTES_PER_UNIT: Final = {"KB": 2**10, "MB": _MEBIBYTE, "GB": 2**30, "TB": 2**40}
_MULTIHASH: Final = {"MD5": "d50110", "SHA-1": "1114", "SHA-256": "1220", "SHA-512": "1340"}
"""Prefix of a multihash, code and length, by UMM-G's name of the algorithm
(https://multiformats.io/multihash/)."""


class Granule(Struct, frozen=True, kw_only=True, gc=False):
    """One granule: its name, its place and time, and its links."""

    name: GranuleName
    """Track, cycle, region, release and revision, from the file name in the data link."""
    concept_id: str
    """CMR's id of the record: ``G3476682272-NSIDC_CPRD``."""
    provider: str
    """The archive that holds it: ``NSIDC_CPRD`` in the cloud, ``NSIDC_ECS`` on premises."""
    revision_id: int
    """Revision of the record in CMR (not of the granule: that is ``name.revision``)."""
    revision_date: datetime
    """When CMR received that revision, UTC."""
    start: datetime
    """Time of the first photon, UTC."""
    end: datetime
    """Time of the last photon, UTC."""
    footprint: Footprint
    """The area that its photons lie in."""
    s3_href: str | None
    """``s3://`` address in a protected bucket; None if it is not in the cloud."""
    https_href: str | None
    """Address to download from, with a login."""
    metadata_href: str | None
    """Address of the granule's ISO 19115 metadata."""
    thumbnail_href: str | None
    """Address of a browse image."""
    size: int | None
    """Size in bytes, exact; None if the record has no size or a rounded one."""
    checksum: str | None
    """Multihash in hexadecimal, as STAC's ``file:checksum`` has it."""
    absolute_orbit: int | None
    """Number of orbits since launch, at the granule's start."""
    produced: datetime | None
    """When the file was made, UTC."""

    @property
    def id(self) -> str:
        """The file name without ``.h5``."""
        return self.name.id


def parse_umm(record: Mapping[str, Any]) -> Granule:
    """Read one item of a ``granules.umm_json`` answer, ``{"meta": ..., "umm": ...}``.

    Raises :class:`~catalog_builder.errors.RecordError`, with the reason, for a record that
    cannot be used.
    """
    (granule,) = parse_records([read_record(record)])
    if isinstance(granule, RecordError):
        raise granule
    return granule


def parse_records(
    records: Iterable[Record | MalformedRecord],
) -> list[Granule | RecordError]:
    """As :func:`parse_umm`, for many records at once, in a fraction of the time."""
    read = [_read(record) for record in records]
    drawn = iter(draw([one.raw_footprint for one in read if not isinstance(one, RecordError)]))
    return [one if isinstance(one, RecordError) else one.granule(next(drawn)) for one in read]


class _ParsedRecord(NamedTuple):
    """The values of a record; its footprint has not been computed yet."""

    raw_footprint: RawFootprint
    facts: dict[str, Any]

    def granule(self, footprint: Footprint | FootprintError) -> Granule | RecordError:
        if isinstance(footprint, FootprintError):
            return footprint
        return Granule(footprint=footprint, **self.facts)


def _read(record: Record | MalformedRecord) -> _ParsedRecord | RecordError:
    if isinstance(record, MalformedRecord):
        return RecordError(record.reason)
    try:
        return _parse(record.meta, record.umm)
    except RecordError as error:
        return error
    except ProductError as error:
        return RecordError(str(error))
    except (ValueError, OverflowError) as error:
        return RecordError(f"The record does not follow UMM-G: {error}.")


def _parse(meta: Meta, umm: Umm) -> _ParsedRecord:
    links = granule_links(umm.related_urls or ())
    name = _name(umm, links.get("s3_href"), links.get("https_href"))
    start, end = _interval(umm.temporal_extent)
    data = umm.data_granule or _NO_DATA
    file = _file(data, name)
    facts = {
        **NO_LINKS,
        **links,
        "name": name,
        "concept_id": _concept_id(meta.concept_id),
        "provider": meta.provider_id,
        "revision_id": _within(meta.revision_id, MOST_REVISIONS, "revision", least=1),
        "revision_date": _possible(read_time(meta.revision_date), "was recorded on"),
        "start": start,
        "end": end,
        "size": _size(file),
        "checksum": _checksum(file.checksum),
        "absolute_orbit": _absolute_orbit(umm),
        "produced": (
            _possible(read_time(data.production_date_time), "was made on")
            if data.production_date_time
            else None
        ),
    }
    domain = umm.spatial_extent.horizontal_spatial_domain
    return _ParsedRecord(record_footprint(domain, name, end - start), facts)


def _name(umm: Umm, s3_href: str | None, https_href: str | None) -> GranuleName:
    """The granule's name from its data links: GranuleUR, the archive's own key, may differ."""
    href = s3_href or https_href
    if href is None:
        raise RecordError(f"No link to the data (.h5) among {len(umm.related_urls or ())} links.")
    name = GranuleName.parse(href)
    same = https_href and https_href.rpartition("/")[2] == href.rpartition("/")[2]
    if https_href and not same and GranuleName.parse(https_href) != name:
        raise RecordError(f"The links name two granules: {href} and {https_href}.")
    return name


def _concept_id(text: str) -> str:
    if not _CONCEPT_ID.fullmatch(text):
        raise RecordError(f"{text[:80]!r} is not a concept id.")
    return text


def _within(number: int, most: int, what: str, *, least: int = 0) -> int:
    if not least <= number <= most:
        raise RecordError(f"The record has {what} {number:.6g}, which is impossible.")
    return number


def _possible(time: datetime, what: str) -> datetime:
    if time.year not in _YEARS:
        raise RecordError(
            f"The record says that the granule {what} {time:%Y-%m-%d}, which is impossible."
        )
    return time


def _interval(extent: TemporalExtent) -> tuple[datetime, datetime]:
    span = extent.range_date_time
    if span is not None:
        start, end = read_time(span.beginning_date_time), read_time(span.ending_date_time)
    elif extent.single_date_time is not None:
        start = end = read_time(extent.single_date_time)
    else:
        raise RecordError("The record lacks umm.TemporalExtent.RangeDateTime and SingleDateTime.")
    if end < start:
        raise RecordError(f"The granule ends ({end}) before it starts ({start}).")
    return _possible(start, "starts on"), _possible(end, "ends on")


def _absolute_orbit(umm: Umm) -> int | None:
    orbits = umm.orbit_calculated_spatial_domains
    number = orbits[0].orbit_number or orbits[0].begin_orbit_number if orbits else None
    return None if number is None else _within(number, _MOST_ORBITS, "orbit number")


_NO_DATA: Final = DataGranule()
_NO_FILE: Final = File()


def _file(data: DataGranule, name: GranuleName) -> File:
    """The entry of the granule itself in ``DataGranule/ArchiveAndDistributionInformation``."""
    files = data.archive_and_distribution_information or ()
    if len(files) == 1:
        return files[0]
    start = f"{name.id}.h5"
    return next((file for file in files if (file.name or "").startswith(start)), _NO_FILE)


def _size(file: File) -> int | None:
    """Size in bytes, if the record has it exactly.

    ``SizeInBytes`` is exact. ``Size`` with a unit is exact if it is a fraction that gives a whole
    number of bytes (517.1338815689087 MB are 542,254,177 bytes, in units of 2**20). ``544.0`` MB
    is rounded, and the unit ``NA`` is unknown.
    """
    if file.size_in_bytes is not None:
        return _within(file.size_in_bytes, _MOST_BYTES, "a size in bytes of")
    unit = _BYTES_PER_UNIT.get(file.size_unit or "")
    if unit is None or file.size is None or file.size.is_integer():
        return None
    exact = file.size * unit
    if not 0 <= exact <= _MOST_BYTES:
        raise RecordError(f"The record has a size of {file.size:.6g} {file.size_unit}.")
    return round(exact) if abs(exact - round(exact)) < 1e-3 else None


def _checksum(checksum: Checksum | None) -> str | None:
    """Multihash of a checksum; None for an unknown algorithm or a malformed value."""
    if checksum is None:
        return None
    prefix = _MULTIHASH.get(checksum.algorithm)
    value = checksum.value.lower()
    if prefix is None or not _HEXADECIMAL.fullmatch(value):
        return None
    return prefix + value if len(value) == 2 * int(prefix[-2:], 16) else None
