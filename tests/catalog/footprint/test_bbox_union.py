from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_builder.catalog.footprint.bbox_union import ALL_ROUND, cover

Arc = tuple[float, float]

longitudes = st.floats(-180, 180, allow_subnormal=False).map(lambda lon: round(lon, 5))


def width(arc: Arc) -> float:
    return arc[1] - arc[0] + (360 if arc[0] > arc[1] else 0)


def holds(outer: Arc, inner: Arc) -> bool:
    """Whether going east from the outer arc's west one passes all of the inner one in time."""
    return (inner[0] - outer[0]) % 360 + width(inner) <= width(outer) + 1e-9


@given(st.lists(st.tuples(longitudes, longitudes), min_size=1, max_size=6))
def test_a_cover_is_the_narrowest_that_holds_all_boxes(arcs: list[Arc]) -> None:
    west, _, east, _ = cover([(w, 0, e, 1) for w, e in arcs])
    pairs = [(w, e) for w, _ in arcs for _, e in arcs]
    widths = [width(pair) for pair in pairs if all(holds(pair, arc) for arc in arcs)]
    narrowest = min(widths, default=360.0)
    if 360 - narrowest < ALL_ROUND + 1e-6:
        assert 360 - width((west, east)) < ALL_ROUND + 1e-6
    else:
        assert all(holds((west, east), arc) for arc in arcs)
        assert width((west, east)) == pytest.approx(narrowest)


@pytest.mark.parametrize(
    ("boxes", "box"),
    [
        ([(1, 2, 3, 4)], (1, 2, 3, 4)),
        ([(1, 2, 3, 4), (5, -6, 7, 0)], (1, -6, 7, 4)),
        ([(170, 0, 175, 1), (-175, 0, -170, 1)], (170, 0, -170, 1)),
        ([(175, 0, -175, 1), (-170, 0, -160, 1)], (175, 0, -160, 1)),
        ([(-180, 0, -170, 1), (170, 0, 180, 1)], (170, 0, -170, 1)),
        ([(0, 0, 120, 1), (120, 0, -120, 1), (-120, 0, 0, 1)], (-180, 0, 180, 1)),
        ([(-179, 0, 179, 1)], (-180, 0, 180, 1)),
        ([(0, 0, 100, 1), (10, 0, 20, 1), (150, 0, 151, 1)], (0, 0, 151, 1)),
        ([(5, 5, 5, 5)], (5, 5, 5, 5)),
    ],
)
def test_covers(boxes, box) -> None:
    assert cover(boxes) == box


def test_a_narrow_gap_can_be_kept() -> None:
    assert cover([(-179, 0, 178, 1)], all_round=0) == (-179, 0, 178, 1)
