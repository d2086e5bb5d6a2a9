from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import orjson
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Point, box, shape

from catalog_builder.catalog.footprint.raw_footprint import orbit_extent, ring
from catalog_builder.catalog.footprint.swath import Footprint, draw, footprint
from catalog_builder.catalog.stac.granule import Granule
from catalog_builder.errors import FootprintError
from catalog_builder.geo import orbit
from catalog_builder.products.granule_name import REGION_MIDDLES, GranuleName
from tests.catalog.footprint.rings import HALF_SPAN, assert_sound, ring_of


@settings(max_examples=150, deadline=None)
@given(
    node=st.floats(-180, 180),
    region=st.integers(1, 14),
    vertices=st.integers(4, 25),
    clockwise=st.booleans(),
)
def test_every_swath_covers_its_ground_tracks(
    node: float, region: int, vertices: int, clockwise: bool
) -> None:
    lon, lat = ring_of(node, region, vertices=vertices)
    if clockwise:
        lon, lat = lon[::-1], lat[::-1]
    found = footprint(ring(lon, lat, near=REGION_MIDDLES[region - 1]))
    assert_sound(found)
    geometry = shape(found.geometry)
    half = HALF_SPAN.get(region, 12.0) - 0.1
    flown = REGION_MIDDLES[region - 1] + np.linspace(-half, half, 200)
    for aside in (-0.0297, 0.0, 0.0297):  # the beams lie 3.3 km from the middle at most
        track_lon, track_lat = orbit.from_orbit(flown, np.full(200, aside), node)
        points = shapely.points((track_lon + 180) % 360 - 180, track_lat)
        assert shapely.intersects(geometry, points).all()


@given(node=st.floats(-180, 180), region=st.integers(1, 14))
def test_nothing_beside_the_swath_is_in_it(node: float, region: int) -> None:
    found = footprint(ring(*ring_of(node, region), near=REGION_MIDDLES[region - 1]))
    geometry = shape(found.geometry)
    flown = REGION_MIDDLES[region - 1] + np.linspace(-9, 9, 50)
    for aside in (-0.0575, 0.0575):  # 170 m outside
        lon, lat = orbit.from_orbit(flown, np.full(50, aside), node)
        points = shapely.points((lon + 180) % 360 - 180, lat)
        assert not shapely.intersects(geometry, points).any()


def test_a_ring_and_its_orbit_give_the_same_place() -> None:
    by_orbit = footprint(
        orbit_extent(
            ascending_crossing=31.0,
            start_latitude=59.5,
            start_direction="A",
            end_latitude=80.0,
            end_direction="A",
        )
    )
    assert_sound(by_orbit)
    start = orbit.argument_of_latitude(59.5, ascending=True)
    end = orbit.argument_of_latitude(80.0, ascending=True)
    u = np.array([start, end, end, start])
    lon, lat = orbit.from_orbit(u, [-0.0562, -0.0562, 0.0562, 0.0562], 31.0)
    by_ring = footprint(ring(lon, lat, near=70))
    one, other = shape(by_orbit.geometry), shape(by_ring.geometry)
    assert one.symmetric_difference(other).area < 0.01 * one.area


@pytest.mark.parametrize("crossing", [-180.0, -90.0, 0.0, 31.5, 179.99])
@pytest.mark.parametrize(
    ("start", "end"),
    [
        ((0, "A"), (27, "A")),
        ((80, "A"), (80, "D")),
        ((59.5, "D"), (27, "D")),
        ((-79, "D"), (-79, "A")),
        ((-27, "A"), (0, "A")),
    ],
)
def test_orbits_in_every_region(
    crossing: float, start: tuple[float, str], end: tuple[float, str]
) -> None:
    found = footprint(
        orbit_extent(
            ascending_crossing=crossing,
            start_latitude=start[0],
            start_direction=start[1],
            end_latitude=end[0],
            end_direction=end[1],
        )
    )
    assert_sound(found)


