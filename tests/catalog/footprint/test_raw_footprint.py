"""Rings and stretches of an orbit, as records have them."""

from __future__ import annotations

import pytest

from catalog_builder.catalog.footprint.raw_footprint import HALF_WIDTH, orbit_extent, ring
from catalog_builder.errors import FootprintError


def test_impossible_orbits_are_refused() -> None:
    extent = {"start_latitude": 0.0, "start_direction": "A", "end_direction": "A"}
    with pytest.raises(FootprintError, match="AscendingCrossing of the orbit is 400"):
        orbit_extent(ascending_crossing=400.0, end_latitude=27.0, **extent)
    with pytest.raises(FootprintError, match="same place"):
        orbit_extent(ascending_crossing=4.0, end_latitude=0.0, **extent)


@pytest.mark.parametrize(
    ("start", "start_direction", "end", "end_direction", "expected"),
    [
        (0.0, "A", 27.0, "A", (0.0, 27.0)),
        (59.5, "A", 59.5, "D", (59.5, 120.5)),
        (27.0, "D", -27.0, "D", (153.0, 207.0)),
        (-50.0, "A", 0.0, "A", (310.0, 360.0)),
        (-27.0, "A", 27.0, "A", (333.0, 387.0)),  # over the node
    ],
)
def test_a_stretch_of_an_orbit_is_a_swath_around_it(
    start: float,
    start_direction: str,
    end: float,
    end_direction: str,
    expected: tuple[float, float],
) -> None:
    found = orbit_extent(
        ascending_crossing=-12.5,
        start_latitude=start,
        start_direction=start_direction,
        end_latitude=end,
        end_direction=end_direction,
    )
    assert found.node == -12.5
    # Geodetic latitudes lie up to 0.2 degrees off those of a sphere.
    assert (found.x.min(), found.x.max()) == pytest.approx(expected, abs=0.4)
    assert found.near == pytest.approx(sum(expected) / 2, abs=0.4)
    assert sorted(set(found.y.tolist())) == [-HALF_WIDTH, HALF_WIDTH]


@pytest.mark.parametrize("latitude", [float("nan"), 90.5, -91.0])
def test_a_latitude_that_is_none_is_named(latitude: float) -> None:
    with pytest.raises(FootprintError, match=r"EndLatitude of the orbit is .*: not on Earth"):
        orbit_extent(
            ascending_crossing=0.0,
            start_latitude=0.0,
            start_direction="A",
            end_latitude=latitude,
            end_direction="A",
        )


def test_a_ring_keeps_its_vertices_as_they_are() -> None:
    found = ring([179, -179, -179], [1, 2, 3], near=13.0)
    assert found.x.tolist() == [179.0, -179.0, -179.0]
    assert (found.x.dtype, found.y.dtype, found.near, found.node) == ("f8", "f8", 13.0, None)
