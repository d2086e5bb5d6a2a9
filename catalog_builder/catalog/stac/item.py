"""A granule as a STAC Item, in a plain dictionary.

STAC 1.1 with the extensions sat, file, storage, authentication and processing. Dictionaries save
the minutes that half a million pystac objects would take; tests read and validate items with
pystac. Links are those of the published folder (:mod:`catalog_builder.catalog.stac.pages`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, Final

import msgspec

from catalog_builder.catalog.cmr.umm_c import Collection
from catalog_builder.catalog.stac.granule import Granule

Link = dict[str, str]
"""``rel``, ``href``, perhaps ``type`` and ``title``."""

Item = dict[str, Any]
"""A STAC Item as in JSON; its times are in UTC and end in ``Z``."""

STAC_VERSION: Final = "1.1.0"
HDF5: Final = "application/x-hdf5"

ITEM_FORMAT: Final = 7
"""Raise it when the same records give other items, or another index, than before."""

_EXTENSIONS: Final = "https://stac-extensions.github.io"
_SAT: Final = f"{_EXTENSIONS}/sat/v1.2.0/schema.json"
_FILE: Final = f"{_EXTENSIONS}/file/v2.1.0/schema.json"
_STORAGE: Final = f"{_EXTENSIONS}/storage/v2.0.0/schema.json"
_AUTHENTICATION: Final = f"{_EXTENSIONS}/authentication/v1.1.0/schema.json"
_PROCESSING: Final = f"{_EXTENSIONS}/processing/v1.2.0/schema.json"

_PREFIXES: Final = {
    "altm": f"{_EXTENSIONS}/altimetry/v0.1.0/schema.json",
    "auth": _AUTHENTICATION,
    "file": _FILE,
    "processing": _PROCESSING,
    "sat": _SAT,
    "sci": f"{_EXTENSIONS}/scientific/v1.0.0/schema.json",
    "storage": _STORAGE,
    "version": f"{_EXTENSIONS}/version/v1.2.0/schema.json",
}
"""Extensions by the prefix of their fields, in the order in which items list them."""
_INSTRUMENTS: Final = ["atlas"]

_CONCEPTS: Final = "https://cmr.earthdata.nasa.gov/search/concepts"
"""URL of records in CMR: the metadata link of a granule that has no other."""


def to_item(granule: Granule, collection: Collection) -> Item:
    """A STAC Item without links; the same asset has the same key in every item."""
    return {**ItemMaker(collection).make(granule), "geometry": granule.footprint.geometry}


class ItemMaker:
    """Makes items of one collection.

    Values that are the same in many items are shared: fields may be added to an item, to its
    properties, to its assets and to each asset, but no other value may be changed in place.
    """

    def __init__(
        self, collection: Collection, links: Callable[[str], list[Link]] | None = None
    ) -> None:
        """``links`` gives those of an item by its id; many items may share a list."""
        self._collection = collection
        self._links = links
        self._auth = auth_schemes(collection)
        self._storage: dict[str, dict[str, Any]] = {}
        """Storage schemes by bucket."""

    def make(self, granule: Granule) -> Item:
        """The item of a granule, as :func:`to_item`, but the rings of its geometry are arrays."""
        granule_id, assets = granule.id, _assets(granule)
        properties = self._properties(granule, title=f"{granule_id}.h5")
        return {
            "type": "Feature",
            "stac_version": STAC_VERSION,
            "stac_extensions": extensions_of(properties, *assets.values()),
            "id": granule_id,
            "geometry": granule.footprint.drawn,
            "bbox": list(granule.footprint.bbox),
            "properties": properties,
            "links": [] if self._links is None else self._links(granule_id),
            "assets": assets,
            "collection": self._collection.id,
        }

    def _properties(self, granule: Granule, *, title: str) -> dict[str, Any]:
        name, start, produced = granule.name, time_text(granule.start), granule.produced
        properties: dict[str, Any] = {
            "title": title,
            "datetime": start,
            "start_datetime": start,
            "end_datetime": time_text(granule.end),
            "updated": time_text(granule.revision_date),
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
            "processing:datetime": time_text_or_none(produced),
            "storage:schemes": self._schemes(granule),
            "auth:schemes": self._auth,
        }
        # Unknown values are left out, not written as null.
        if granule.absolute_orbit is None:
            del properties["sat:absolute_orbit"]
        if produced is None:
            del properties["processing:datetime"]
        if not properties["storage:schemes"]:
            del properties["storage:schemes"]
        return properties

    def _schemes(self, granule: Granule) -> dict[str, Any]:
        """Storage schemes of the granule's bucket."""
        if granule.s3_href is None:
            return {}
        bucket = granule.s3_href.removeprefix("s3://").partition("/")[0]
        if bucket not in self._storage:
            self._storage[bucket] = _storage_schemes(bucket, self._collection)
        return self._storage[bucket]


