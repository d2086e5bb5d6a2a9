"""Areas in the forms in which users have them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import shapely

from catalog_builder.errors import WindowError
from catalog_builder.geo.area import Area, parse_area
from catalog_builder.geo.area_input import read_area

BOX = (-135.5, 58.0, -133.0, 59.0)
SQUARE = shapely.box(*BOX)
LINE = shapely.LineString([(-134.9, 58.2), (-134.5, 58.6), (-134.4, 59.1)])
GEOJSON = shapely.geometry.mapping(SQUARE)
FEATURE = {"type": "Feature", "properties": None, "geometry": GEOJSON}
TABLE = geopandas.GeoDataFrame(geometry=[SQUARE], crs="EPSG:4326")


def test_an_address_is_no_file_and_its_query_is_not_quoted() -> None:
    for address in ("https://host.org/a.geojson?sig=hunter2x", "s3://b/a.parquet?sig=hunter2x"):
        with pytest.raises(WindowError, match="a file of this machine") as caught:
            read_area(address)
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("value", [BOX, list(BOX), np.array(BOX), "-135.5,58,-133,59"])
def test_four_numbers_are_a_box(value: Any) -> None:
    assert read_area(value) == Area.of_box(BOX)


@pytest.mark.parametrize(
    "value", [SQUARE, GEOJSON, FEATURE, json.dumps(FEATURE), SQUARE.wkt, f"SRID=4326;{SQUARE.wkt}"]
)
def test_polygons_in_many_forms_are_one_area(value: Any) -> None:
    assert read_area(value) == parse_area(GEOJSON)
    assert read_area(read_area(value)) == read_area(value)


def test_a_table_is_transformed_to_degrees() -> None:
    for table in (TABLE, TABLE.geometry, TABLE.to_crs("EPSG:3413")):
        (west, south, east, north) = read_area(table).bounds[0]
        assert (west, south, east, north) == pytest.approx(BOX, abs=1e-6)


@pytest.mark.parametrize(
    "name", ["area.geojson", "area.JSON", "area.gpkg", "area.shp", "area.parquet"]
)
def test_a_file_is_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    table = TABLE.to_crs("EPSG:3413")
    if path.suffix == ".parquet":
        table.to_parquet(path)
    elif path.suffix in (".gpkg", ".shp"):
        table.to_file(path)
    else:
        path.write_text(json.dumps(FEATURE))
    for value in (path, str(path)):
        assert read_area(value).bounds[0] == pytest.approx(BOX, abs=1e-6)


def test_old_geojson_in_degrees_is_read_and_in_metres_refused() -> None:
    named = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
    assert read_area({**GEOJSON, "crs": named}) == parse_area(GEOJSON)
    metres = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::3413"}}
    with pytest.raises(WindowError, match=r"is in .*3413: read it with geopandas"):
        read_area({**GEOJSON, "crs": metres})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "No area is given"),
        (7, "7 is no area"),
        ("1,2,3", "four numbers"),
        ("{", "not JSON"),
        ('[{"type": "Polygon"}]', "A polygon is a GeoJSON object"),
        ("POLYGON((1 2, 3", "is not WKT"),
        ("SRID=3413;POINT(1 2)", "in SRID=3413"),
        ("POINT(-134.5 58.6)", "A Point has no area: give a distance"),
        (LINE, "A LineString has no area"),
        ((LINE, "far"), "'far' is no distance"),
        ((LINE, 0), "distance around an area is 0 m"),
        ((LINE, 3e6), "at most 2,000 km"),
        ("-134.5,58.6 + 1.2.3 km", "1.2.3 is no distance"),
        (((-134.5, 95), 500), "not on Earth"),
        (((float("nan"), 58), 500), "is no point"),
        ((shapely.LineString(), 500), "not on Earth|has no position"),
        ("nowhere.gpkg", "nowhere.gpkg: there is no such file"),
        ("nowhere.geojson", "No area can be read from nowhere.geojson"),
        (TABLE.iloc[:0], "table of areas is empty"),
        (geopandas.GeoSeries([shapely.Polygon()], crs=4326), "All shapes of the table are empty"),
    ],
)
def test_what_is_no_area_is_refused(value: Any, message: str) -> None:
    with pytest.raises(WindowError, match=message):
        read_area(value)


def test_a_file_that_is_no_map_is_named(tmp_path: Path) -> None:
    path = tmp_path / "area.shp"
    path.write_bytes(b"no shapes")
    with pytest.raises(WindowError, match=r"No area can be read from .*area\.shp"):
        read_area(path)


@pytest.mark.parametrize(
    "value",
    [
        ((-134.5, 58.6), 5000),
        ([-134.5, 58.6], 5e3),
        (shapely.Point(-134.5, 58.6), 5000),
        ({"type": "Point", "coordinates": [-134.5, 58.6]}, 5000),
        ("POINT(-134.5 58.6)", 5000),
        "-134.5,58.6 + 5 km",
        "POINT (-134.5 58.6)+5000m",
        ([-134.5, 58.6, -134.5, 58.6], 5000),
    ],
)
def test_a_point_with_a_radius(value: Any) -> None:
    assert read_area(value) == read_area(((-134.5, 58.6), 5000))
    west, south, east, north = read_area(value).bounds[0]
    assert north - south == pytest.approx(2 * 5 / 111.3, rel=0.01)
    assert east - west == pytest.approx(2 * 5 / 111.3 / np.cos(np.radians(58.6)), rel=0.01)


def test_a_file_of_lines_with_a_distance(tmp_path: Path) -> None:
    path = tmp_path / "line.gpkg"
    geopandas.GeoSeries([LINE], crs=4326).to_crs("EPSG:3413").to_file(path)
    for value in ((path, 500), f"{path} + 500 m", (geopandas.read_file(path), 500)):
        assert read_area(value).bounds[0] == pytest.approx(read_area((LINE, 500)).bounds[0])


def test_a_file_that_is_not_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "glacier.geojson"
    path.write_text("PK nothing")
    with pytest.raises(WindowError, match=r"glacier\.geojson is not JSON"):
        read_area(path)


@pytest.mark.parametrize("text", ["[" * 100_000 + "{", '{"type":' + "[" * 100_000])
def test_json_of_any_depth_is_no_polygon(text: str) -> None:
    with pytest.raises(WindowError, match="not JSON"):
        read_area(text)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.timeout(20)
@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".shp", ".parquet"])
def test_what_is_no_file_is_not_waited_for(tmp_path: Path, suffix: str) -> None:
    os.mkfifo(tmp_path / f"pipe{suffix}")
    (tmp_path / f"zero{suffix}").symlink_to("/dev/zero")
    for name in ("pipe", "zero"):
        with pytest.raises(WindowError, match=f"{name}{suffix}: it is a pipe, a socket or a dev"):
            read_area(tmp_path / f"{name}{suffix}")


def test_a_folder_of_shapefiles_is_an_area(tmp_path: Path) -> None:
    table = geopandas.GeoDataFrame(geometry=[shapely.box(-1, -1, 1, 1)], crs="OGC:CRS84")
    table.to_file(tmp_path / "shapes", driver="ESRI Shapefile")
    assert (tmp_path / "shapes").is_dir()
    assert read_area(tmp_path / "shapes").box == (-1, -1, 1, 1)
