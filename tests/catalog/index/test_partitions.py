"""Groups of the index: all rows in one each, none too long, a change in its own group alone."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_items import make_item, make_table

from catalog_builder.catalog.index import partitions as index_groups
from catalog_builder.catalog.index.partitions import Group, cell_of, cells_of, group, part_of

rows = st.tuples(st.integers(1, 14), st.integers(2018, 2031), st.floats(-180, 180))


def _groups(cells: list[int]) -> list[Group]:
    return list(group(*np.unique(np.array(cells, np.int64), return_counts=True)))


def test_cells_are_numbered_as_rows_are_sorted() -> None:
    table = make_table(make_item(number) for number in range(0, 3000, 11))
    cells = cells_of(table)
    assert (np.diff(cells) >= 0).all()
    assert len(np.unique(cells)) > 100
    assert cells.tolist() == [
        cell_of(row["icesat2:region"], row["start_datetime"].year, row["bbox"]["xmin"])
        for row in table.select(["icesat2:region", "start_datetime", "bbox"]).to_pylist()
    ]
    assert len(np.unique([part_of(int(cell)) for cell in cells])) == 14


@pytest.fixture
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_groups, "MOST_ROWS", 10)


@pytest.mark.usefixtures("_short")
@given(some=st.lists(rows, max_size=150), more=st.lists(rows, min_size=1, max_size=1))
@settings(max_examples=150, deadline=None)
def test_each_row_is_in_one_group_and_a_change_stays_in_its_own(
    some: list[tuple[int, int, float]], more: list[tuple[int, int, float]]
) -> None:
    cells = [cell_of(*row) for row in some]
    before = _groups(cells)
    assert sum(one.rows for one in before) == len(cells)
    assert all(a.high <= b.low for a, b in pairwise(before))
    for one in before:
        held = [cell for cell in cells if one.low <= cell < one.high]
        assert len(held) == one.rows > 0
        assert one.rows <= 10 or one.high - one.low == 1
    (new,) = (cell_of(*row) for row in more)
    after = _groups([*cells, new])
    apart = set(before) ^ set(after)
    low = min((one.low for one in apart if one in before), default=new)
    high = max((one.high for one in apart if one in before), default=new + 1)
    touched = [one for one in before if one in apart]
    assert len(touched) <= 1  # the one that it is in, which may be halved
    assert not touched or low <= new < high


@pytest.mark.usefixtures("_short")
def test_many_rows_of_one_place_are_a_group_of_their_own() -> None:
    cells = [cell_of(1, 2020, 5.0)] * 25 + [cell_of(1, 2020, 50.0)] * 4
    assert [one.rows for one in _groups(cells)] == [25, 4]
    assert _groups([]) == []
