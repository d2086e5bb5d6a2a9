"""STAC items and collections as CMR-STAC makes them of CMR's records, flaws included.

Ids are GranuleURs; rings stay whole across ±180, so that a box there is 359° wide; what has no
polygon has no geometry, and the whole Earth for a box; asset keys hold the granule's own path.
Source: https://github.com/nasa/cmr-stac, ``src/domains``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote

Record = Mapping[str, Any]
Link = dict[str, Any]

STAC_VERSION: Final = "1.1.0"

_WORLD: Final = [-180, -90, 180, 90]
_STORAGE: Final = "https://stac-extensions.github.io/storage/v2.0.0/schema.json"
_LICENSE: Final = {
    "rel": "license",
    "href": "https://www.earthdata.nasa.gov/engage/open-data-services-software-policies/"
    "data-use-guidance",
    "title": "EOSDIS Data Use Policy",
    "type": "text/html",
}


def entry_id(collection: Record) -> str:
    """CMR's short name for a collection, which is its id in STAC: ``ATL03_007``."""
    return f"{collection['umm']['ShortName']}_{collection['umm']['Version']}"


def to_item(granule: Record, collection: str, *, root: str, provider: str, cmr: str) -> Link:
    """The item of a granule; ``root`` is the STAC root's URL, ``cmr`` that of CMR."""
    meta, umm = granule["meta"], granule["umm"]
    times = umm["TemporalExtent"]["RangeDateTime"]
    links = umm.get("RelatedUrls", ())
    properties: dict[str, Any] = {
        "datetime": times["BeginningDateTime"],
        "start_datetime": times["BeginningDateTime"],
        "end_datetime": times["EndingDateTime"],
    }
    storage = _storage(_of_type(links, "GET DATA VIA DIRECT ACCESS"))
    geometry, bbox = _place(umm)
    above = f"{root}/{provider}/collections/{quote(collection, safe='')}"
    concept = f"{cmr}/concepts/{meta['concept-id']}"
    return {
        "type": "Feature",
        "id": umm["GranuleUR"],
        "stac_version": STAC_VERSION,
        "stac_extensions": [_STORAGE] if storage else [],
        "properties": properties | storage,
        "geometry": geometry,
        "bbox": bbox,
        "assets": _assets(links, concept),
        "links": [
            _link("self", f"{above}/items/{quote(umm['GranuleUR'], safe='')}", geojson=True),
            _link("parent", f"{above}/", geojson=True),
            _link("collection", f"{above}/", geojson=True),
            _link("root", root),
            _link("provider", f"{root}/{provider}"),
            _link("via", f"{concept}.json"),
            _link("via", f"{concept}.umm_json"),
        ],
        "collection": collection,
    }


def to_collection(record: Record, *, root: str, cmr: str) -> Link:
    """The collection of a UMM-C record."""
    meta, umm = record["meta"], record["umm"]
    name, provider = entry_id(record), meta["provider-id"]
    times = umm["TemporalExtents"][0]["RangeDateTimes"][0]
    prefixes = umm.get("DirectDistributionInformation", {}).get("S3BucketAndObjectPrefixNames", ())
    storage = _storage([{"URL": f"s3://{prefix}/"} for prefix in prefixes])
    here = f"{root}/{provider}/collections/{quote(name, safe='')}"
    concept = f"{cmr}/concepts/{meta['concept-id']}"
    return {
        "type": "Collection",
        "id": name,
        "title": umm["EntryTitle"],
        "description": umm["Abstract"],
        "stac_version": STAC_VERSION,
        "stac_extensions": [_STORAGE] if storage else [],
        "extent": {
            "spatial": {"bbox": [_WORLD]},
            "temporal": {"interval": [[times["BeginningDateTime"], times.get("EndingDateTime")]]},
        },
        "providers": [
            {"name": provider, "roles": ["producer"]},
            {"name": "NASA EOSDIS", "roles": ["host"]},
        ],
        "links": [
            _link("self", here),
            _link("root", root),
            _link("parent", f"{root}/{provider}"),
            _LICENSE,
            _link("via", f"{concept}.umm_json"),
            _link("items", f"{here}/items", geojson=True),
        ],
        "license": "CC0-1.0",
        "keywords": sorted({word["Term"] for word in umm.get("ScienceKeywords", ())}),
        "summaries": {"platform": ["ICESat-2"], "instruments": ["ATLAS"]},
        **storage,
    }


def _place(umm: Record) -> tuple[dict[str, Any] | None, list[float]]:
    """Geometry and box: of the ring as it is written, of nothing else."""
    domain = umm.get("SpatialExtent", {}).get("HorizontalSpatialDomain", {})
    rings = [
        [[point["Longitude"], point["Latitude"]] for point in polygon["Boundary"]["Points"]]
        for polygon in domain.get("Geometry", {}).get("GPolygons", ())
    ]
    if not rings:
        return None, list(_WORLD)
    lon, lat = zip(*(point for ring in rings for point in ring), strict=True)
    box = [min(lon), min(lat), max(lon), max(lat)]
    if len(rings) > 1:
        return {"type": "MultiPolygon", "coordinates": [[ring] for ring in rings]}, box
    return {"type": "Polygon", "coordinates": rings}, box


def _assets(links: Iterable[Record], concept: str) -> dict[str, Any]:
    assets: dict[str, Any] = {}
    pictures = list(_of_type(links, "GET RELATED VISUALIZATION"))
    for number, link in enumerate(pictures):
        tail = f"_{number}" if len(pictures) > 1 else ""
        assets["browse"] = {"href": link["URL"], "type": "image/jpeg", "roles": ["browse"]}
        assets[f"thumbnail{tail}"] = {"href": link["URL"], "roles": ["thumbnail"]}
    for link in _of_type(links, "GET DATA"):
        assets[_key(link)] = {
            "href": link["URL"],
            "title": "Direct Download",
            "description": link.get("Description", ""),
            "roles": ["data"],
        }
    for link in _of_type(links, "GET DATA VIA DIRECT ACCESS"):
        assets[f"s3_{_key(link)}"] = {
            "href": link["URL"],
            "title": "S3 Direct Download",
            "roles": ["data"],
            "storage:refs": ["aws"],
        }
    assets["metadata"] = {
        "href": f"{concept}.xml",
        "type": "application/xml",
        "roles": ["metadata"],
    }
    return assets


def _key(link: Record) -> str:
    """What stands before the URL's last dot, back to the one before: so CMR-STAC does."""
    parts = str(link["URL"]).split(".")
    return parts[-2] if len(parts) > 1 else "asset_key"


def _of_type(links: Iterable[Record], kind: str) -> list[Record]:
    return [link for link in links if link["Type"] == kind]


def _storage(links: Iterable[Record]) -> dict[str, Any]:
    """Where the data is, by the storage extension; nothing where it is not on S3."""
    urls = [link["URL"] for link in links if link["URL"].startswith("s3://")]
    if not urls:
        return {}
    url = next((url for url in urls if "protected" in url), urls[0])
    scheme = {
        "type": "aws-s3",
        "platform": "https://{bucket}.s3.{region}.amazonaws.com",
        "bucket": url.split("/")[2],
        "region": "us-west-2",
    }
    return {"storage:schemes": {"aws": scheme}}


def _link(rel: str, href: str, *, geojson: bool = False) -> Link:
    kind = "application/geo+json" if geojson else "application/json"
    return {"rel": rel, "href": href, "type": kind}
