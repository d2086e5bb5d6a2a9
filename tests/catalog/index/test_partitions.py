"""Row groups: every row in one, none too long, a change in its own row group alone."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_items import make_item, make_table

from catalog_builder.catalog.index import partitions as index_partitions
from catalog_builder.catalog.index.partitions import (
    RowGroup,
    partition_of,
    partitions_of,
    regions_and_years,
    split_into_row_groups,
)
from catalog_builder.errors import CatalogError

rows = st.tuples(st.integers(1, 14), st.integers(2018, 2031), st.floats(-180, 180))


def _row_groups(partitions: list[int]) -> list[RowGroup]:
    counted = np.unique(np.array(partitions, np.int64), return_counts=True)
    return list(split_into_row_groups(*counted))


def test_partitions_are_numbered_as_rows_are_sorted() -> None:
    table = make_table(make_item(number) for number in range(0, 3000, 11))
    partitions = partitions_of(table)
    assert (np.diff(partitions) >= 0).all()
    assert len(np.unique(partitions)) > 100
    assert partitions.tolist() == [
        partition_of(row["icesat2:region"], row["start_datetime"].year, row["bbox"]["xmin"])
        for row in table.select(["icesat2:region", "start_datetime", "bbox"]).to_pylist()
    ]
    assert len(np.unique(regions_and_years(partitions))) == 14


@pytest.fixture
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_partitions, "MOST_ROWS", 10)


@pytest.mark.usefixtures("_short")
@given(some=st.lists(rows, max_size=150), more=st.lists(rows, min_size=1, max_size=1))
@settings(max_examples=150, deadline=None)
def test_each_row_is_in_one_row_group_and_a_change_stays_in_its_own(
    some: list[tuple[int, int, float]], more: list[tuple[int, int, float]]
) -> None:
    partitions = [partition_of(*row) for row in some]
    before = _row_groups(partitions)
    assert sum(one.rows for one in before) == len(partitions)
    assert all(a.stop <= b.first for a, b in pairwise(before))
    for one in before:
        held = [partition for partition in partitions if one.first <= partition < one.stop]
        assert len(held) == one.rows > 0
        assert one.rows <= 10 or one.stop - one.first == 1
    (new,) = (partition_of(*row) for row in more)
    after = _row_groups([*partitions, new])
    apart = set(before) ^ set(after)
    first = min((one.first for one in apart if one in before), default=new)
    stop = max((one.stop for one in apart if one in before), default=new + 1)
    touched = [one for one in before if one in apart]
    assert len(touched) <= 1  # the one that it is in, which may be halved
    assert not touched or first <= new < stop


@pytest.mark.usefixtures("_short")
def test_many_rows_of_one_partition_are_a_row_group_of_their_own() -> None:
    partitions = [partition_of(1, 2020, 5.0)] * 25 + [partition_of(1, 2020, 50.0)] * 4
    assert [one.rows for one in _row_groups(partitions)] == [25, 4]
    assert _row_groups([]) == []


def test_a_row_without_its_region_is_an_error() -> None:
    table = make_table([make_item(0)])
    place = table.schema.get_field_index("icesat2:region")
    field = table.schema.field(place)
    lacking = table.set_column(place, field, pa.nulls(1, field.type))
    (rows,) = lacking.to_batches()  # as they are staged
    with pytest.raises(CatalogError, match="lacks its region"):
        partitions_of(rows)
