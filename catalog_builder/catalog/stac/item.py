"""A granule as a STAC Item, a CMR collection as a STAC Collection: plain dictionaries.

STAC 1.1 with the extensions sat, file, storage, authentication, processing, scientific and
version. Plain dictionaries, since half a million pystac objects cost minutes that JSON does not;
pystac reads and validates what is written here. Links are the published folder's business
(:mod:`catalog_builder.catalog.stac.pages`), and left empty where they are not given.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from catalog_builder import atl03
from catalog_builder.catalog.cmr.umm_c import Collection
from catalog_builder.catalog.stac.granule import Granule
from catalog_builder.geo.window import Box

Link = dict[str, str]
"""``rel``, ``href``, perhaps ``type`` and ``title``."""

Item = dict[str, Any]
"""A STAC Item as JSON has it; its times are in UTC and end in ``Z``."""

STAC_VERSION: Final = "1.1.0"
HDF5: Final = "application/x-hdf5"

_EXTENSIONS: Final = "https://stac-extensions.github.io"
_SAT: Final = f"{_EXTENSIONS}/sat/v1.2.0/schema.json"
_FILE: Final = f"{_EXTENSIONS}/file/v2.1.0/schema.json"
_STORAGE: Final = f"{_EXTENSIONS}/storage/v2.0.0/schema.json"
_AUTHENTICATION: Final = f"{_EXTENSIONS}/authentication/v1.1.0/schema.json"
_PROCESSING: Final = f"{_EXTENSIONS}/processing/v1.2.0/schema.json"
_SCIENTIFIC: Final = f"{_EXTENSIONS}/scientific/v1.0.0/schema.json"
_VERSION: Final = f"{_EXTENSIONS}/version/v1.2.0/schema.json"

_ITEM_EXTENSIONS: Final = [_AUTHENTICATION, _FILE, _PROCESSING, _SAT, _STORAGE]
_INSTRUMENTS: Final = ["atlas"]

_CONCEPTS: Final = "https://cmr.earthdata.nasa.gov/search/concepts"
"""Where CMR serves a record by its concept id: the metadata of a granule that names no other."""


def to_item(granule: Granule, collection: Collection) -> Item:
    """A STAC Item without links; every item has the same asset keys, where it has the asset."""
    return {**ItemMaker(collection).make(granule), "geometry": granule.footprint.geometry}


class ItemMaker:
    """Makes items of one collection.

    What is the same in many items is made once and shared by them: an item itself, its
    properties, its assets and each asset are its own, to be added to; what they hold is not to be
    changed in place.
    """

    def __init__(self, collection: Collection, links: Sequence[Link] = ()) -> None:
        self._collection = collection
        self._links = list(links)
        """Of every item."""
        self._auth = auth_schemes(collection)
        self._storage: dict[str, dict[str, Any]] = {}
        """Storage schemes by bucket."""

    def make(self, granule: Granule) -> Item:
        """The item of a granule, as :func:`to_item`, but the rings of its geometry are arrays."""
        granule_id = granule.id
        return {
            "type": "Feature",
            "stac_version": STAC_VERSION,
            "stac_extensions": _ITEM_EXTENSIONS,
            "id": granule_id,
            "geometry": granule.footprint.drawn,
            "bbox": list(granule.footprint.bbox),
            "properties": self._properties(granule, title=f"{granule_id}.h5"),
            "links": self._links,
            "assets": _assets(granule),
            "collection": self._collection.id,
        }

    def _properties(self, granule: Granule, *, title: str) -> dict[str, Any]:
        name, start, produced = granule.name, _text(granule.start), granule.produced
        properties: dict[str, Any] = {
            "title": title,
            "datetime": start,
            "start_datetime": start,
            "end_datetime": _text(granule.end),
            "updated": _text(granule.revision_date),
            "platform": "icesat-2",
            "instruments": _INSTRUMENTS,
            "sat:relative_orbit": name.rgt,
            "sat:orbit_cycle": name.cycle,
            "sat:orbit_state": name.orbit_state,
            "sat:absolute_orbit": granule.absolute_orbit,
            "icesat2:region": name.region,
            "icesat2:release": name.release,
            "icesat2:revision": name.revision,
            "cmr:concept_id": granule.concept_id,
            "cmr:revision_id": granule.revision_id,
            "processing:datetime": _text_or_none(produced),
            "storage:schemes": self._schemes(granule),
            "auth:schemes": self._auth,
        }
        # What is not known is left out, not written as null.
        if granule.absolute_orbit is None:
            del properties["sat:absolute_orbit"]
        if produced is None:
            del properties["processing:datetime"]
        return properties

    def _schemes(self, granule: Granule) -> dict[str, Any]:
        """Storage schemes of the granule's bucket."""
        if granule.s3_href is None:
            return {}
        bucket = granule.s3_href.removeprefix("s3://").partition("/")[0]
        if bucket not in self._storage:
            self._storage[bucket] = _storage_schemes(bucket, self._collection)
        return self._storage[bucket]


