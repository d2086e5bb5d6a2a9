"""Polygons as they are given, and what of the Earth they are."""

from __future__ import annotations

import json
import pickle
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from catalog_builder.errors import WindowError
from catalog_builder.geo.area import Area, parse_area, read_geometry
from catalog_builder.geo.window import Box, parse_box


def polygon(*rings: list[tuple[float, float]]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [[list(p) for p in ring] for ring in rings]}


def ring(west: float, south: float, east: float, north: float) -> list[tuple[float, float]]:
    return [(west, south), (east, south), (east, north), (west, north), (west, south)]


def holds(area: Area, lon: float, lat: float) -> bool:
    return bool(area.meets(np.array([shapely.Point(lon, lat)]))[0])


FIJI = {
    "split": {
        "type": "MultiPolygon",
        "coordinates": [[ring(175, -20, 180, -15)], [ring(-180, -20, -170, -15)]],
    },
    "beyond east": polygon(ring(175, -20, 190, -15)),
    "beyond west": polygon(ring(-185, -20, -170, -15)),
    "jumping": polygon(ring(175, -20, -170, -15)),
    "jumping, clockwise": polygon(ring(175, -20, -170, -15)[::-1]),
}


@pytest.mark.parametrize("given_as", FIJI)
def test_across_the_antimeridian_in_every_way(given_as: str) -> None:
    area = parse_area(FIJI[given_as])
    assert sorted(area.bounds) == [(-180, -20, -170, -15), (175, -20, 180, -15)]
    for lon in (175, 179, 180, -180, -175, -170):
        assert holds(area, lon, -17)
    for lon, lat in [(174, -17), (-169, -17), (0, -17), (179, -21), (-179, -14)]:
        assert not holds(area, lon, lat)


@given(
    west=st.floats(-180, 180),
    width=st.floats(0.001, 179),
    south=st.floats(-90, 89),
    height=st.floats(0.001, 1),
    turns=st.sampled_from([-360, 0, 360]),
    lon=st.floats(-180, 180),
    lat=st.floats(-90, 90),
)
@settings(max_examples=200, deadline=None)
def test_a_box_as_a_polygon_is_the_box(
    west: float, width: float, south: float, height: float, turns: float, lon: float, lat: float
) -> None:
    east, north = west + width, south + height
    edges = [west, east, west - 360, east - 360, west + 360, east + 360]
    assume(min(abs(lon - edge) for edge in edges) > 1e-9)
    begin = west + turns if abs(west + turns) <= 180 else west
    area = parse_area(polygon(ring(begin, south, begin + width, north)))
    box = Area.of_box(parse_box([west, south, east - 360 if east > 180 else east, north]))
    assert holds(area, lon, lat) == holds(box, lon, lat)
    inside = south <= lat <= north
    assert holds(box, lon, lat) == (inside and (west <= lon <= east or west <= lon + 360 <= east))
    for bounds in (area.bounds, area.reach(0.0)):
        if holds(area, lon, lat):
            assert any(w - 1e-9 <= lon <= e + 1e-9 and s <= lat <= n for w, s, e, n in bounds)


def test_what_touches_the_antimeridian_is_there_by_both_names() -> None:
    for side in (1, -1):
        tip = (side * 180, 0)
        area = parse_area(polygon([tip, (side * 170, 5), (side * 170, -5), tip]))
        assert holds(area, 180, 0)
        assert holds(area, -180, 0)
        assert not holds(area, -side * 179.9, 0)


def circle(lat: float, *, east: bool = True, start: float = -180) -> list[tuple[float, float]]:
    """A ring around a pole, its longitudes within ±180."""
    lons = [(start + step + 180) % 360 - 180 for step in range(0, 360, 30)]
    lons = lons if east else lons[::-1]
    return [(lon, lat) for lon in [*lons, lons[0]]]


