from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_builder.errors import ExtentError
from catalog_builder.extent import Box, Interval

CET = timezone(timedelta(hours=1))


def ns(text: str) -> np.datetime64:
    return np.datetime64(text, "ns")


@pytest.mark.parametrize(
    ("box", "lon", "inside"),
    [
        ([-10, -5, 10, 5], [-10, 0, 10, 10.0001, 180], [True, True, True, False, False]),
        ([177, -5, -179, 5], [177, 180, -180, -179, 0], [True, True, True, True, False]),
        ([170, -5, 180, 5], [180, -180, 169], [True, True, False]),
        ([-180, -5, -170, 5], [180, -180, 170], [True, True, False]),
        ([180, -5, -180, 5], [180, -180, 179.9], [True, True, False]),
        ([-180, -5, 180, 5], [0, 180, -180], [True, True, True]),
    ],
)
def test_box_edges_and_the_date_line(
    box: list[float], lon: list[float], inside: list[bool]
) -> None:
    assert Box.parse(box).holds(lon, np.zeros(len(lon))).tolist() == inside


def test_box_latitudes() -> None:
    assert Box.parse([-180, 10, 180, 20]).holds([0, 0, 0], [10, 20, 20.1]).tolist() == [
        True,
        True,
        False,
    ]


@given(st.floats(-180, 180), st.floats(-180, 180), st.floats(-180, 180, exclude_min=True))
def test_a_box_and_its_complement_share_only_edges(west: float, east: float, lon: float) -> None:
    here = bool(Box(west=west, south=-90, east=east, north=90).holds(lon, 0.0))
    there = bool(Box(west=east, south=-90, east=west, north=90).holds(lon, 0.0))
    if west != east:
        assert here or there
        if abs(lon) != 180 and lon not in (west, east):
            assert here != there


@pytest.mark.parametrize(
    "box",
    [[1, 2, 3], [0, 10, 1, 5], [0, -91, 1, 5], [0, 0, 361, 5], "1,2,3,4", [0, float("nan"), 1, 2]],
)
def test_a_bad_box_is_refused(box: object) -> None:
    with pytest.raises(ExtentError, match="bbox"):
        Box.parse(box)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize(
    ("span", "start", "end"),
    [
        ("2019-01-01T00:00:00Z", "2019-01-01", "2019-01-01"),
        ("2019-01-01", "2019-01-01", "2019-01-01T23:59:59.999999999"),
        ("2019-02", "2019-02-01", "2019-02-28T23:59:59.999999999"),
        ("2019", "2019-01-01", "2019-12-31T23:59:59.999999999"),
        ("2019-01-01/2019-06-30", "2019-01-01", "2019-06-30T23:59:59.999999999"),
        ("../2019-01-01T12:00:00+02:00", None, "2019-01-01T10:00:00"),
        ("2019-01-01/..", "2019-01-01", None),
        ("2019-01-01/", "2019-01-01", None),
        ((None, datetime(2019, 1, 1, 12)), None, "2019-01-01T12:00:00"),
        (date(2019, 1, 1), "2019-01-01", "2019-01-01T23:59:59.999999999"),
        (
            [
                datetime(2019, 1, 1, tzinfo=UTC),
                datetime(2019, 1, 1, 3, tzinfo=timezone(timedelta(hours=1))),
            ],
            "2019-01-01",
            "2019-01-01T02:00:00",
        ),
        (np.datetime64("2019-01-01T00:00:00.000000001"), *["2019-01-01T00:00:00.000000001"] * 2),
        ("../..", None, None),
    ],
)
def test_spans_of_time(span: object, start: str | None, end: str | None) -> None:
    interval = Interval.parse(span)  # type: ignore[arg-type]  # one of many kinds
    assert interval == Interval(
        start=None if start is None else ns(start), end=None if end is None else ns(end)
    )


@pytest.mark.parametrize(
    "span", ["yesterday", "2019-13-01", "2019-02-01/2019-01-01", "a/b/c", [1, 2, 3], 5, "NaT"]
)
def test_a_bad_span_is_refused(span: object) -> None:
    with pytest.raises(ExtentError, match="datetime"):
        Interval.parse(span)  # type: ignore[arg-type]  # wrong on purpose


def test_both_ends_are_inside_and_nat_is_not() -> None:
    times = np.array(["2019-01-01", "2019-01-02", "2019-01-03", "NaT"], dtype="datetime64[ns]")
    interval = Interval.parse("2019-01-01/2019-01-02")
    assert interval.holds(times).tolist() == [True, True, False, False]
    assert Interval().holds(times).tolist() == [True, True, True, False]