def to_collection(
    collection: Collection, *, boxes: Sequence[Box], interval: tuple[datetime, datetime] | None
) -> dict[str, Any]:
    """A STAC Collection without links to its items.

    ``boxes`` and ``interval`` are the extent of what the catalog holds: the box of all, then those
    of its parts; where it holds nothing, the collection's own extent stands in.
    """
    links = [
        ("about", collection.landing_page, "Landing page"),
        ("cite-as", collection.doi and f"https://doi.org/{collection.doi}", "How to cite"),
        ("license", collection.license_url, "Use and copyright"),
    ]
    start, end = interval or (collection.start, collection.end)
    return _present(
        {
            "type": "Collection",
            "stac_version": STAC_VERSION,
            "stac_extensions": [_AUTHENTICATION, _PROCESSING, _SCIENTIFIC, _VERSION],
            "id": collection.id,
            "title": collection.title,
            "description": _description(collection),
            "keywords": ["ICESat-2", "ATLAS", "ATL03", "photon", *collection.keywords],
            "license": "other",
            "version": collection.version,
            "sci:doi": collection.doi,
            "sci:citation": collection.citation,
            "providers": _providers(collection),
            "extent": {
                "spatial": {"bbox": [list(box) for box in boxes or collection.boxes]},
                "temporal": {"interval": [[_text_or_none(start), _text_or_none(end)]]},
            },
            "summaries": {
                "platform": ["icesat-2"],
                "instruments": ["atlas"],
                "processing:level": ["L2A"],
            },
            "item_assets": _item_assets(),
            "auth:schemes": auth_schemes(collection),
            "cmr:concept_id": collection.concept_id,
            "links": [
                {"rel": rel, "href": href, "title": title} for rel, href, title in links if href
            ],
        }
    )


def auth_schemes(collection: Collection) -> dict[str, Any]:
    """How to get in: over S3 with temporary keys, over HTTPS with a token."""
    schemes: dict[str, Any] = {
        "earthdata": {
            "type": "http",
            "scheme": "bearer",
            "description": "A token of NASA Earthdata Login, https://urs.earthdata.nasa.gov.",
        }
    }
    if collection.credentials_endpoint:
        schemes["s3credentials"] = {
            "type": "s3",
            "description": "Temporary AWS credentials, valid for one hour and inside "
            f"{collection.region} only, from credentials_endpoint with an Earthdata login.",
            "credentials_endpoint": collection.credentials_endpoint,
        }
    return schemes


def _storage_schemes(bucket: str, collection: Collection) -> dict[str, Any]:
    return {
        "aws": {
            "type": "aws-s3",
            "platform": "https://{bucket}.s3.{region}.amazonaws.com",
            "bucket": bucket,
            "region": collection.region,
            "requester_pays": False,
        }
    }


_ROLES: Final = {
    "ORIGINATOR": "producer",
    "PROCESSOR": "processor",
    "ARCHIVER": "host",
    "DISTRIBUTOR": "host",
}
"""STAC's roles of a provider by UMM-C's roles of a data center."""

_TITLES: Final = {
    "data": "ATL03 granule, in S3",
    "https": "ATL03 granule, over HTTPS",
    "metadata": "Metadata",
    "thumbnail": "Browse image",
}


