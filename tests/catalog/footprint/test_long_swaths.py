"""Long swaths are cut along the orbit, and followed through revolutions."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from catalog_builder.catalog.footprint.long_swaths import cut, joined, unfolded
from catalog_builder.catalog.footprint.ragged_rings import RaggedRings
from catalog_builder.catalog.footprint.raw_footprint import rings_of_revolutions
from catalog_builder.catalog.footprint.swath import footprint
from catalog_builder.errors import FootprintError
from catalog_builder.geo import orbit


def strip(start: float, end: float, half: float = 0.05) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """A ring in orbit coordinates."""
    u = np.linspace(start, end, int((end - start) / 8) + 2)
    return np.concatenate([u, u[::-1]]), np.repeat([-half, half], len(u))


def test_short_rings_stay_as_they_are_and_long_ones_are_cut() -> None:
    rings = RaggedRings.of(*zip(strip(10, 60), strip(30, 700), strip(-5, 175), strict=True))
    pieces, owners = cut(rings)
    assert owners.tolist() == [0, *[1] * 8, 2]
    lengths = pieces.max(pieces.x) - pieces.min(pieces.x)
    assert lengths[1:-1].max() <= 90
    assert lengths[1:-1].sum() == pytest.approx(670)
    areas = shapely.area(pieces.closed().polygons())
    assert areas[1:-1].sum() == pytest.approx(670 * 0.1)
    only_short = RaggedRings.of(*zip(strip(10, 60), strip(-5, 175), strict=True))
    assert cut(only_short)[0] is only_short


@pytest.mark.parametrize("beyond", [0.0, 1e-9, 1e-7, 1e-5, 1e-3, 0.02])
@pytest.mark.parametrize("start", [-90.0, 0.0, 90.0])
def test_a_ring_that_ends_about_at_a_cut_is_drawn(start: float, beyond: float) -> None:
    """As that of a granule does which begins at the equator: no piece is too narrow to draw."""
    u, cross = strip(start - beyond, start + 720.0 + beyond)
    lon, lat = orbit.from_orbit(u, cross, orbit.node_of_track(5))
    raw = rings_of_revolutions([((lon + 180) % 360 - 180, lat)], rgt=5, flown=720.0)
    found = footprint(raw)
    assert found.shape.is_valid
    middle = orbit.from_orbit(np.linspace(start + 0.1, start + 719.9, 999), np.zeros(999), 0.0)
    lon = (middle[0] + orbit.node_of_track(5) + 180) % 360 - 180
    assert shapely.intersects_xy(found.shape, lon, middle[1]).all()


def test_pieces_are_joined_without_seams() -> None:
    boxes = [shapely.box(n, 0, n + 1, 1) for n in range(4)]
    assert joined(boxes).equals(shapely.box(0, 0, 4, 1))
    crossing = joined([shapely.box(0, 0, 9, 1), shapely.box(4, -4, 5, 5)])
    assert crossing.is_valid
    assert crossing.area == pytest.approx(9 + 9 - 1)


@pytest.mark.parametrize("off", [-1.0, 0.0, 2.0])
@pytest.mark.parametrize("aside", [0.0, 3.0])
def test_a_ring_is_followed_through_its_revolutions(off: float, aside: float) -> None:
    """Also where the node is not known well, and the beams point aside."""
    u, cross = strip(-3.0, 1430.0)
    lon, lat = orbit.from_orbit(u, cross + aside, 77.0)
    lon = (lon + 180) % 360 - 180
    found, across, node = unfolded(lon, lat, node=77.0 + off, revolutions=4)
    back = orbit.from_orbit(found, across, node)
    assert np.abs((back[0] - lon + 180) % 360 - 180)[np.abs(lat) < 87].max() < 1e-6
    assert np.abs(back[1] - lat).max() < 1e-6
    assert np.abs(found - u).max() < 2.0 + aside


@pytest.mark.parametrize(
    ("lon", "lat"),
    [([0.0, 1.0], [0.0, 1.0]), ([0.0, np.nan, 1.0], [0.0] * 3), ([0.0, 1, 2], [0.0, 1, 95])],
)
def test_what_is_no_ring_is_refused(lon: list[float], lat: list[float]) -> None:
    with pytest.raises(FootprintError):
        unfolded(np.array(lon), np.array(lat), node=0.0, revolutions=1)
