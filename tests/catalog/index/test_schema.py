"""The index's columns are what stac-geoparquet makes of an item that has everything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
import pytest
from sample_items import COLLECTION, make_granule
from stac_geoparquet.arrow import parse_stac_items_to_arrow, to_parquet

from catalog_builder.catalog.index.schema import FILE_METADATA, KEYS, item_schema, leaves
from catalog_builder.catalog.stac.beam_assets import add_references
from catalog_builder.catalog.stac.item import to_item
from catalog_builder.catalog.stac.layout import item_path
from catalog_builder.catalog.stac.pages import item_links
from catalog_builder.products.atl03 import BEAMS


def _whole_item(*, beams: bool) -> dict[str, Any]:
    granule = make_granule(60)  # one of which nothing is left out
    item = to_item(granule, COLLECTION)
    item["links"] = item_links("Ice", "Photons", "2018-10-14")
    if beams:
        facts = {
            "strength": "strong",
            "spot": 1,
            "photons": 1,
            "track": [[0.5, 0.5]],
            "references": {"offset": 1, "length": 1, "crc32": 1},
        }
        add_references(
            item,
            item_path(COLLECTION.id, granule.name),
            size=1,
            beams=dict.fromkeys(BEAMS, facts),
            orientation=1,
        )
    return item


def _by_name(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_struct(kind):
        fields = sorted(kind, key=lambda field: str(field.name))
        return pa.struct([field.with_type(_by_name(field.type)) for field in fields])
    if pa.types.is_list(kind):
        return pa.list_(_by_name(kind.value_type))
    return kind


@pytest.mark.parametrize("beams", [False, True])
def test_the_columns_are_those_of_stac_geoparquet(beams: bool) -> None:
    found = parse_stac_items_to_arrow([_whole_item(beams=beams)]).schema
    schema = item_schema(beams=beams)
    assert sorted(schema.names) == sorted(found.names)
    assert tuple(schema.names[: len(KEYS)]) == KEYS
    for field in schema:
        if field.name != "bbox":
            assert field.type == _by_name(found.field(field.name).type), field.name
    assert schema.field("bbox").type == found.field("bbox").type
    assert schema.field("geometry").metadata[b"ARROW:extension:name"] == b"geoarrow.wkb"


def test_the_file_says_of_itself_what_stac_geoparquet_says(tmp_path: Path) -> None:
    to_parquet(item_schema(beams=False).empty_table(), tmp_path / "theirs.parquet")
    theirs = pq.read_metadata(tmp_path / "theirs.parquet").metadata
    geo, their_geo = json.loads(FILE_METADATA["geo"]), json.loads(theirs[b"geo"])
    column, their_column = geo["columns"]["geometry"], their_geo["columns"]["geometry"]
    crs, their_crs = (pyproj.CRS.from_json_dict(one.pop("crs")) for one in (column, their_column))
    del column["covering"], their_column["covering"]  # theirs has boxes that turn round
    assert geo == their_geo
    assert crs.to_epsg() == their_crs.to_epsg() == 4326
    assert [axis.name for axis in crs.axis_info] == [axis.name for axis in their_crs.axis_info]


@pytest.mark.parametrize("beams", [False, True])
def test_leaves_are_the_columns_of_parquet(beams: bool) -> None:
    schema = item_schema(beams=beams)
    sink = pa.BufferOutputStream()
    pq.write_table(schema.empty_table(), sink)
    columns = pq.ParquetFile(pa.BufferReader(sink.getvalue())).metadata.schema
    found = list(leaves(schema))
    assert [one.path for one in found] == [columns.column(n).path for n in range(len(columns))]
    in_common = {one.path for one in found if one.in_common}
    assert in_common > {"type", "links.list.element.href", "assets.data.roles.list.element"}
    assert not in_common & {"id", "title", "geometry", "bbox.xmin", "assets.data.href"}