@pytest.mark.parametrize("lat", [75, -75])
@pytest.mark.parametrize("east", [True, False])
@pytest.mark.parametrize("start", [-180, -7, 179])
def test_a_ring_around_a_pole(lat: float, east: bool, start: float) -> None:
    area = parse_area(polygon(circle(lat, east=east, start=start)))
    side = 1 if lat > 0 else -1
    for lon in np.linspace(-180, 180, 37):
        assert holds(area, lon, side * 89.9)
        assert holds(area, lon, side * 75.1)
        assert not holds(area, lon, side * 74.9)
        assert not holds(area, lon, -side * 80)
    assert {(b[0], b[2]) for b in area.bounds} >= {(-180, 180)}


def test_a_ring_around_a_pole_that_continues_or_stays_open_at_the_antimeridian() -> None:
    lons = range(-180, 181, 30)
    unclosed = [(float(lon), -70.0 + (lon % 60) / 30) for lon in lons]
    onward = [(lon + 170, lat) for lon, lat in unclosed]
    for made in (unclosed, onward):
        area = parse_area(polygon(made))
        assert holds(area, 12, -89)
        assert not holds(area, 12, -60)


def test_a_ring_between_two_circles_around_a_pole() -> None:
    area = parse_area(polygon(circle(60), circle(80, start=14)))
    assert [holds(area, 33, lat) for lat in (59, 61, 79, 81, 90)] == [
        False,
        True,
        True,
        False,
        False,
    ]


def test_a_planar_cap_and_the_whole_world() -> None:
    cap = parse_area(
        polygon([(-180, -90), (180, -90), (180, -60), (0, -65), (-180, -60), (-180, -90)])
    )
    assert holds(cap, 0, -66)
    assert not holds(cap, 0, -64)
    assert holds(cap, 179, -61)
    world = parse_area(polygon(ring(-180, -90, 180, 90)))
    assert all(holds(world, lon, lat) for lon in (-180, 0, 180) for lat in (-90, 0, 90))


def test_holes_are_left_out() -> None:
    area = parse_area(polygon(ring(170, 0, 190, 20), ring(175, 5, 185, 15)))
    assert [holds(area, lon, 10) for lon in (172, 178, 180, -178, -172)] == [
        True,
        False,
        False,
        False,
        True,
    ]
    assert holds(area, 180, 2)


def test_polygons_that_overlap_count_once() -> None:
    area = parse_area(
        {"type": "MultiPolygon", "coordinates": [[ring(0, 0, 9, 9)], [ring(5, 5, 20, 20)]]}
    )
    assert all(holds(area, x, x) for x in (1, 6, 15))


class Drawn:
    def __init__(self, geometry: dict[str, Any]) -> None:
        self.__geo_interface__ = geometry


def test_every_way_to_give_one() -> None:
    import geopandas

    shape = shapely.box(1, 2, 3, 4)
    plain = json.loads(json.dumps(shapely.geometry.mapping(shape)))
    feature = {"type": "Feature", "geometry": plain, "properties": {"name": "ice"}}
    collection = {"type": "FeatureCollection", "features": [feature]}
    frame = geopandas.GeoDataFrame(geometry=[shape], crs=4326)
    high = polygon([(*p, 100.0) for p in ring(1, 2, 3, 4)])
    for value in (
        shape,
        plain,
        feature,
        Drawn(feature),
        json.dumps(feature),
        collection,
        frame,
        high,
    ):
        area = parse_area(value)
        assert area.bounds == ((1, 2, 3, 4),)
        again = read_geometry(value)
        assert parse_area(json.loads(json.dumps(again))).bounds == area.bounds


def test_it_can_be_compared_hashed_and_pickled() -> None:
    one, same = parse_area(FIJI["jumping"]), parse_area(FIJI["jumping"])
    assert one == same
    assert len({one, same, pickle.loads(pickle.dumps(one))}) == 1
    assert one != Area.of_box((175.0, -20.0, -170.0, -15.0))


