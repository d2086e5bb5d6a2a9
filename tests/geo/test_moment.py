"""Times as people write them: each form, its precision, and nothing else."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_builder.errors import WindowError
from catalog_builder.geo.moment import read_moment
from catalog_builder.geo.window import interval_text, parse_interval

TICK = timedelta(microseconds=1)


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


DAY = (at(2021, 4, 9), at(2021, 4, 10) - TICK)
WEEK = (at(2018, 12, 31), at(2019, 1, 7) - TICK)
HOUR = (at(2021, 4, 9, 12), at(2021, 4, 9, 13) - TICK)
MINUTE = (at(2021, 4, 9, 12, 30), at(2021, 4, 9, 12, 31) - TICK)
SECOND = (at(2021, 4, 9, 12, 30, 15),) * 2


@pytest.mark.parametrize(
    ("moment", "interval"),
    [
        ("2021", (at(2021, 1, 1), at(2022, 1, 1) - TICK)),
        ("2020-02", (at(2020, 2, 1), at(2020, 3, 1) - TICK)),
        ("2021-04-09", DAY),
        ("20210409", DAY),
        (" 2021-04-09 ", DAY),
        ("2021-099", DAY),
        ("2021099", DAY),
        ("2021-W14-5", DAY),
        ("2021W145", DAY),
        ("2019-W01", WEEK),
        ("2019W01", WEEK),
        ("2021-04-09T12", HOUR),
        ("20210409T12Z", HOUR),
        ("2021-04-09T14+02", HOUR),
        ("2021-04-09T12:30", MINUTE),
        ("20210409T1230", MINUTE),
        ("2021-04-09 12:30", MINUTE),
        ("2021-099T08:00-04:30", MINUTE),
        ("2021-04-09T12:30:15Z", SECOND),
        ("20210409T123015", SECOND),
        ("2021-04-09t12:30:15z", SECOND),
        ("2021-04-09T12:30:15.123456789Z", (at(2021, 4, 9, 12, 30, 15, 123456),) * 2),
        ("2021-04-09T12:30:15,5", (at(2021, 4, 9, 12, 30, 15, 500000),) * 2),
        (date(2021, 4, 9), DAY),
        (datetime(2021, 4, 9, 12, 30, 15), SECOND),
        (np.datetime64("2021-04-09"), DAY),
        (np.datetime64("2021"), (at(2021, 1, 1), at(2022, 1, 1) - TICK)),
        (np.datetime64("2021-04-09T12"), HOUR),
        (np.datetime64("2021-04-09T12:30"), MINUTE),
        (np.datetime64("2021-04-09T12:30:15"), SECOND),
        (np.datetime64("2021-04-09T12:30:15.000000001"), SECOND),
        (pd.Timestamp("2021-04-09T12:30:15"), SECOND),
        (pd.Timestamp("2021-04-09T14:30:15.000000001", tz="Europe/Oslo"), SECOND),
        (pd.Period("2021-04-09", "D"), DAY),
        (pd.Period("2020-02", "M"), (at(2020, 2, 1), at(2020, 3, 1) - TICK)),
        (None, (None, None)),
        ("..", (None, None)),
    ],
)
def test_a_form_is_read_with_its_precision(moment: Any, interval: Any) -> None:
    found = read_moment(moment)
    assert found == interval
    assert {type(one) for one in found} <= {datetime, type(None)}


@pytest.mark.parametrize(
    "moment",
    [
        *("yesterday", "202104", "2021-4-9", "2021-13", "2021-02-29", "2021-366", "2021-000"),
        *("2021-W54", "2021-W53", "2021-W00", "2021-W01-8", "2021-W01-0", "9999"),
        *("2021-04T12", "2021T12", "2019-W01T12", "2021-04-09T", "2021-04-09T25", "2021-04-09T1"),
        *("2021-04-09T12:60", "2021-04-09T12.5", "2021-04-09T12:30:15+99", "2021-04-09T12+05:60"),
        *("٢٠٢١", "2021-04-09TZ", "-2021", "2021-04-09Z", "0000", "2021-04-09\n12"),
        *(2019, 3.5, True, b"2021", [], {}, len),
        *(pd.NaT, np.datetime64("NaT"), np.datetime64("20000-01-01"), np.float64(3)),
        *(pd.Period("NaT", "D"), pd.Timedelta(1, "D"), np.timedelta64(1, "D")),
    ],
    ids=str,
)
def test_anything_else_is_refused_with_the_forms(moment: Any) -> None:
    with pytest.raises(WindowError, match="2019-W05-4"):
        read_moment(moment)


days = st.dates(date(1900, 1, 1), date(2200, 1, 1))


@given(days)
def test_every_day_has_six_names(day: date) -> None:
    year, week, weekday = day.isocalendar()
    names = [
        day.isoformat(),
        f"{day:%Y%m%d}",
        f"{day:%Y-%j}",
        f"{day:%Y%j}",
        f"{year:04}-W{week:02}-{weekday}",
        f"{year:04}W{week:02}{weekday}",
    ]
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    for name in names:
        assert read_moment(name) == (start, start + timedelta(days=1) - TICK)
    monday = start - timedelta(days=weekday - 1)
    for name in (names[4][:-2], names[5][:-1]):
        assert read_moment(name) == (monday, monday + timedelta(days=7) - TICK)


@given(st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1)))
def test_an_instant_is_the_same_by_every_door(instant: datetime) -> None:
    expected = (instant.replace(tzinfo=UTC),) * 2
    for moment in (
        instant,
        instant.isoformat(timespec="microseconds"),
        instant.strftime("%Y%m%dT%H%M%S.%f"),
        np.datetime64(instant),
        pd.Timestamp(instant),
    ):
        assert read_moment(moment) == expected


@pytest.mark.parametrize(
    "pair",
    [
        "20190105/20190107",
        ["2019-01-05", "2019-01-07"],
        slice("2019-01-05", "2019-01-07"),
        (date(2019, 1, 5), pd.Period("2019-01-07", "D")),
        np.array(["2019-01-05", "2019-01-07"], "datetime64[D]"),
    ],
    ids=repr,
)
def test_a_pair_is_read_whatever_holds_it(pair: Any) -> None:
    expected = (at(2019, 1, 5), at(2019, 1, 8) - TICK)
    assert parse_interval(pair) == expected
    assert parse_interval(interval_text(pair)) == expected


def test_an_index_of_pandas_is_a_pair_of_instants() -> None:
    index = pd.DatetimeIndex(["2019-01-05", "2019-01-07"])
    assert parse_interval(index) == (at(2019, 1, 5), at(2019, 1, 7))
    with pytest.raises(WindowError, match="two ends, A/B; not 3"):
        parse_interval(pd.date_range("2019", periods=3))
    with pytest.raises(WindowError, match="two ends, A/B; not 0"):
        parse_interval([])
    with pytest.raises(WindowError, match="no step"):
        parse_interval(slice("2019", "2020", 2))
