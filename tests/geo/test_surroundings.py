"""What lies within a distance, compared with geodesics of pyproj."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyproj
import pytest
import shapely
from numpy.typing import NDArray

from catalog_builder.errors import WindowError
from catalog_builder.geo.area import parse_area
from catalog_builder.geo.surroundings import surroundings

GEOD = pyproj.Geod(ellps="WGS84")


def distance(shape: shapely.Geometry, lon: NDArray[Any], lat: NDArray[Any]) -> NDArray[Any]:
    """Metres from places to the nearest of many points of a shape."""
    lines = shapely.segmentize(shape, 0.002)
    nearest = np.full(len(lon), np.inf)
    for x, y in shapely.get_coordinates(lines):
        away = GEOD.inv(np.full(len(lon), x), np.full(len(lon), y), lon, lat)[2]
        nearest = np.minimum(nearest, away)
    return nearest


@pytest.mark.parametrize(
    ("shape", "metres"),
    [
        (shapely.Point(-134.5, 58.6), 5_000),
        (shapely.Point(179.99, -16.5), 20_000),
        (shapely.Point(12.0, 89.9), 60_000),
        (shapely.Point(0, -90), 30_000),
        (shapely.LineString([(-134.9, 58.2), (-134.5, 58.6), (-134.4, 59.1)]), 3_000),
        (shapely.LineString([(179.8, 0.1), (180.3, -0.2)]), 2_000),
        (shapely.MultiPoint([(10, 50), (11, 50)]), 1_000),
    ],
)
def test_what_is_nearer_lies_in_it(shape: shapely.Geometry, metres: float) -> None:
    area = parse_area(surroundings(shapely.geometry.mapping(shape), metres))
    rng = np.random.default_rng(3)
    places = shapely.get_coordinates(shapely.segmentize(shape, 0.1))
    start = places[rng.integers(len(places), size=3000)]
    away, direction = metres * 2 * rng.random(3000) ** 0.5, rng.random(3000) * 360
    lon, lat, _ = GEOD.fwd(start[:, 0], start[:, 1], direction, away)
    nearest = distance(shape, lon, lat)
    held = area.holds(lon, lat)
    margin = np.abs(nearest - metres) < 0.008 * metres
    assert (held == (nearest <= metres))[~margin].all()
    assert held.any()
    assert not held.all()


def test_a_polygon_is_in_it_with_its_holes_edges() -> None:
    ring = shapely.box(10, 50, 11, 51).difference(shapely.box(10.4, 50.4, 10.6, 50.6))
    area = parse_area(surroundings(shapely.geometry.mapping(ring), 1000))
    lon = np.array([10.2, 9.99, 9.97, 10.41, 10.5])
    lat = np.array([50.2, 50.5, 50.5, 50.5, 50.5])
    assert area.holds(lon, lat).tolist() == [True, True, False, True, False]


@pytest.mark.parametrize(
    ("geometry", "message"),
    [
        ({"type": "Circle", "coordinates": [1, 2]}, "A Circle is no geometry"),
        ({"type": "LineString", "coordinates": [1, 2]}, "positions of a LineString"),
        ({"type": "FeatureCollection", "features": []}, "has no position"),
        ({"type": "Feature", "geometry": None}, "None is no GeoJSON"),
    ],
)
def test_what_has_no_surroundings(geometry: Any, message: str) -> None:
    with pytest.raises(WindowError, match=message):
        surroundings(geometry, 100)


@pytest.mark.parametrize("odd", ["features", "depth"])
def test_shapes_that_cannot_be_walked(odd: str) -> None:
    shape: dict[str, Any] = {"type": "FeatureCollection", "features": 5}
    if odd == "depth":
        shape = {"type": "Point", "coordinates": [1, 2]}
        for _ in range(3000):
            shape = {"type": "GeometryCollection", "geometries": [shape]}
    with pytest.raises(WindowError, match="cannot be read"):
        surroundings(shape, 5)