def extensions_of(*parts: Mapping[str, Any]) -> list[str]:
    """The extensions that have a field in one of these parts of an item or a collection.

    STAC allows no others: an extension's schema requires one of its fields.
    """
    return _extensions(frozenset[str]().union(*parts))


@lru_cache(maxsize=256)
def _extensions(names: frozenset[str]) -> list[str]:
    """The extensions of fields of these names.

    Items with the same fields share one list, so that it is stored once for their rows.
    """
    prefixes = {name.partition(":")[0] for name in names}
    return [extension for prefix, extension in _PREFIXES.items() if prefix in prefixes]


def auth_schemes(collection: Collection) -> dict[str, Any]:
    """Authentication schemes: temporary keys for S3, a token for HTTPS."""
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


@cache
def data_asset(key: str, product: str) -> Mapping[str, Any]:
    """The fields that the assets ``data`` or ``https`` of all granules of a product share."""
    how = "in S3" if key == "data" else "over HTTPS"
    return {"type": HDF5, "title": f"{product} granule, {how}", "roles": ["data"]}


METADATA_TITLE: Final = "Metadata"
THUMBNAIL_TITLE: Final = "Browse image"


def _kind(title: str, media_type: str, role: str) -> dict[str, Any]:
    """The fields that all assets of this kind share."""
    return {"type": media_type, "title": title, "roles": [role]}


_ISO_METADATA: Final = _kind(METADATA_TITLE, "application/xml", "metadata")
_CMR_METADATA: Final = _kind(METADATA_TITLE, "application/json", "metadata")
_PNG: Final = _kind(THUMBNAIL_TITLE, "image/png", "thumbnail")
_JPEG: Final = _kind(THUMBNAIL_TITLE, "image/jpeg", "thumbnail")

_S3_ACCESS: Final = {"storage:refs": ["aws"], "auth:refs": ["s3credentials"]}
_HTTPS_ACCESS: Final = {"auth:refs": ["earthdata"]}


def _assets(granule: Granule) -> dict[str, Any]:
    file: dict[str, Any] = {}
    if granule.size is not None:
        file["file:size"] = granule.size
    if granule.checksum is not None:
        file["file:checksum"] = granule.checksum
    assets: dict[str, Any] = {}
    product = granule.name.product.short_name
    if granule.s3_href:
        kind = data_asset("data", product)
        assets["data"] = {"href": granule.s3_href, **kind, **file, **_S3_ACCESS}
    if granule.https_href:
        kind = data_asset("https", product)
        assets["https"] = {"href": granule.https_href, **kind, **file, **_HTTPS_ACCESS}
    if granule.metadata_href:
        assets["metadata"] = {"href": granule.metadata_href, **_ISO_METADATA}
    else:
        href = f"{_CONCEPTS}/{granule.concept_id}.umm_json"
        assets["metadata"] = {"href": href, **_CMR_METADATA}
    if granule.thumbnail_href:
        is_png = granule.thumbnail_href.lower().endswith(".png")
        assets["thumbnail"] = {"href": granule.thumbnail_href, **(_PNG if is_png else _JPEG)}
    return assets


REFERENCES_ASSET: Final[dict[str, Any]] = {
    "type": "application/vnd.zarr+kerchunk",
    "title": "Where the bytes of all beams lie, as kerchunk references in zstd frames",
    "roles": ["data", "virtual", "references"],
}
"""The fields of a reference file's asset that are the same in all items.

Type and roles are those of the best practices for virtual Zarr in STAC
(https://github.com/radiantearth/stac-best-practices/blob/main/best-practices-zarr.md); the role
``references`` is for older tools."""

PLAIN_REFERENCES_ASSET: Final[dict[str, Any]] = {
    "type": "application/json",
    "title": "The same references as plain JSON, for other tools",
    "roles": ["data", "virtual", "references"],
}
"""The same of a plain reference file. Its type is the one that xpystac knows: tools that know
``application/vnd.zarr+kerchunk`` have the other asset."""


def time_text(time: datetime) -> str:
    """RFC 3339 in UTC, to the millisecond, as CMR writes it."""
    # msgspec takes a sixth of the time of isoformat. It writes six decimals, or none for zero.
    text: str = msgspec.to_builtins(time)
    return f"{text[:23]}Z" if time.microsecond else f"{text[:19]}.000Z"


def time_text_or_none(time: datetime | None) -> str | None:
    """RFC 3339 in UTC, to the millisecond; None for None."""
    return None if time is None else time_text(time)
