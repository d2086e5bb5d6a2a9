"""Boxes of rows and row groups, tested against a place on a sphere that has no ±180."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from catalog_builder.catalog.index.spatial_condition import (
    SpatialCondition,
    boxes_meet,
    may_meet,
    reaches,
)
from catalog_builder.geo.area import Area, parse_area
from catalog_builder.geo.window import Box, flat_boxes

LONGITUDES = st.sampled_from([-180.0, -170.0, -90.0, 0.0, 45.0, 179.0, 180.0])
LATITUDES = st.sampled_from([-90.0, -60.0, 0.0, 10.0, 88.0, 90.0])


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    south, north = sorted((draw(LATITUDES), draw(LATITUDES)))
    return draw(LONGITUDES), south, draw(LONGITUDES), north


def sides(*several: Box) -> list[np.ndarray]:
    return list(np.array(several, dtype=float).T)


def overlap(one: Box, other: Box) -> bool:
    """By another way: each box as a rectangle on a map that goes round the Earth three times."""

    def rectangle(box: Box, turn: int) -> shapely.Geometry:
        west, south, east, north = box
        east = east + 360 if west > east else east
        corners = [(west, south), (east, south), (east, north), (west, north)]
        shape = shapely.MultiPoint(corners).convex_hull
        return shapely.transform(shape, lambda xy: xy + np.array([360.0 * turn, 0]))

    return any(rectangle(one, 0).intersects(rectangle(other, turn)) for turn in (-1, 0, 1))


@given(one=boxes(), other=boxes())
def test_boxes_of_items_meet_as_they_do_on_the_globe(one: Box, other: Box) -> None:
    (found,) = boxes_meet(sides(one), flat_boxes(other))
    assert found == overlap(one, other)


@given(held=st.lists(boxes(), min_size=1, max_size=4), wanted=boxes())
def test_a_row_group_is_read_if_one_of_its_boxes_meets_the_place(
    held: list[Box], wanted: Box
) -> None:
    ranges = [(float(side.min()), float(side.max())) for side in sides(*held)]
    if any(overlap(box, wanted) for box in held):
        assert any(may_meet(ranges, box) for box in flat_boxes(wanted))


def test_a_row_group_far_from_the_place_is_not_read() -> None:
    ranges = [(10.0, 20.0), (40.0, 50.0), (21.0, 25.0), (60.0, 70.0)]  # w, s, e, n
    assert may_meet(ranges, (24.0, 65.0, 30.0, 80.0))
    assert not may_meet(ranges, (26.0, 65.0, 30.0, 80.0))
    assert not may_meet(ranges, (12.0, 71.0, 15.0, 80.0))
    assert may_meet([None, None, None, None], (26.0, 71.0, 30.0, 80.0))
    assert not may_meet([None, (40.0, 50.0), None, (60.0, 70.0)], (12.0, 71.0, 15.0, 80.0))


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(None, None, True), (5, None, True), (6, None, False), (None, 2, False), (3, 3, True)],
)
def test_a_column_reaches_into_an_interval(
    low: int | None, high: int | None, expected: bool
) -> None:
    assert reaches((3, 5), low, high) is expected
    assert reaches(None, low, high)


@given(one=boxes(), other=boxes())
def test_what_crosses_a_box_for_certain_meets_it(one: Box, other: Box) -> None:
    condition = SpatialCondition(area=Area.of_box(other))
    (sure,) = condition.crossed(sides(one))
    assert not sure or overlap(one, other)


def test_a_box_that_holds_all_longitudes_of_a_footprint_is_crossed() -> None:
    footprint = (10.0, 27.0, 16.0, 59.0)
    beside = (17.0, 27.0, 18.0, 59.0)
    across = SpatialCondition(area=Area.of_box((5.0, 40.0, 20.0, 41.0)))
    assert across.crossed(sides(footprint, beside)).tolist() == [True, True]
    corner = SpatialCondition(area=Area.of_box((5.0, 40.0, 12.0, 41.0)))
    assert corner.crossed(sides(footprint)).tolist() == [False]
    over_180 = SpatialCondition(area=Area.of_box((170.0, 40.0, -170.0, 41.0)))
    assert over_180.crossed(sides((175.0, 27.0, -175.0, 59.0))).tolist() == [True]


def test_ground_tracks_and_polygons_are_never_certain_from_boxes() -> None:
    inside = sides((10.0, 20.0, 11.0, 21.0))
    box = Area.of_box((0.0, 0.0, 90.0, 90.0))
    assert SpatialCondition(area=box).crossed(inside).all()
    assert not SpatialCondition(area=box, precise=True).crossed(inside).any()
    assert not SpatialCondition(area=parse_area(shapely.box(0, 0, 90, 90))).crossed(inside).any()


def test_a_ground_track_may_leave_the_box_of_its_footprint() -> None:
    condition = SpatialCondition(area=Area.of_box((10.0, 60.0, 11.0, 61.0)), precise=True)
    ((west, south, east, north),) = condition.bounds
    assert (south, north) == (59.75, 61.25)
    assert west < 9.5 < 11.5 < east  # a quarter of a degree of arc is wider at 61° north
    assert str(condition) == "bbox=[10.0, 60.0, 11.0, 61.0], precise=True"
