"""A collection in CMR, parsed from its record (UMM-C).

Names in the docstrings are those of UMM-C 1.18
(https://cdn.earthdata.nasa.gov/umm/collection/v1.18.0).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from catalog_builder.errors import RecordError, WindowError
from catalog_builder.geo.window import Box, parse_box, parse_interval

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DOI_RESOLVER = "https://doi.org/"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataCenter:
    """An organisation that produced or archives the data (``DataCenters``)."""

    name: str
    """Short name: ``NASA NSIDC DAAC``."""
    long_name: str | None = None
    """Name in full."""
    roles: tuple[str, ...] = ()
    """ARCHIVER, DISTRIBUTOR, PROCESSOR, ORIGINATOR, as UMM-C has them."""
    url: str | None = None
    """Its home page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelatedLink:
    """A page or document about the collection (``RelatedUrls``)."""

    url: str
    kind: str
    """UMM's ``Type`` and ``Subtype``: ``VIEW RELATED INFORMATION: USER'S GUIDE``."""
    title: str | None = None
    """Description."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """All granules of one release of a product at one provider."""

    concept_id: str
    """CMR's id: ``C3326974349-NSIDC_CPRD``."""
    short_name: str
    """The product: ``ATL03``."""
    version: str
    """Release: ``007``."""
    title: str
    """``EntryTitle``."""
    provider: str
    """CMR's name of the archive: ``NSIDC_CPRD``."""
    revision_id: int
    """Revision of the record, from 1."""
    revision_date: datetime
    """When the record was last revised, UTC."""
    abstract: str
    """Description of the data, some sentences."""
    start: datetime
    """First moment of the data, UTC."""
    end: datetime | None
    """Last moment of the data, UTC; None if data are still being added."""
    boxes: tuple[Box, ...]
    """Extent of the data: west, south, east, north, degrees; the whole Earth if the record has no
    rectangle."""
    cloud_hosted: bool
    """Whether the granules lie in a bucket: the record has ``DirectDistributionInformation``."""
    region: str | None = None
    """AWS region of the buckets: ``us-west-2``."""
    prefixes: tuple[str, ...] = ()
    """Where the granules lie, bucket first, without ``s3://``:
    ``nsidc-cumulus-prod-protected/ATLAS/ATL03/007``."""
    credentials_endpoint: str | None = None
    """URL that gives temporary S3 keys."""
    granule_count: int | None = None
    """Number of granules, if CMR gives it."""
    doi: str | None = None
    """``10.5067/ATLAS/ATL03.007``."""
    citation: str | None = None
    """How to cite the data."""
    license_url: str | None = None
    """Terms of use."""
    landing_page: str | None = None
    """Web page about the data."""
    data_centers: tuple[DataCenter, ...] = ()
    """Organisations that produced and archive the data."""
    links: tuple[RelatedLink, ...] = ()
    """Pages and documents about the data."""
    keywords: tuple[str, ...] = ()
    """Science keywords, the most specific word of each, without repeats."""
    processing_level: str | None = None
    """NASA's level: ``2A``."""
    platforms: tuple[str, ...] = ()
    """Spacecraft: ``ICESat-2``."""
    instruments: tuple[str, ...] = ()
    """Instruments: ``ATLAS``."""

    @property
    def id(self) -> str:
        """Id of the collection in a catalog: ``ATL03_007``."""
        return f"{self.short_name}_{self.version}"


def parse_collection(record: Mapping[str, Any]) -> Collection:
    """Read one item of ``collections.umm_json``: ``{"meta": ..., "umm": ...}``.

    Raises :class:`~catalog_builder.errors.RecordError` if a required field is missing.
    """
    name = _get(record, "meta", "concept-id") or "without concept id"
    try:
        return _parse(record["meta"], record["umm"])
    except KeyError as error:
        raise RecordError(f"The collection record {name} lacks {error.args[0]!r}.") from error
    except (AttributeError, TypeError, ValueError) as error:
        raise RecordError(f"The collection record {name} cannot be read: {error}") from error


def _parse(meta: Mapping[str, Any], umm: Mapping[str, Any]) -> Collection:
    direct = umm.get("DirectDistributionInformation") or {}
    doi = _doi(umm)
    start, end = _period(umm)
    links = tuple(_links(umm))
    return Collection(
        concept_id=meta["concept-id"],
        short_name=umm["ShortName"],
        version=umm["Version"],
        title=umm["EntryTitle"],
        provider=meta["provider-id"],
        revision_id=int(meta["revision-id"]),
        revision_date=_instant(meta["revision-date"]),
        abstract=" ".join(umm["Abstract"].split()),
        start=start,
        end=end,
        boxes=_boxes(umm),
        cloud_hosted=bool(direct),
        region=direct.get("Region"),
        prefixes=tuple(
            prefix.removeprefix("s3://").rstrip("/")
            for prefix in direct.get("S3BucketAndObjectPrefixNames", ())
        ),
        credentials_endpoint=direct.get("S3CredentialsAPIEndpoint"),
        granule_count=meta.get("granule-count"),
        doi=doi,
        citation=_citation(umm, doi),
        license_url=_get(umm, "UseConstraints", "LicenseURL", "Linkage"),
        landing_page=_landing_page(links, doi),
        data_centers=tuple(_data_center(center) for center in umm.get("DataCenters") or ()),
        links=links,
        keywords=_keywords(umm),
        processing_level=_get(umm, "ProcessingLevel", "Id"),
        platforms=tuple(platform["ShortName"] for platform in umm.get("Platforms") or ()),
        instruments=tuple(
            dict.fromkeys(
                instrument["ShortName"]
                for platform in umm.get("Platforms") or ()
                for instrument in platform.get("Instruments") or ()
            )
        ),
    )