def _kind(key: str, media_type: str, role: str) -> dict[str, Any]:
    """What an asset says of its kind."""
    return {"type": media_type, "title": _TITLES[key], "roles": [role]}


_DATA: Final = _kind("data", HDF5, "data")
_HTTPS: Final = _kind("https", HDF5, "data")
_ISO_METADATA: Final = _kind("metadata", "application/xml", "metadata")
_CMR_METADATA: Final = _kind("metadata", "application/json", "metadata")
_PNG: Final = _kind("thumbnail", "image/png", "thumbnail")
_JPEG: Final = _kind("thumbnail", "image/jpeg", "thumbnail")

_S3_ACCESS: Final = {"storage:refs": ["aws"], "auth:refs": ["s3credentials"]}
_HTTPS_ACCESS: Final = {"auth:refs": ["earthdata"]}


def _assets(granule: Granule) -> dict[str, Any]:
    file: dict[str, Any] = {}
    if granule.size is not None:
        file["file:size"] = granule.size
    if granule.checksum is not None:
        file["file:checksum"] = granule.checksum
    assets: dict[str, Any] = {}
    if granule.s3_href:
        assets["data"] = {"href": granule.s3_href, **_DATA, **file, **_S3_ACCESS}
    if granule.https_href:
        assets["https"] = {"href": granule.https_href, **_HTTPS, **file, **_HTTPS_ACCESS}
    if granule.metadata_href:
        assets["metadata"] = {"href": granule.metadata_href, **_ISO_METADATA}
    else:
        href = f"{_CONCEPTS}/{granule.concept_id}.umm_json"
        assets["metadata"] = {"href": href, **_CMR_METADATA}
    if granule.thumbnail_href:
        is_png = granule.thumbnail_href.lower().endswith(".png")
        assets["thumbnail"] = {"href": granule.thumbnail_href, **(_PNG if is_png else _JPEG)}
    return assets


def _item_assets() -> dict[str, Any]:
    return {
        "data": {"type": HDF5, "title": _TITLES["data"], "roles": ["data"]},
        "https": {"type": HDF5, "title": _TITLES["https"], "roles": ["data"]},
        "metadata": {"title": _TITLES["metadata"], "roles": ["metadata"]},
        "thumbnail": {"title": _TITLES["thumbnail"], "roles": ["thumbnail"]},
        **{references_key(beam): references_asset(beam) for beam in atl03.BEAMS},
    }


def references_key(beam: atl03.Beam) -> str:
    """Key of the asset that says where a beam's bytes lie."""
    return f"references_{beam}"


def references_asset(beam: atl03.Beam) -> dict[str, Any]:
    """That asset, without what differs from item to item."""
    return {
        "type": "application/zstd",
        "title": f"Beam {beam}: where its bytes lie, as kerchunk references",
        "roles": ["references"],
    }


def _description(collection: Collection) -> str:
    """The archive's own abstract, and the main variables with their units."""
    rows = "\n".join(
        f"- `{variable}` ({unit}): {meaning}"
        for variable, (unit, meaning) in atl03.VARIABLES.items()
    )
    beams = ", ".join(atl03.BEAMS)
    return (
        f"{collection.abstract}\n\n"
        f"Each granule holds up to six beams ({beams}); per photon, in `<beam>/heights`:\n\n{rows}"
    )


def _providers(collection: Collection) -> list[dict[str, Any]]:
    return [
        _present(
            {
                "name": center.long_name or center.name,
                "roles": list(dict.fromkeys(_ROLES[role] for role in center.roles)) or None,
                "url": center.url,
            }
        )
        for center in collection.data_centers
    ]


def _text(time: datetime) -> str:
    """RFC 3339 in UTC, to the millisecond, as CMR writes it."""
    # msgspec takes a sixth of the time of isoformat. It writes six decimals, or none for zero.
    text: str = msgspec.to_builtins(time)
    return f"{text[:23]}Z" if time.microsecond else f"{text[:19]}.000Z"


def _text_or_none(time: datetime | None) -> str | None:
    return None if time is None else _text(time)


def _present(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields that have a value: what is not known is left out, not written as null."""
    return {key: value for key, value in fields.items() if value is not None}
