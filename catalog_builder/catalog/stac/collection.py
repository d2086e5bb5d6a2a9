"""A collection of CMR as a STAC Collection, in a plain dictionary.

STAC 1.1, with those of the extensions altimetry, authentication, processing, scientific and
version that have a field in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from catalog_builder.catalog.cmr.umm_c import Collection
from catalog_builder.catalog.stac.item import (
    METADATA_TITLE,
    REFERENCES_ASSET,
    STAC_VERSION,
    THUMBNAIL_TITLE,
    auth_schemes,
    data_asset,
    extensions_of,
    time_text_or_none,
)
from catalog_builder.catalog.stac.layout import LAYOUT, LAYOUT_KEY, REFERENCES
from catalog_builder.geo.window import Box
from catalog_builder.products.atl03 import BEAMS
from catalog_builder.products.facts import product_named
from catalog_builder.products.product import Product

_PULSES: Final = 10_000
"""Laser pulses a second (ATL03 ATBD, section 1). Of the instrument, so it stands in no item."""

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
    product = product_named(collection.short_name)
    start, end = interval or (collection.start, collection.end)
    fields = _present(
        {
            "type": "Collection",
            "stac_version": STAC_VERSION,
            "stac_extensions": [],
            "id": collection.id,
            "title": collection.title,
            "description": _description(collection, product),
            "keywords": ["ICESat-2", "ATLAS", *product.keywords, *collection.keywords],
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
                "altm:instrument_type": ["laser"],
                "altm:sampling_rate": [_PULSES],
                "processing:level": [product.level],
            },
            "item_assets": _item_assets(product),
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


def _item_assets(product: Product) -> dict[str, Any]:
    return {
        **{key: data_asset(key, product.short_name) for key in ("data", "https")},
        "metadata": {"title": METADATA_TITLE, "roles": ["metadata"]},
        "thumbnail": {"title": THUMBNAIL_TITLE, "roles": ["thumbnail"]},
        REFERENCES: REFERENCES_ASSET,
    }


def _description(collection: Collection, product: Product) -> str:
    """The archive's own abstract, and the main variables with their units."""
    rows = "\n".join(
        f"- `{variable}` ({unit}): {meaning}"
        for variable, (unit, meaning) in product.variables.items()
    )
    beams, main = ", ".join(BEAMS), product.main
    where = "/".join(filter(None, ("<beam>", main.group)))
    return (
        f"{collection.abstract}\n\n"
        f"Each granule holds up to six beams ({beams}); per {main.dimension}, in `{where}`"
        + (f":\n\n{rows}" if rows else ".")
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