def test_a_footprint_over_the_pole_has_no_chord_across_it() -> None:
    found = footprint(ring(*ring_of(20.0, 4), near=90))
    geometry = shape(found.geometry)
    lon, lat = orbit.from_orbit([90], [0], 20.0)
    assert geometry.intersects(Point((lon[0] + 180) % 360 - 180, lat[0]))
    assert found.bbox[3] == pytest.approx(88.07, abs=0.01)


@pytest.mark.parametrize(
    ("lon", "lat", "message"),
    [
        ([0, 1, 0], [0, 1, 0], "2 distinct vertices"),
        ([0, 1, 1, 0], [0, 0, 91, 1], "leaves the Earth"),
        ([0, 1, float("nan")], [0, 1, 2], "not a number"),
        ([0, 90, 90, 0], [0, 0, 40, 40], "off any ICESat-2 track"),
    ],
)
def test_impossible_rings_are_refused(lon: list[float], lat: list[float], message: str) -> None:
    with pytest.raises(FootprintError, match=message):
        footprint(ring(lon, lat, near=13))


def test_a_ring_that_crosses_itself_is_refused() -> None:
    lon, lat = ring_of(10.0, 1)
    lon[[3, -4]], lat[[3, -4]] = lon[[-4, 3]], lat[[-4, 3]]
    with pytest.raises(FootprintError, match="no simple polygon"):
        footprint(ring(lon, lat, near=13))


def test_real_records_are_all_sound(real_granules: list[Granule]) -> None:
    assert len({granule.id for granule in real_granules}) == 1408
    for granule in real_granules:
        assert_sound(granule.footprint)


def test_a_real_search_finds_what_an_independent_computation_does(
    real_granules: list[Granule], real_data: Path
) -> None:
    """The 10 km box near Annapolis: 43 of 1,408, by walking along both edges in small steps.

    The other computation shares no code: it walks each long edge of the raw ring, longitude
    relative to the formula of a circular orbit, and asks whether the box lies between the edges.
    """
    west, south, east, north = -76.623291, 38.842973, -76.506054, 38.934599
    window = box(west, south, east, north)
    found = {g.id for g in real_granules if shape(g.footprint.geometry).intersects(window)}
    expected = set()
    with (real_data / "cmr" / "atl03_v007_granules.umm.jsonl").open() as lines:
        for granule, line in zip(real_granules, lines, strict=True):
            domain = json.loads(line)["umm"]["SpatialExtent"]["HorizontalSpatialDomain"]
            points = domain["Geometry"]["GPolygons"][0]["Boundary"]["Points"]
            if _walked(points, granule.name.region, (west, south, east, north)):
                expected.add(granule.id)
    assert len(found) == 43
    assert found == expected


def _walked(
    points: list[dict[str, float]], region: int, window: tuple[float, float, float, float]
) -> bool:
    """Whether a ring meets a box, by longitudes of its edges at many latitudes of the box."""
    west, south, east, north = window
    inclination = np.radians(92)
    lon = np.array([point["Longitude"] for point in points])
    lat = np.array([point["Latitude"] for point in points])
    u = np.arcsin(np.sin(np.radians(lat)) / np.sin(inclination))
    u = u if region in (1, 2, 3, 12, 13, 14) else np.pi - u

    def formula(u: np.ndarray) -> np.ndarray:
        track = np.arctan2(np.cos(inclination) * np.sin(u), np.cos(u))
        return np.degrees(track) - 360 * 91 / 1387 * u / (2 * np.pi)

    rest = np.unwrap(lon - formula(u), period=360)
    for latitude in np.linspace(south, north, 200):
        at = np.arcsin(np.sin(np.radians(latitude)) / np.sin(inclination))
        at = at if region in (1, 2, 3, 12, 13, 14) else np.pi - at
        crossings = []
        for k in range(len(points) - 1):
            low, high = sorted((u[k], u[k + 1]))
            if low <= at < high:
                share = (at - u[k]) / (u[k + 1] - u[k])
                crossings.append(rest[k] + share * (rest[k + 1] - rest[k]) + float(formula(at)))
        if len(crossings) == 2:
            middle = (west + east) / 2
            shift = 360 * np.round((np.mean(crossings) - middle) / 360)
            left, right = sorted(np.array(crossings) - shift)
            if left <= east and right >= west:
                return True
    return False


