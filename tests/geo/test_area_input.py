"""An area in every form that users have one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import shapely

from catalog_builder.errors import WindowError
from catalog_builder.geo.area import Area
from catalog_builder.geo.area_input import read_area

SQUARE = shapely.box(10, 60, 12, 61)
GEOJSON = shapely.geometry.mapping(SQUARE)
INSIDE, BESIDE = shapely.Point(11, 60.5), shapely.Point(13, 60.5)


def table(crs: str | None = "OGC:CRS84") -> geopandas.GeoDataFrame:
    return geopandas.GeoDataFrame({"name": ["square"]}, geometry=[SQUARE], crs=crs)


@pytest.mark.parametrize(
    "value",
    [
        "10,60,12,61",
        [10, 60, 12, 61],
        np.array([10.0, 60.0, 12.0, 61.0]),
        GEOJSON,
        json.dumps(GEOJSON),
        {"type": "Feature", "properties": {}, "geometry": GEOJSON},
        SQUARE,
        table(),
        table(crs=None),
        table().to_crs("EPSG:3995"),
        table().geometry,
        Area.of_box((10.0, 60.0, 12.0, 61.0)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_all_forms_are_the_same_area(value: Any) -> None:
    assert read_area(value).meets(np.array([INSIDE, BESIDE])).tolist() == [True, False]


@pytest.mark.parametrize("name", ["area.geojson", "area.JSON", "area.gpkg"])
@pytest.mark.parametrize("form", [str, Path])
def test_a_file_is_read_by_its_path(tmp_path: Path, name: str, form: type) -> None:
    path = tmp_path / name
    if path.suffix == ".gpkg":
        table().to_crs("EPSG:3995").to_file(path)
    else:
        path.write_text(json.dumps(GEOJSON))
    assert read_area(form(path)).meets(np.array([INSIDE, BESIDE])).tolist() == [True, False]


def old_geojson(crs: str) -> dict[str, Any]:
    return {**GEOJSON, "crs": {"type": "name", "properties": {"name": crs}}}


def test_a_geojson_in_degrees_may_say_so() -> None:
    area = read_area(old_geojson("urn:ogc:def:crs:OGC:1.3:CRS84"))
    assert area.meets(np.array([INSIDE, BESIDE])).tolist() == [True, False]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "No area is given"),
        (7, "7 is no area"),
        ("{", "The polygon is not JSON"),
        ("[{}]", "A polygon is a GeoJSON object"),
        ("10,60,12", "10,60,12"),
        (old_geojson("urn:ogc:def:crs:EPSG::3413"), "is in urn:ogc:def:crs:EPSG::3413"),
        (table().iloc[:0], "The table of areas is empty"),
        (geopandas.GeoSeries([shapely.Polygon()]), "All shapes of the table are empty"),
        ("nowhere.geojson", "No area can be read from nowhere.geojson"),
        ("nowhere.shp", "nowhere.shp: there is no such file"),
    ],
)
def test_what_is_no_area_is_refused(value: Any, message: str) -> None:
    with pytest.raises(WindowError, match=message):
        read_area(value)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "area.gpkg"
    path.write_bytes(b"no table")
    with pytest.raises(WindowError, match=f"No area can be read from {path}"):
        read_area(path)
