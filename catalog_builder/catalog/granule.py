"""One granule as the catalog knows it, read from a record of CMR.

CMR's granule records follow UMM-G (version 1.6.6,
https://github.com/nasa/Common-Metadata-Repository); paths into it are given below as
``A/B/C``. What a record holds becomes a :class:`Granule` here, once: no raw record goes further.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from catalog_builder.atl03 import REGION_MIDDLES, GranuleName
from catalog_builder.catalog.footprint import Footprint, draw
from catalog_builder.catalog.outline import Outline, orbit_extent, ring
from catalog_builder.errors import FootprintError, NotATL03Error, RecordError

LinkType = Literal[
    "GET DATA",
    "GET DATA VIA DIRECT ACCESS",
    "VIEW RELATED INFORMATION",
    "GET RELATED VISUALIZATION",
]

_CONCEPT_ID: Final = re.compile(r"[A-Z]+\d+-\w+", re.ASCII)
_MEBIBYTE: Final = 2**20
_BYTES_PER_UNIT: Final = {"KB": 2**10, "MB": _MEBIBYTE, "GB": 2**30, "TB": 2**40}
_MULTIHASH: Final = {"MD5": "d50110", "SHA-1": "1114", "SHA-256": "1220", "SHA-512": "1340"}
"""Prefixes of a multihash by UMM-G's names of algorithms: code and length
(https://multiformats.io/multihash/)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Granule:
    """One ATL03 granule: what it is, where it lies, and how to get at it."""

    name: GranuleName
    """Track, cycle, region, release and revision, from the file name in the data link."""
    concept_id: str
    """CMR's name of the record: ``G3476682272-NSIDC_CPRD``."""
    provider: str
    """The archive that holds it: ``NSIDC_CPRD`` in the cloud, ``NSIDC_ECS`` on premises."""
    revision_id: int
    """Revision of the record in CMR (not of the granule: that is ``name.revision``)."""
    revision_date: datetime
    """When CMR took that revision in, UTC."""
    start: datetime
    """Time of the first photon, UTC."""
    end: datetime
    """Time of the last photon, UTC."""
    footprint: Footprint
    """Where on Earth it lies."""
    s3_href: str | None
    """``s3://`` address in a protected bucket; None where it is not in the cloud."""
    https_href: str | None
    """Address for download, with a login."""
    metadata_href: str | None
    """Address of the granule's ISO 19115 metadata."""
    thumbnail_href: str | None
    """Address of a browse image."""
    size: int | None
    """Bytes, exactly; None where the record has no size or only a rounded one."""
    checksum: str | None
    """Multihash in hexadecimal, as STAC's ``file:checksum`` has it."""
    absolute_orbit: int | None
    """Revolutions since launch, at the granule's start."""
    produced: datetime | None
    """When the file was made, UTC."""

    @property
    def id(self) -> str:
        """The file name without ``.h5``."""
        return self.name.id


def parse_umm(record: Mapping[str, Any]) -> Granule:
    """Read one item of a ``granules.umm_json`` answer, ``{"meta": ..., "umm": ...}``.

    Raises :class:`~catalog_builder.errors.RecordError`, whose message is the reason, for a record
    that cannot be used.
    """
    (granule,) = parse_records([record])
    if isinstance(granule, RecordError):
        raise granule
    return granule


def parse_records(records: Iterable[Mapping[str, Any]]) -> list[Granule | RecordError]:
    """Read many records at once, which takes a fraction of the time; each as :func:`parse_umm`."""
    read = [_read(record) for record in records]
    drawn = iter(draw([one.outline for one in read if not isinstance(one, RecordError)]))
    return [one if isinstance(one, RecordError) else one.granule(next(drawn)) for one in read]


@dataclass(frozen=True, slots=True)
class _Read:
    """What a record says, its footprint not yet drawn."""

    outline: Outline
    facts: dict[str, Any]

    def granule(self, footprint: Footprint | FootprintError) -> Granule | RecordError:
        if isinstance(footprint, FootprintError):
            return footprint
        return Granule(footprint=footprint, **self.facts)


def _read(record: Mapping[str, Any]) -> _Read | RecordError:
    try:
        return _parse(record["meta"], record["umm"])
    except RecordError as error:
        return error
    except NotATL03Error as error:
        return RecordError(str(error))
    except KeyError as error:
        return RecordError(f"The record lacks {error.args[0]!r}.")
    except (TypeError, ValueError, AttributeError, IndexError) as error:
        return RecordError(f"The record is not as UMM-G has it: {error}.")


def _parse(meta: Mapping[str, Any], umm: Mapping[str, Any]) -> _Read:
    links = _links(umm.get("RelatedUrls", []))
    s3_href = next(filter(_is_s3, links.get("GET DATA VIA DIRECT ACCESS", ())), None)
    https_href = next(filter(_is_download, links.get("GET DATA", ())), None)
    name = _name(umm, s3_href, https_href)
    start, end = _interval(umm["TemporalExtent"])
    orbits = umm.get("OrbitCalculatedSpatialDomains") or [{}]
    data = umm.get("DataGranule", {})
    file = _file(data, name)
    produced = data.get("ProductionDateTime")
    facts = {
        "name": name,
        "concept_id": _concept_id(meta["concept-id"]),
        "provider": str(meta["provider-id"]),
        "revision_id": int(meta["revision-id"]),
        "revision_date": _time(meta["revision-date"]),
        "start": start,
        "end": end,
        "s3_href": s3_href,
        "https_href": https_href,
        "metadata_href": next(filter(_is_iso, links.get("VIEW RELATED INFORMATION", ())), None),
        "thumbnail_href": next(
            filter(_is_picture, links.get("GET RELATED VISUALIZATION", ())), None
        ),
        "size": _size(file),
        "checksum": _checksum(file.get("Checksum")),
        "absolute_orbit": orbits[0].get("OrbitNumber") or orbits[0].get("BeginOrbitNumber"),
        "produced": _time(produced) if produced else None,
    }
    outline = _outline(umm["SpatialExtent"]["HorizontalSpatialDomain"], name)
    return _Read(outline, facts)


def granule_ur(record: object) -> str:
    """What a record calls itself (GranuleUR), for messages; ``?`` where it does not say."""
    umm = record.get("umm") if isinstance(record, Mapping) else None
    return str(umm.get("GranuleUR") or "?") if isinstance(umm, Mapping) else "?"


def _links(related: Iterable[Mapping[str, Any]]) -> dict[LinkType, list[str]]:
    """URLs of a record by their type."""
    found: dict[LinkType, list[str]] = {}
    for link in related:
        kind = link.get("Type")
        if kind is not None:
            found.setdefault(kind, []).append(link["URL"])
    return found


def _is_iso(url: str) -> bool:
    return url.endswith(".iso.xml")


def _is_s3(url: str) -> bool:
    """Whether this is the granule itself: records also link public side files in ``-public``."""
    scheme, _, rest = url.partition("://")
    bucket = rest.partition("/")[0]
    return scheme.lower() == "s3" and url.endswith(".h5") and not bucket.endswith("-public")


def _is_download(url: str) -> bool:
    return url[:8].lower().startswith(("https://", "http://")) and url.endswith(".h5")


def _is_picture(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("https", "http") and parts.path.lower().endswith(
        (".jpg", ".jpeg", ".png")
    )


def _name(umm: Mapping[str, Any], s3_href: str | None, https_href: str | None) -> GranuleName:
    """The granule's name from its data links: GranuleUR is an archive's own key and may differ."""
    href = s3_href or https_href
    if href is None:
        raise RecordError(
            f"No link to the data (.h5) among {len(umm.get('RelatedUrls', []))} links."
        )
    name = GranuleName.parse(href)
    same = https_href and https_href.rpartition("/")[2] == href.rpartition("/")[2]
    if https_href and not same and GranuleName.parse(https_href) != name:
        raise RecordError(f"The links name two granules: {href} and {https_href}.")
    return name


def _concept_id(text: str) -> str:
    if not _CONCEPT_ID.fullmatch(text):
        raise RecordError(f"{text!r} is no concept id.")
    return text


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is UTC:
        return time
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _interval(extent: Mapping[str, Any]) -> tuple[datetime, datetime]:
    if "RangeDateTime" in extent:
        span = extent["RangeDateTime"]
        start, end = _time(span["BeginningDateTime"]), _time(span["EndingDateTime"])
    else:
        start = end = _time(extent["SingleDateTime"])
    if end < start:
        raise RecordError(f"The granule ends ({end}) before it starts ({start}).")
    return start, end


def _outline(domain: Mapping[str, Any], name: GranuleName) -> Outline:
    """Place from ``Geometry/GPolygons`` (cloud) or ``Orbit`` (on premises)."""
    if "Orbit" in domain:
        extent = domain["Orbit"]
        return orbit_extent(
            ascending_crossing=extent["AscendingCrossing"],
            start_latitude=extent["StartLatitude"],
            start_direction=extent["StartDirection"],
            end_latitude=extent["EndLatitude"],
            end_direction=extent["EndDirection"],
        )
    polygons = domain["Geometry"].get("GPolygons", [])
    if len(polygons) != 1 or "ExclusiveZone" in polygons[0]:
        raise RecordError(
            f"The footprint is {len(polygons)} polygons in {', '.join(domain['Geometry'])}: "
            "expected one without holes."
        )
    points = polygons[0]["Boundary"]["Points"]
    return ring(
        [point["Longitude"] for point in points],
        [point["Latitude"] for point in points],
        near=REGION_MIDDLES[name.region - 1],
    )


def _file(data: Mapping[str, Any], name: GranuleName) -> Mapping[str, Any]:
    """``DataGranule/ArchiveAndDistributionInformation`` of the granule itself."""
    files: list[Mapping[str, Any]] = data.get("ArchiveAndDistributionInformation") or [{}]
    named = (file for file in files if str(file.get("Name", "")).startswith(f"{name.id}.h5"))
    return next(named, files[0] if len(files) == 1 else {})


def _size(file: Mapping[str, Any]) -> int | None:
    """Bytes, where the record tells them exactly.

    ``SizeInBytes`` does. ``Size`` with a unit does where it is a fraction that makes whole bytes
    (517.1338815689087 MB are 542,254,177 bytes, in units of 2**20); ``544.0`` MB is rounded, and
    the unit ``NA`` says nothing.
    """
    if "SizeInBytes" in file:
        return int(file["SizeInBytes"])
    unit = _BYTES_PER_UNIT.get(str(file.get("SizeUnit")))
    size = float(file.get("Size", 0))
    if unit is None or size.is_integer():
        return None
    exact = size * unit
    return round(exact) if abs(exact - round(exact)) < 1e-3 else None


def _checksum(checksum: Mapping[str, str] | None) -> str | None:
    """Multihash of a checksum; None for an algorithm that has none, or a malformed value."""
    if checksum is None:
        return None
    prefix = _MULTIHASH.get(checksum["Algorithm"])
    value = checksum["Value"].lower()
    if prefix is None or not re.fullmatch(r"[0-9a-f]+", value):
        return None
    return prefix + value if len(value) == 2 * int(prefix[-2:], 16) else None
