"""Rings in flat arrays: what is done to many at once is what is done to each alone."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from catalog_builder.catalog.footprint.ragged_rings import RaggedRings

COORDINATES = st.integers(-5, 5).map(float)
RING = st.lists(st.tuples(COORDINATES, COORDINATES), min_size=1, max_size=6)
Ring = list[tuple[float, float]]


def ragged(several: list[Ring]) -> RaggedRings:
    return RaggedRings.of(
        [np.array([x for x, _ in one]) for one in several],
        [np.array([y for _, y in one]) for one in several],
    )


def plain(rings: RaggedRings) -> list[Ring]:
    return [[(x, y) for x, y in corners.tolist()] for corners in rings.corners()]


@given(st.lists(RING, max_size=5))
def test_rings_come_back(several: list[Ring]) -> None:
    rings = ragged(several)
    assert len(rings) == len(several)
    assert plain(rings) == several
    assert rings.owner.tolist() == [n for n, one in enumerate(several) for _ in one]
    before = [one[number - 1] for one in several for number in range(len(one))]
    assert [(rings.x[n], rings.y[n]) for n in rings.before] == before


@given(st.lists(RING, max_size=5))
def test_each_ring_is_closed_by_its_own_first_vertex(several: list[Ring]) -> None:
    assert plain(ragged(several).closed()) == [[*one, one[0]] for one in several]


@given(st.lists(RING, max_size=5))
def test_values_at_vertices_are_gathered_by_ring(several: list[Ring]) -> None:
    rings = ragged(several)
    assert rings.any(rings.y > 3).tolist() == [any(y > 3 for _, y in one) for one in several]
    assert rings.min(rings.x).tolist() == [min(x for x, _ in one) for one in several]
    wanted = rings.any(rings.y > 3)
    assert plain(rings.kept(wanted)) == [one for one in several if any(y > 3 for _, y in one)]


@given(st.lists(RING, min_size=1, max_size=5))
def test_some_vertices_of_some_rings(several: list[Ring]) -> None:
    rings = ragged(several)
    low = rings.y <= 0
    with_any = rings.any(low)
    expected = [[(x, y) for x, y in one if y <= 0] for one in several]
    assert plain(rings.only(low, with_any)) == [one for one in expected if one]


def test_vertices_that_repeat_are_left_out_whole_turns_included() -> None:
    rings = ragged(
        [
            [(0, 0), (0, 0), (1, 0), (1, 1), (0, 0)],
            [(180, 5), (-180, 5), (-179, 5)],
            [(2, 2), (2, 2)],
        ]
    )
    found = rings.distinct(period=360.0)
    assert plain(found) == [[(1, 0), (1, 1), (0, 0)], [(180, 5), (-179, 5)], []]


def test_rings_that_go_clockwise_are_turned_round() -> None:
    square = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0), (0.0, 0.0)]
    rings = ragged([square, square[::-1], square])
    turned = rings.counter_clockwise()
    assert [shapely.LinearRing(one).is_ccw for one in plain(turned)] == [True] * 3
    assert plain(turned)[0] == square
    same = ragged([square])
    assert same.counter_clockwise() is same


def test_closed_rings_become_polygons() -> None:
    triangle = [(0.0, 0.0), (2.0, 0.0), (0.0, 2.0), (0.0, 0.0)]
    square = [(5.0, 5.0), (6.0, 5.0), (6.0, 6.0), (5.0, 6.0), (5.0, 5.0)]
    found = ragged([triangle, square]).polygons()
    assert [shape.area for shape in found] == pytest.approx([2.0, 1.0])
    assert found[1].equals(shapely.box(5, 5, 6, 6))
    assert len(ragged([]).polygons()) == 0
