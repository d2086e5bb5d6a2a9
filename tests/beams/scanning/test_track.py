from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from catalog_builder.beams.scanning.track import TOLERANCE_M, simplified_track
from catalog_builder.geo.orbit import from_orbit


def test_nothing_and_little() -> None:
    none = np.empty(0)
    assert simplified_track(none, none) == []
    assert simplified_track(np.array([1.0]), np.array([2.0])) == [(1.0, 2.0)]
    still = np.full(5, 3.0)
    assert simplified_track(still, still) == [(3.0, 3.0), (3.0, 3.0)]


def test_a_straight_track_has_two_ends() -> None:
    at = np.linspace(0, 5, 1000)
    assert simplified_track(10 + at / 9, at) == [(10.0, 0.0), (round(10 + 5 / 9, 5), 5.0)]


def test_a_track_across_the_antimeridian() -> None:
    lat = np.linspace(0, 20, 2000)
    lon = (179.0 + lat**2 / 100 + 180) % 360 - 180
    track = simplified_track(lon, lat)
    assert 3 < len(track) < 40
    assert {lon > 0 for lon, _ in track} == {True, False}
    assert all(abs(lon) <= 180 for lon, _ in track)


@pytest.mark.parametrize(("south", "most"), [(0, 8), (27, 14), (80, 120), (250, 120)])
def test_a_track_of_the_orbit(south: int, most: int) -> None:
    lon, lat = from_orbit(np.linspace(south, south + 26.5, 50_000), 0.03, 40.0)
    lon = (lon + 180) % 360 - 180
    track = np.array(simplified_track(lon, lat))
    assert len(track) <= most
    # Straight lines between its points: where each passes the points it left out.
    x, y = np.unwrap(lon, period=360), lat
    at = [int(np.hypot((lon - a + 180) % 360 - 180, lat - b).argmin()) for a, b in track]
    assert at == sorted(at)
    for first, last in pairwise(at):
        inside = slice(first, last + 1)
        scale = np.cos(np.radians(y[inside]))
        chord = np.array([(x[last] - x[first]) * scale, np.full_like(scale, y[last] - y[first])])
        point = np.array([(x[inside] - x[first]) * scale, y[inside] - y[first]])
        across = np.abs(chord[0] * point[1] - chord[1] * point[0]) / np.hypot(*chord)
        assert across.max() * 111_195 < 1.01 * TOLERANCE_M + 2