def _get(value: Any, *path: str) -> Any:
    """The value at a path of keys, or None if a key is missing."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def _instant(text: str) -> datetime:
    instant, _ = parse_interval(text)
    if instant is None:
        raise WindowError(f"{text!r} is not a time.")
    return instant


def _period(umm: Mapping[str, Any]) -> tuple[datetime, datetime | None]:
    """First and last moment of all ``TemporalExtents``; None if one has no end."""
    starts: list[datetime] = []
    ends: list[datetime | None] = []
    for extent in umm["TemporalExtents"]:
        for span in extent.get("RangeDateTimes") or ():
            last = span.get("EndingDateTime")
            is_open = last is None or extent.get("EndsAtPresentFlag")
            starts.append(_instant(span["BeginningDateTime"]))
            ends.append(None if is_open else _instant(last))
        for single in extent.get("SingleDateTimes") or ():
            starts.append(_instant(single))
            ends.append(_instant(single))
    if not starts:
        raise KeyError("TemporalExtents/RangeDateTimes")
    closed = [end for end in ends if end is not None]
    return min(starts), max(closed) if len(closed) == len(ends) else None


def _boxes(umm: Mapping[str, Any]) -> tuple[Box, ...]:
    geometry = _get(umm, "SpatialExtent", "HorizontalSpatialDomain", "Geometry") or {}
    sides = ("West", "South", "East", "North")
    return tuple(
        parse_box([rectangle[f"{side}BoundingCoordinate"] for side in sides])
        for rectangle in geometry.get("BoundingRectangles") or ()
    ) or ((-180.0, -90.0, 180.0, 90.0),)


def _doi(umm: Mapping[str, Any]) -> str | None:
    """The DOI itself: some records put the resolver's URL before it."""
    doi: str | None = _get(umm, "DOI", "DOI")
    if not doi:
        return None
    _, marker, name = doi.partition("doi.org/")
    return (name if marker else doi.removeprefix("doi:")).strip()


def _citation(umm: Mapping[str, Any], doi: str | None) -> str | None:
    """NSIDC's form: Creator (year). Title, Version v [Data Set]. Place. Publisher. DOI."""
    citations = umm.get("CollectionCitations")
    if not citations:
        return None
    first = citations[0]
    creator, year = first.get("Creator"), (first.get("ReleaseDate") or "")[:4]
    title = first.get("Title") or umm["EntryTitle"]
    version = first.get("Version") or umm["Version"]
    if "version" not in title.lower():
        title = f"{title}, Version {version.lstrip('0') or version}"
    parts = [
        " ".join(filter(None, (creator, f"({year})" if year else None))),
        f"{title} [Data Set]",
        first.get("ReleasePlace"),
        first.get("Publisher"),
    ]
    text = " ".join(f"{part.rstrip('. ')}." for part in parts if part)
    return f"{text} {_DOI_RESOLVER}{doi}" if doi else text


def _links(umm: Mapping[str, Any]) -> Iterator[RelatedLink]:
    for link in umm.get("RelatedUrls") or ():
        kind = ": ".join(filter(None, (link["Type"], link.get("Subtype"))))
        yield RelatedLink(url=link["URL"], kind=kind, title=link.get("Description"))


def _landing_page(links: tuple[RelatedLink, ...], doi: str | None) -> str | None:
    pages = {link.kind: link.url for link in reversed(links)}  # the first of each kind
    found = pages.get("DATA SET LANDING PAGE") or (_DOI_RESOLVER + doi if doi else None)
    return found or pages.get("PROJECT HOME PAGE")


def _data_center(center: Mapping[str, Any]) -> DataCenter:
    urls = _get(center, "ContactInformation", "RelatedUrls") or []
    return DataCenter(
        name=center["ShortName"],
        long_name=center.get("LongName"),
        roles=tuple(center.get("Roles") or ()),
        url=next((link["URL"] for link in urls if link.get("Type") == "HOME PAGE"), None),
    )


def _keywords(umm: Mapping[str, Any]) -> tuple[str, ...]:
    levels = ("DetailedVariable", "VariableLevel3", "VariableLevel2", "VariableLevel1", "Term")
    most_specific = (
        next((keyword[level] for level in levels if keyword.get(level)), keyword.get("Topic"))
        for keyword in umm.get("ScienceKeywords") or ()
    )
    return tuple(dict.fromkeys(word for word in most_specific if word))
