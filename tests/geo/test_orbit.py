from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_builder.geo import orbit
from catalog_builder.products.granule_name import REGION_MIDDLES, GranuleName

EARTH_RADIUS_KM = 6371.0


@given(u=st.floats(-720, 720), cross=st.floats(-2, 2), node=st.floats(-180, 180))
def test_there_and_back(u: float, cross: float, node: float) -> None:
    lon, lat = orbit.from_orbit([u], [cross], node)
    u_back, cross_back = orbit.to_orbit(lon, lat, node, near=u + 30)
    assert u_back[0] == pytest.approx(u, abs=1e-7)
    assert cross_back[0] == pytest.approx(cross, abs=1e-9)


def test_the_track_turns_at_88_degrees_and_closes_after_1387_revolutions() -> None:
    _, lat = orbit.from_orbit(np.linspace(0, 360, 3601), np.zeros(3601), 0.0)
    assert lat.max() == pytest.approx(88.0133, abs=1e-3)  # 88 degrees geocentric
    lon, lat = orbit.from_orbit([0, 1387 * 360], [0, 0], 12.0)
    assert lon % 360 == pytest.approx([12.0, 12.0])
    assert lat == pytest.approx([0, 0], abs=1e-9)


def test_left_of_the_flight_is_west_when_going_north() -> None:
    lon, lat = orbit.from_orbit([20, 20], [0.05, -0.05], 0.0)
    assert lon[0] < lon[1]
    assert orbit.from_orbit([21], [0], 0.0)[1] > lat.max()


@given(
    node=st.floats(-180, 180),
    region=st.integers(1, 14),
    aside=st.floats(-0.1, 0.1),
)
def test_the_node_is_found_from_any_stretch_of_flight(
    node: float, region: int, aside: float
) -> None:
    middle = REGION_MIDDLES[region - 1]
    u = middle + np.linspace(-9, 9, 20)
    lon, lat = orbit.from_orbit(u, np.full(20, aside) + np.tile([-0.05, 0.05], 10), node)
    found = orbit.find_node(lon, lat, middle)
    u_found, cross = orbit.to_orbit(lon, lat, found, near=middle)
    assert np.abs(cross).max() < 0.2
    assert u_found == pytest.approx(u, abs=0.2)


def test_nodes_of_many_stretches_are_those_of_each_alone() -> None:
    rng = np.random.default_rng(2)
    middles = np.array(REGION_MIDDLES, dtype=np.float64)
    counts = rng.integers(4, 30, len(middles))
    owner = np.repeat(np.arange(len(middles)), counts)
    u = middles[owner] + rng.uniform(-12, 12, len(owner))
    nodes = rng.uniform(-180, 180, len(middles))
    cross = rng.choice([-0.06, 0.06], len(owner))
    lon, lat = orbit.from_orbit(u, cross, nodes[owner])
    found, flown = orbit.find_nodes(lon, lat, middles, np.cumsum(counts) - counts)
    assert np.abs((found - nodes + 180) % 360 - 180).max() < 1.0
    for number, node in enumerate(found):
        of = owner == number
        assert orbit.find_node(lon[of], lat[of], middles[number]) == node
    # What is left to do is done in two steps.
    soon = orbit.to_orbit(lon, lat, found[owner], flown, steps=2)
    late = orbit.to_orbit(lon, lat, found[owner], flown, steps=9)
    np.testing.assert_allclose(soon, late, rtol=0, atol=1e-9)
    assert np.abs(flown - late[0]).max() < 0.01


def test_argument_of_latitude() -> None:
    for u in (10.0, 80.0, 100.0, 170.0, 190.0, 260.0, 280.0, 350.0):
        _, lat = orbit.from_orbit([u], [0], 0.0)
        ascending = u < 90 or u > 270
        assert orbit.argument_of_latitude(lat[0], ascending=ascending) == pytest.approx(u)
    assert orbit.argument_of_latitude(89.0, ascending=True) == pytest.approx(90)


def test_vertices_of_real_rings_are_predicted_from_their_neighbours(real_data: Path) -> None:
    """Drop each vertex of each ring, and draw the edge between its neighbours along the orbit."""
    errors = []
    with (real_data / "cmr" / "atl03_v007_granules.umm.jsonl").open() as lines:
        for line in lines:
            umm = json.loads(line)["umm"]
            name = GranuleName.parse(umm["RelatedUrls"][0]["URL"])
            domain = umm["SpatialExtent"]["HorizontalSpatialDomain"]
            points = domain["Geometry"]["GPolygons"][0]["Boundary"]["Points"][:-1]
            lon = np.array([point["Longitude"] for point in points])
            lat = np.array([point["Latitude"] for point in points])
            near = REGION_MIDDLES[name.region - 1]
            u, cross = orbit.to_orbit(lon, lat, orbit.find_node(lon, lat, near), near)
            before, after = np.roll(lat, 1), np.roll(lat, -1)
            apart = np.abs(before - after)
            between = (np.minimum(before, after) < lat) & (lat < np.maximum(before, after))
            tested = between & (apart >= 4) & (apart <= 8)
            share = (u - np.roll(u, 1)) / (np.roll(u, -1) - np.roll(u, 1))
            predicted = np.roll(cross, 1) + share * (np.roll(cross, -1) - np.roll(cross, 1))
            errors.append(np.radians(np.abs(predicted - cross)[tested]) * EARTH_RADIUS_KM)
    errors_km = np.concatenate(errors)
    assert len(errors_km) > 15_000
    assert np.median(errors_km) < 0.06
