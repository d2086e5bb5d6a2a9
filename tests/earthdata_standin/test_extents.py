"""Boxes on the globe, across ±180 and around the poles."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from earthdata_standin.extents import Box, Boxes

longitudes = st.floats(-180, 180)
latitudes = st.floats(-90, 90)


@given(longitudes, longitudes, longitudes, longitudes, latitudes, latitudes)
def test_boxes_meet_across_180(
    w1: float, e1: float, w2: float, e2: float, south: float, north: float
) -> None:
    """Against the plain test of the pieces that ±180 cuts a box into."""
    south, north = sorted((south, north))
    one, other = (Box.of_edges(w, south, e, north) for w, e in ((w1, e1), (w2, e2)))

    def pieces(west: float, east: float) -> list[tuple[float, float]]:
        return [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]

    touch = {-180.0, 180.0}
    expected = any(
        (a <= d and c <= b) or ({a, b} & touch and {c, d} & touch)
        for a, b in pieces(w1, e1)
        for c, d in pieces(w2, e2)
    )
    found = Boxes([one]).meet(other, loose=False)[0]
    # A box that only touches ±180 from one side touches those on the other side.
    assert found == expected or abs(w1 - e2) < 1e-9 or abs(w2 - e1) < 1e-9


def test_a_ring_around_the_pole_holds_it() -> None:
    box = Box.of_path([0, 90, 180, -90, 0], [85, 85, 85, 85, 85])
    assert (box.width, box.north) == (360.0, 90.0)
    southern = Box.of_path([0, -90, 180, 90, 0], [-85] * 5)
    assert (southern.width, southern.south) == (360.0, -90.0)


def test_circles() -> None:
    boxes = Boxes([Box.of_edges(179, -1, -179, 1)])
    assert boxes.meet(Box.of_circle(-178, 0, 120_000), loose=False)[0]
    assert not boxes.meet(Box.of_circle(-178, 0, 100_000), loose=False)[0]
    assert Box.of_circle(10, 89.9, 50_000).width == 360.0