def test_many_polygons_have_a_box_for_all() -> None:
    rings = [[ring(i, 0, i + 0.5, 1)] for i in range(40)]
    area = parse_area({"type": "MultiPolygon", "coordinates": rings})
    assert area.bounds == ((0, 0, 39.5, 1),)
    assert not holds(area, 0.7, 0.5)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (5, "GeoJSON Polygon"),
        ([1, 2, 3, 4], "GeoJSON Polygon"),
        ("here", "not JSON"),
        ("[1, 2]", "GeoJSON Polygon"),
        ({}, "None is no polygon"),
        ({"type": "Point", "coordinates": [1, 2]}, "Point is no polygon"),
        ({"type": "LineString", "coordinates": [[1, 2], [3, 4]]}, "LineString is no polygon"),
        ({"type": "Feature", "geometry": None}, "not None"),
        ({"type": "FeatureCollection", "features": []}, "no polygon"),
        ({"type": "Polygon"}, "lists of positions"),
        ({"type": "Polygon", "coordinates": []}, "no ring"),
        ({"type": "Polygon", "coordinates": [[]]}, "no ring"),
        ({"type": "Polygon", "coordinates": [[[1], [2], [3]]]}, "lists of positions"),
        ({"type": "Polygon", "coordinates": [["ab", "cd"]]}, "lists of positions"),
        ({"type": "Polygon", "coordinates": [1, 2]}, "lists of positions"),
        ({"type": "MultiPolygon", "coordinates": [[[1, 2], [3, 4]]]}, "lists of positions"),
        (polygon([(0, 0), (1, 1), (0, 0)]), "at least 4"),
        (polygon([(0, 0), (1, 0), (1, 1), (0, 1)]), "not closed"),
        (polygon([(0, 0), (1, 1), (1, 0), (0, 1), (0, 0)]), "Self-intersection"),
        (polygon([(0, 0), (1, 0), (2, 0), (0, 0)]), "cannot be"),
        (polygon(ring(0, 0, float("nan"), 1)), "not finite"),
        (polygon(ring(0, 0, 1, float("inf"))), "not finite"),
        (polygon(ring(0, 0, 1, 91)), "leaves the Earth"),
        (polygon(ring(500000, 1, 500100, 2)), "leaves the Earth"),
        (polygon(ring(2, 2, 3, 3), ring(0, 0, 9, 9)), "all hole"),
        (polygon([*circle(70)[:-1], *circle(60)[:-1], (-180, 70)]), "2 times"),
        (
            polygon([(0, 70), (120, 70), (100, 60), (100, 80), (-120, 70), (0, 70)]),
            "crosses itself",
        ),
    ],
)
def test_a_polygon_that_cannot_be_says_why(value: Any, reason: str) -> None:
    with pytest.raises(WindowError, match=reason):
        parse_area(value)


def test_reach_continues_across_the_antimeridian_and_over_poles() -> None:
    near = Area.of_box((179.9, 10.0, 180.0, 11.0)).reach(0.25)
    assert any(box[0] == -180 and box[2] > -179.8 for box in near)
    assert Area.of_box((0.0, 89.0, 1.0, 90.0)).reach(0.25) == ((-180, 88.75, 180, 90),)


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((1, 2, 3, 4), (1, 2, 3, 4)),
        ((170, 0, -170, 5), (170, 0, -170, 5)),
        ((170, 0, 180, 5), (170, 0, 180, 5)),
        ((-180, 0, -170, 5), (-180, 0, -170, 5)),
        ((-180, -90, 180, 90), (-180, -90, 180, 90)),
        ((180, 1, 180, 1), (180, 1, 180, 1)),
    ],
)
def test_the_box_of_a_box_is_the_box(box: Box, expected: Box) -> None:
    assert Area.of_box(box).box == pytest.approx(expected)


def test_the_box_of_islands_on_both_sides_of_180() -> None:
    islands = shapely.MultiPolygon(
        [shapely.box(178, -18, 179, -17), shapely.box(-179, -16, -178, -15)]
    )
    assert parse_area(islands).box == (178, -18, -178, -15)
    far = shapely.MultiPolygon([shapely.box(10, 0, 20, 1), shapely.box(100, 3, 110, 5)])
    assert parse_area(far).box == (10, 0, 110, 5)
