"""Other readers find granules by their boxes, those across ±180 from either side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import geopandas
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from sample_items import make_item

from catalog_builder.catalog.build.reindex import write_index
from catalog_builder.catalog.index.covering import add_covering
from catalog_builder.catalog.index.item_index import ItemIndex, open_index
from catalog_builder.catalog.index.schema import SIDES

Items = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def items() -> Items:
    return {item["id"]: item for item in map(make_item, range(0, 600, 3))}


@pytest.fixture(scope="module")
def folder(items: Items, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("catalog")
    write_index(items.values(), folder / "items.parquet")
    return folder


@pytest.fixture(scope="module")
def index(folder: Path) -> ItemIndex:
    return open_index(folder)


BOXES = [
    (179.0, -90.0, 180.0, 90.0),
    (-180.0, -90.0, -179.0, 90.0),
    (150.0, 30.0, 178.0, 70.0),
    (-150.0, 40.0, -110.0, 70.0),
    (-180.0, -90.0, 180.0, 90.0),
]


@pytest.mark.parametrize("box", BOXES)
def test_geopandas_finds_what_a_search_finds(
    folder: Path, items: Items, index: ItemIndex, box: tuple[float, float, float, float]
) -> None:
    frame = geopandas.read_parquet(folder / "items.parquet", bbox=box)
    assert "covering" not in frame
    found = set(frame.id[frame.intersects(shapely.box(*box))])
    truth = {
        name
        for name, item in items.items()
        if shapely.geometry.shape(item["geometry"]).intersects(shapely.box(*box))
    }
    assert found == truth == set(index.search(bbox=list(box)).ids)
    assert truth


@pytest.mark.parametrize("box", BOXES)
def test_duckdb_finds_what_a_search_finds(
    folder: Path, index: ItemIndex, box: tuple[float, float, float, float]
) -> None:
    west, south, east, north = box
    with duckdb.connect(config={"autoinstall_known_extensions": False}) as connection:
        near = connection.execute(
            f"SELECT id FROM '{folder}/items.parquet' WHERE covering.xmin <= ? AND "
            "covering.xmax >= ? AND covering.ymin <= ? AND covering.ymax >= ?",
            [east, west, north, south],
        ).fetchall()
    assert set(index.search(bbox=list(box)).ids) <= {name for (name,) in near}


def test_granules_across_180_degrees_are_among_them(folder: Path, items: Items) -> None:
    crossing = {name for name, item in items.items() if item["bbox"][0] > item["bbox"][2]}
    assert crossing
    for box in BOXES[:2]:
        frame = geopandas.read_parquet(folder / "items.parquet", bbox=box)
        assert crossing <= set(frame.id)


def test_it_holds_each_box_and_never_turns_round(folder: Path, items: Items) -> None:
    table = pq.read_table(folder / "items.parquet")
    for row in table.select(["id", "bbox", "covering", "geometry"]).to_pylist():
        west, south, east, north = (row["covering"][side] for side in SIDES)
        assert -180 <= west <= east <= 180
        assert shapely.box(west, south, east, north).covers(shapely.from_wkb(row["geometry"]))
        if row["bbox"]["xmin"] <= row["bbox"]["xmax"]:
            assert abs(west - row["bbox"]["xmin"]) < 2e-5


def test_items_know_nothing_of_it(index: ItemIndex, items: Items) -> None:
    assert "covering" not in index.to_table().schema.names
    assert {item["id"]: dict(item) for item in index.dictionaries()} == items


def test_sides_are_rounded_outward() -> None:
    sides = {
        "xmin": [0.1, 170.3],
        "ymin": [-0.1, -89.7],
        "xmax": [0.1, -170.3],
        "ymax": [np.pi, 90.0],
    }
    bbox = pa.StructArray.from_arrays(list(map(pa.array, sides.values())), names=list(SIDES))
    found = add_covering(pa.table({"bbox": bbox}))["covering"].to_pylist()
    assert found[0]["xmin"] <= 0.1 <= found[0]["xmax"]
    assert found[0]["ymin"] <= -0.1
    assert found[0]["ymax"] >= np.pi
    assert (found[1]["xmin"], found[1]["xmax"], found[1]["ymax"]) == (-180.0, 180.0, 90.0)
