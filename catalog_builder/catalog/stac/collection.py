"""A collection of CMR as a STAC Collection, in a plain dictionary.

STAC 1.1, with those of the extensions authentication, processing, scientific and version that
have a field in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from catalog_builder import atl03
from catalog_builder.catalog.cmr.umm_c import Collection
from catalog_builder.catalog.stac.item import (
    HDF5,
    REFERENCES_ASSET,
    STAC_VERSION,
    TITLES,
    auth_schemes,
    extensions_of,
    time_text_or_none,
)
from catalog_builder.catalog.stac.layout import LAYOUT, LAYOUT_KEY, REFERENCES
from catalog_builder.geo.window import Box

_ROLES: Final = {
    "ORIGINATOR": "producer",
    "PROCESSOR": "processor",
    "ARCHIVER": "host",
    "DISTRIBUTOR": "host",
}
"""STAC's roles of a provider by UMM-C's roles of a data center."""


def to_collection(
    collection: Collection, *, boxes: Sequence[Box], interval: tuple[datetime, datetime] | None
) -> dict[str, Any]:
    """A STAC Collection without links to its items.

    ``boxes`` and ``interval`` are the extent of the catalog's items: the box of all, then those of
    its parts. Without them the extent is that of the collection in CMR.
    """
    links = [
        ("about", collection.landing_page, "Landing page"),
        ("cite-as", collection.doi and f"https://doi.org/{collection.doi}", "How to cite"),
        ("license", collection.license_url, "Use and copyright"),
    ]
    start, end = interval or (collection.start, collection.end)
    fields = _present(
        {
            "type": "Collection",
            "stac_version": STAC_VERSION,
            "stac_extensions": [],
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
                "temporal": {"interval": [[time_text_or_none(start), time_text_or_none(end)]]},
            },
            "summaries": {
                "platform": ["icesat-2"],
                "instruments": ["atlas"],
                "processing:level": ["L2A"],
            },
            "item_assets": _item_assets(),
            "auth:schemes": auth_schemes(collection),
            "cmr:concept_id": collection.concept_id,
            LAYOUT_KEY: LAYOUT,
            "links": [
                {"rel": rel, "href": href, "title": title} for rel, href, title in links if href
            ],
        }
    )
    fields["stac_extensions"] = extensions_of(fields, fields["summaries"])
    return fields


def _item_assets() -> dict[str, Any]:
    return {
        "data": {"type": HDF5, "title": TITLES["data"], "roles": ["data"]},
        "https": {"type": HDF5, "title": TITLES["https"], "roles": ["data"]},
        "metadata": {"title": TITLES["metadata"], "roles": ["metadata"]},
        "thumbnail": {"title": TITLES["thumbnail"], "roles": ["thumbnail"]},
        REFERENCES: REFERENCES_ASSET,
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


def _present(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields that have a value: unknown ones are left out, not written as null."""
    return {key: value for key, value in fields.items() if value is not None}
