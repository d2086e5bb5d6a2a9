from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import shapely

from catalog_builder.catalog.footprint.densify import TOLERANCE, densify, simplified
from catalog_builder.catalog.footprint.ragged_rings import RaggedRings
from catalog_builder.geo import orbit
from catalog_builder.products.granule_name import REGION_MIDDLES, GranuleName

ROUNDED = 0.00001
"""Degrees that rounding the positions of a ring moves it, at most."""

Floats = np.ndarray


def farthest(rings_in_orbit: RaggedRings, nodes: Floats, near: Floats) -> Floats:
    """Degrees of arc that drawn edges lie off each ring's true ones, at 50 points along each.

    The drawn points are taken back into orbit coordinates, where the true edges are straight.
    """
    drawn = densify(simplified(rings_in_orbit), nodes)
    edges = np.flatnonzero(drawn.owner[:-1] == drawn.owner[1:])
    share = np.linspace(0, 1, 50)[:, np.newaxis]
    lon = drawn.x[edges] + share * (drawn.x[edges + 1] - drawn.x[edges])
    lat = drawn.y[edges] + share * (drawn.y[edges + 1] - drawn.y[edges])
    owner = drawn.owner[edges]
    u, cross = orbit.to_orbit(lon, lat, nodes[owner], near[owner])
    true = shapely.linearrings(rings_in_orbit.x, rings_in_orbit.y, indices=rings_in_orbit.owner)
    off = shapely.distance(shapely.points(u, cross), true[owner]).max(axis=0)
    return np.maximum.reduceat(off, np.flatnonzero(np.diff(owner, prepend=-1)))


def swaths(
    rng: np.random.Generator, count: int, *, aside: float, rough: float
) -> tuple[RaggedRings, Floats, Floats]:
    """Closed rings_in_orbit along the track, their nodes and the middles of their regions.

    Up to ``aside`` off it, their vertices up to ``rough`` off a straight edge, degrees.
    """
    u, cross, middles = [], [], []
    for number in range(count):
        middle = REGION_MIDDLES[number % len(REGION_MIDDLES)]
        side = middle + np.sort(rng.uniform(-14, 14, rng.integers(2, 20)))
        off = rng.uniform(-aside, aside)
        edges = np.repeat([off - 0.056, off + 0.056], len(side))
        edges += rng.uniform(-rough, rough, len(edges))
        u.append(np.concatenate([side, side[::-1]]))
        cross.append(edges)
        middles.append(middle)
    return (
        RaggedRings.of(u, cross).closed(),
        rng.uniform(-180, 180, count),
        np.array(middles, float),
    )


@pytest.mark.parametrize(
    ("aside", "rough"), [(0.0, 0.0), (0.03, 0.0001), (0.1, 0.001), (0.5, 0.02), (1.5, 0.05)]
)
def test_no_drawn_edge_strays(aside: float, rough: float) -> None:
    rings_in_orbit, nodes, near = swaths(np.random.default_rng(3), 140, aside=aside, rough=rough)
    assert farthest(rings_in_orbit, nodes, near).max() < TOLERANCE + ROUNDED


def test_no_edge_of_a_real_ring_strays(real_data: Path) -> None:
    lon, lat, near = [], [], []
    with (real_data / "cmr" / "atl03_v007_granules.umm.jsonl").open() as lines:
        for line in list(lines)[::5]:
            umm = json.loads(line)["umm"]
            domain = umm["SpatialExtent"]["HorizontalSpatialDomain"]
            points = domain["Geometry"]["GPolygons"][0]["Boundary"]["Points"]
            lon.append(np.array([point["Longitude"] for point in points]))
            lat.append(np.array([point["Latitude"] for point in points]))
            name = GranuleName.parse(umm["RelatedUrls"][0]["URL"])
            near.append(REGION_MIDDLES[name.region - 1])
    rings, middles = RaggedRings.of(lon, lat), np.array(near, float)
    nodes, u = orbit.find_nodes(rings.x, rings.y, middles, rings.starts)
    u, cross = orbit.to_orbit(rings.x, rings.y, nodes[rings.owner], u)
    rings_in_orbit = RaggedRings(u, cross, rings.counts)
    assert farthest(rings_in_orbit, nodes, middles).max() < TOLERANCE + ROUNDED


def test_points_lie_close_only_where_the_map_bends() -> None:
    """Along the track between two latitudes: far apart at the equator, close at the turn."""

    def points(begin: float, end: float) -> int:
        ring = RaggedRings.of(
            [np.array([begin, end, end, begin])], [np.array([-0.05, -0.05, 0.05, 0.05])]
        )
        return len(densify(ring.closed(), np.zeros(1)).x)

    assert points(0, 6) == 5
    assert 10 < points(27, 59) < 40
    assert 150 < points(80, 100) < 400
    assert points(80, 100) == points(260, 280) == points(440, 460)


def test_vertices_on_a_line_are_left_out() -> None:
    side = np.linspace(10, 20, 30)
    u = np.concatenate([side, side[::-1]])
    cross = np.repeat([-0.05, 0.05], 30)
    bent = cross + np.where(np.arange(60) == 15, 0.0002, 0.0)
    fewer = simplified(RaggedRings.of([u, u], [cross, bent]).closed())
    assert fewer.counts.tolist() == [5, 8]


def test_a_ring_too_narrow_for_fewer_vertices_keeps_them() -> None:
    u, cross = np.array([10.0, 15, 20, 15, 10]), np.array([0, -1e-5, 0, 1e-5, 0])
    ring = simplified(RaggedRings.of([u], [cross]))
    assert (ring.x.tolist(), ring.y.tolist()) == (u.tolist(), cross.tolist())
