"""The columns of the item index: always the same, whatever items are in it.

They are what stac-geoparquet makes of an item that has everything an item of ours can have.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from shapely import box

from catalog_builder.atl03 import BEAMS, GranuleName
from catalog_builder.catalog.collection import Collection
from catalog_builder.catalog.footprint import Footprint, as_geojson
from catalog_builder.catalog.granule import Granule
from catalog_builder.catalog.item_references import add_references
from catalog_builder.catalog.layout import item_path
from catalog_builder.catalog.stac import to_item
from catalog_builder.catalog.stac_pages import item_links

if TYPE_CHECKING:
    import pyarrow as pa

KEYS: Final = (
    "icesat2:region",
    "start_datetime",
    "end_datetime",
    "id",
    "sat:relative_orbit",
    "sat:orbit_cycle",
    "sat:orbit_state",
    "icesat2:revision",
    "cmr:concept_id",
    "cmr:revision_id",
    "updated",
    "bbox",
)
"""Columns that a search or a rebuild reads: the first ones, side by side, so that one request
fetches them."""

_WHEN: Final = datetime(2018, 10, 14, tzinfo=UTC)


@cache
def item_schema(*, beams: bool) -> pa.Schema:
    """The columns, a search's first, then the others and all nested fields by name.

    ``beams``: with those that only items of indexed granules have.
    """
    import pyarrow as pa
    from stac_geoparquet.arrow import parse_stac_items_to_arrow

    found = parse_stac_items_to_arrow([_specimen(beams=beams)]).schema
    names = [*KEYS, *sorted(set(found.names) - set(KEYS))]
    fields = [found.field(name) for name in names]
    return pa.schema([f if f.name == "bbox" else f.with_type(_sorted(f.type)) for f in fields])


def _sorted(kind: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    if pa.types.is_struct(kind):
        fields = sorted(kind, key=lambda field: str(field.name))
        return pa.struct([field.with_type(_sorted(field.type)) for field in fields])
    if pa.types.is_list(kind):
        return pa.list_(_sorted(kind.value_type))
    return kind


def _specimen(*, beams: bool) -> dict[str, Any]:
    """An item that has all there is."""
    name = GranuleName(start=_WHEN, rgt=1, cycle=1, region=1, release="007", revision=1)
    href = f"s3://bucket/{name.id}.h5"
    granule = Granule(
        name=name,
        concept_id="G1-PROVIDER",
        provider="PROVIDER",
        revision_id=1,
        revision_date=_WHEN,
        start=_WHEN,
        end=_WHEN,
        footprint=_SQUARE,
        s3_href=href,
        https_href=href,
        metadata_href=href,
        thumbnail_href=href,
        size=1,
        checksum="d50110",
        absolute_orbit=1,
        produced=_WHEN,
    )
    collection = Collection(
        concept_id="C1-PROVIDER",
        short_name="ATL03",
        version="007",
        title="",
        provider="PROVIDER",
        revision_id=1,
        revision_date=_WHEN,
        abstract="",
        start=_WHEN,
        end=None,
        boxes=(),
        cloud_hosted=True,
        region="region",
        credentials_endpoint="https://host/s3credentials",
    )
    item = to_item(granule, collection)
    item["links"] = item_links()
    # Another tool may put titles on links, as STAC has them.
    item["links"][0]["title"] = "title"
    if beams:
        facts = {"strength": "strong", "spot": 1, "photons": 1, "track": [[0.5, 0.5]]}
        add_references(
            item,
            item_path(collection.id, name),
            sizes=dict.fromkeys(BEAMS, 1),
            beams=dict.fromkeys(BEAMS, facts),
            orientation=1,
        )
    return item


_SQUARE: Final = Footprint(
    drawn=as_geojson(box(0, 0, 1, 1)), bbox=(0.5, 0.5, 1.5, 1.5), shape=box(0, 0, 1, 1)
)
