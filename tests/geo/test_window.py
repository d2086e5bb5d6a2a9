from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from catalog_builder.errors import WindowError
from catalog_builder.geo.window import flat_boxes, interval_text, parse_box, parse_interval


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given_box", "box"),
    [
        ([-135, 58, -133.5, 59], (-135.0, 58.0, -133.5, 59.0)),
        ("175,-20,-175,-15", (175.0, -20.0, -175.0, -15.0)),
        ((180, -90, 180, -90), (180.0, -90.0, 180.0, -90.0)),
    ],
)
def test_a_box_is_read(given_box, box) -> None:
    assert parse_box(given_box) == box


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        ([1, 2, 3], "four numbers"),
        ("a,b,c,d", "four numbers"),
        (None, "four numbers"),
        (5, "four numbers"),
        ([0, 0, float("nan"), 1], "finite"),
        ([-181, 0, 0, 1], "west is -181"),
        ([0, 0, 190, 1], "east is 190"),
        ([0, 10, 1, 5], "south first"),
        ([0, -91, 1, 5], "-90 to 90"),
    ],
)
def test_a_box_that_cannot_be_says_why(box, reason) -> None:
    with pytest.raises(WindowError, match=reason):
        parse_box(box)


longitudes = st.floats(-180, 180)


@given(west=longitudes, east=longitudes, lon=longitudes)
def test_flat_boxes_hold_the_same_longitudes(west: float, east: float, lon: float) -> None:
    inside = west <= lon <= east if west <= east else lon >= west or lon <= east
    flat = flat_boxes((west, 0, east, 1))
    assert all(w <= e for w, _, e, _ in flat)
    if abs(lon) != 180:  # both names of the meridian are tested below
        assert any(w <= lon <= e for w, _, e, _ in flat) == inside


def test_both_names_of_the_antimeridian_are_the_same_place() -> None:
    for box in [(170, 0, 180, 1), (-180, 0, -170, 1), (179, 0, -179, 1)]:
        flat = flat_boxes(box)
        for lon in (180, -180):
            assert any(w <= lon <= e for w, _, e, _ in flat)


@pytest.mark.parametrize(
    ("value", "interval"),
    [
        ("2019-01-01T00:00:00Z/2019-06-30T12:00:00Z", (at(2019, 1, 1), at(2019, 6, 30, 12))),
        ("../2019-06-30T00:00:00Z", (None, at(2019, 6, 30))),
        ("2019-06-30T00:00:00Z/..", (at(2019, 6, 30), None)),
        ("2019-06-30T00:00:00Z/", (at(2019, 6, 30), None)),
        ("2019-06-30T12:00:00+02:00", (at(2019, 6, 30, 10), at(2019, 6, 30, 10))),
        ("2019-02", (at(2019, 2, 1), at(2019, 2, 28, 23, 59, 59, 999999))),
        ("2020", (at(2020, 1, 1), at(2020, 12, 31, 23, 59, 59, 999999))),
        ("2019-01-01/2019-01-02", (at(2019, 1, 1), at(2019, 1, 2, 23, 59, 59, 999999))),
        ((None, date(2019, 1, 2)), (None, at(2019, 1, 2, 23, 59, 59, 999999))),
        (["2019-01-01T00:00:00Z", ".."], (at(2019, 1, 1), None)),
        (("..", ".."), (None, None)),
        (datetime(2019, 1, 1, 5), (at(2019, 1, 1, 5),) * 2),
        (
            datetime(2019, 1, 1, 5, tzinfo=timezone(timedelta(hours=5))),
            (at(2019, 1, 1), at(2019, 1, 1)),
        ),
    ],
)
def test_an_interval_is_read(value, interval) -> None:
    assert parse_interval(value) == interval


@pytest.mark.parametrize(
    "value",
    ["yesterday", "2019-13", "2019-02-30", "", "..", None, 2019, "a/b/c", "2020/2019", "9999"],
)
def test_a_time_that_cannot_be_is_refused(value) -> None:
    with pytest.raises(WindowError):
        parse_interval(value)


def test_one_value_of_an_array_is_a_time() -> None:
    day = np.datetime64("2019-01-01", "D")
    assert parse_interval(np.array(day)) == parse_interval("2019-01-01")
    pair = xr.DataArray(np.array(["2019-01-01", "2019-02-01"], "datetime64[ns]"))
    first, second = datetime(2019, 1, 1, tzinfo=UTC), datetime(2019, 2, 1, tzinfo=UTC)
    assert parse_interval(pair) == (first, second)
    assert parse_interval(pair[0]) == parse_interval(pair.min()) == (first, first)
    assert parse_interval(interval_text(pair[1])) == (second, second)


def test_bytes_are_refused_as_no_time() -> None:
    with pytest.raises(WindowError, match="is no time"):
        parse_interval(b"2019")  # type: ignore[arg-type]
