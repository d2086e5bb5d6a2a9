from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_builder.beams.read.row_slices import RowSlices

rows = st.sets(st.integers(0, 60)).map(lambda found: np.array(sorted(found), dtype=np.int64))


def sound(runs: RowSlices) -> bool:
    """Sorted, none empty, no two touching."""
    pairs = list(runs)
    return all(start < stop for start, stop in pairs) and all(
        left[1] < right[0] for left, right in pairwise(pairs)
    )


@given(rows)
def test_rows_come_back(numbers: np.ndarray) -> None:
    runs = RowSlices.of_rows(numbers)
    assert sound(runs)
    assert runs.rows == len(numbers)
    assert runs.numbers().tolist() == numbers.tolist()
    assert [n for start, stop in runs for n in range(start, stop)] == numbers.tolist()


@given(rows, st.integers(0, 70), st.integers(0, 70))
def test_a_part_is_a_slice(numbers: np.ndarray, first: int, last: int) -> None:
    part = RowSlices.of_rows(numbers).part(first, last)
    assert sound(part)
    assert part.numbers().tolist() == numbers[first:last].tolist()


@given(rows, st.data())
def test_where_is_a_mask(numbers: np.ndarray, data: st.DataObject) -> None:
    keep = data.draw(st.lists(st.booleans(), min_size=len(numbers), max_size=len(numbers)))
    mask = np.array(keep, dtype=bool)
    chosen = RowSlices.of_rows(numbers).where(mask)
    assert sound(chosen)
    assert chosen.numbers().tolist() == numbers[mask].tolist()


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans())))
def test_bins_that_are_kept(bins: list[tuple[int, bool]]) -> None:
    edges = np.cumsum([0, *(length for length, _ in bins)])
    kept = RowSlices.of_mask(np.array([keep for _, keep in bins], dtype=bool), edges)
    assert sound(kept)
    expected = [
        n
        for (start, stop), (_, keep) in zip(pairwise(edges.tolist()), bins, strict=True)
        if keep
        for n in range(start, stop)
    ]
    assert kept.numbers().tolist() == expected


@given(rows, st.integers(0, 10))
def test_joined_runs_hold_all_rows_and_are_apart(numbers: np.ndarray, gap: int) -> None:
    runs = RowSlices.of_rows(numbers)
    joined = runs.joined(gap)
    assert set(numbers.tolist()) <= set(joined.numbers().tolist())
    assert all(right[0] - left[1] > gap for left, right in pairwise(joined))
    parts = [runs.within(start, stop) for start, stop in joined]
    assert [n for part in parts for n in part.numbers().tolist()] == numbers.tolist()


def test_all_and_nothing() -> None:
    assert list(RowSlices.whole(5)) == [(0, 5)]
    assert len(RowSlices.whole(0)) == 0
    assert RowSlices.whole(0).numbers().tolist() == []
    assert len(RowSlices.whole(0).joined(3)) == 0


@given(rows, rows)
def test_positions_of_some_rows_among_others(numbers: np.ndarray, others: np.ndarray) -> None:
    every = np.union1d(numbers, others)
    positions = RowSlices.of_rows(every).positions(RowSlices.of_rows(numbers))
    assert every[positions].tolist() == numbers.tolist()
    assert RowSlices.of_rows(every).same(RowSlices.of_rows(numbers)) == (
        len(every) == len(numbers)
    )


@pytest.mark.parametrize("long", [0, 10**9])
@given(rows, rows)
def test_values_of_some_rows_among_others(
    long: int, numbers: np.ndarray, others: np.ndarray
) -> None:
    every = np.union1d(numbers, others)
    values = np.column_stack([every, -every])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("catalog_builder.beams.read.row_slices._LONG", long)
        taken = RowSlices.of_rows(every).take(values, RowSlices.of_rows(numbers))
    assert taken[:, 0].tolist() == numbers.tolist()
    assert taken.shape == (len(numbers), 2)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 9))))
def test_ranges_that_overlap_are_joined(ranges: list[tuple[int, int]]) -> None:
    first = np.array([start for start, _ in ranges], dtype=np.int64)
    last = np.array([start + more for start, more in ranges], dtype=np.int64)
    joined = RowSlices.of_ranges(first, last)
    assert sound(joined)
    expected = {n for start, more in ranges for n in range(start, start + more + 1)}
    assert joined.numbers().tolist() == sorted(expected)
