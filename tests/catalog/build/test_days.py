"""Granules by cycle and day."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_builder.catalog.build.days import Day, Days

ROWS = st.lists(
    st.tuples(st.integers(1, 4), st.integers(10, 14), st.integers(0, 30)), unique=True, max_size=60
)


def granule_id(cycle: int, day: int, second: int) -> str:
    return f"ATL03_201810{day}0000{second:02d}_0237{cycle:02d}02_007_01"


@given(rows=ROWS, dice=st.randoms(use_true_random=False), pieces=st.integers(1, 3))
def test_each_day_has_its_granules_sorted(
    rows: list[tuple[int, int, int]], dice: random.Random, pieces: int
) -> None:
    expected: dict[tuple[int, str], list[str]] = {}
    for cycle, day, second in sorted(rows):
        ids = expected.setdefault((cycle, f"2018-10-{day}"), [])
        ids.append(granule_id(cycle, day, second))
    dice.shuffle(rows)
    ids = [granule_id(*row) for row in rows]
    days = Days(pa.chunked_array([pa.array(ids[n::pieces], pa.string()) for n in range(pieces)]))
    assert list(days) == [Day(*key, ids) for key, ids in expected.items()]
    assert len(days) == len(expected)
    assert days.cycles() == {
        cycle: [date for one, date in expected if one == cycle] for cycle, _ in expected
    }


def test_some_days() -> None:
    days = Days(pa.array([granule_id(1, 10, 1), granule_id(1, 11, 2), granule_id(2, 11, 3)]))
    assert [day.ids for day in days.among([(1, "2018-10-11"), (3, "2018-10-11")])] == [
        [granule_id(1, 11, 2)]
    ]


@pytest.mark.parametrize("ids", [pa.array([], pa.string()), pa.chunked_array([], pa.string())])
def test_no_granules_no_days(ids: pa.Array | pa.ChunkedArray) -> None:
    assert list(Days(ids)) == []