def test_a_page_is_drawn_as_its_rings_are_one_by_one(real_data: Path) -> None:
    """Also those among rings that cannot be drawn, and orbits among rings."""
    several = []
    with (real_data / "cmr" / "atl03_v007_granules.umm.jsonl").open() as lines:
        for line in list(lines)[::40]:
            umm = json.loads(line)["umm"]
            points = umm["SpatialExtent"]["HorizontalSpatialDomain"]["Geometry"]["GPolygons"][0][
                "Boundary"
            ]["Points"]
            near = REGION_MIDDLES[GranuleName.parse(umm["RelatedUrls"][0]["URL"]).region - 1]
            lon = [point["Longitude"] for point in points]
            lat = [point["Latitude"] for point in points]
            several += [ring(lon, lat, near=near), ring(lon[:2], lat[:2], near=near)]
    several += [ring([], [], near=13), ring([0, 90, 90, 0], [0, 0, 40, 40], near=13)]
    extent = {"start_latitude": 59.5, "start_direction": "A", "end_direction": "A"}
    several.insert(5, orbit_extent(ascending_crossing=179.0, end_latitude=80.0, **extent))
    drawn = draw(several)
    assert len(drawn) == len(several)
    for raw, one in zip(several, drawn, strict=True):
        (alone,) = draw([raw])
        assert same(one, alone)
    refused = [str(one) for one in drawn if isinstance(one, FootprintError)]
    assert len(refused) == len(several) // 2 + 1
    assert draw([]) == []


def same(one: Footprint | FootprintError, other: Footprint | FootprintError) -> bool:
    """Bit for bit, or for the same reason none."""
    if isinstance(one, FootprintError):
        return isinstance(other, FootprintError) and str(one) == str(other)
    return one == other and one.shape.wkb == other.shape.wkb


def test_neighbours_and_order_change_nothing() -> None:
    """Rings of every region, off the track too, in slices of several lengths and shuffled."""
    rng = np.random.default_rng(5)
    several = []
    for number in range(560):
        region = 1 + number % 14
        lon, lat = ring_of(rng.uniform(-180, 180), region, vertices=int(rng.integers(3, 25)))
        rough = rng.choice([0.0, 0.0001, 0.01])
        lat = (lat + rng.uniform(-rough, rough, len(lat))).round(5)
        several.append(ring(lon, lat, near=REGION_MIDDLES[region - 1]))
    together = draw(several)
    assert sum(isinstance(one, Footprint) for one in together) > 400
    assert len({one.drawn["type"] for one in together if isinstance(one, Footprint)}) == 2
    for length in (1, 7, 100):
        for start in range(0, len(several), length):
            part = slice(start, start + length)
            assert all(map(same, draw(several[part]), together[part]))
    order = rng.permutation(len(several)).tolist()
    shuffled = draw([several[number] for number in order])
    assert all(map(same, shuffled, [together[number] for number in order]))


@pytest.mark.parametrize("node", [30.0, -174.0])
def test_what_is_drawn_is_the_geometry_in_arrays(node: float) -> None:
    found = footprint(ring(*ring_of(node, 2), near=REGION_MIDDLES[1]))
    assert found.geometry["type"] == ("Polygon" if node == 30.0 else "MultiPolygon")
    written = orjson.dumps(found.drawn, option=orjson.OPT_SERIALIZE_NUMPY)
    assert orjson.loads(written) == found.geometry == json.loads(json.dumps(found.geometry))
    assert shape(found.geometry).equals_exact(found.shape, 0.0)
    assert found != found.geometry
