"""What the published index holds, compared with what a build has read."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from sample_items import make_item

from catalog_builder.catalog.build.page_result import ItemRow, PageResult, RecordIdentity
from catalog_builder.catalog.build.published_rows import (
    PublishedRow,
    damaged_index_refused,
    read_published,
)
from catalog_builder.catalog.build.reindex import write_index
from catalog_builder.catalog.build.state import BuildState, PagingCursor
from catalog_builder.catalog.index.staging import RowLocation
from catalog_builder.errors import CatalogError

FIRST = "ATL03_20181014031924_02370102_007_01"
SECOND = "ATL03_20181014031924_02370102_007_02"
OTHER = "ATL03_20181014045341_02380102_007_01"


@pytest.fixture
def state(tmp_path: Path) -> Iterator[BuildState]:
    with BuildState(tmp_path / "state") as state:
        yield state


def add(state: BuildState, *rows: tuple[str, str, int]) -> None:
    """Add rows, each with id, concept id and revision."""
    page = PageResult(
        [
            ItemRow(*(name, 1, rev, rev, concept, name, None, False, ""))
            for name, concept, rev in rows
        ],
        [RowLocation(1, 0, number) for number in range(len(rows))],
        [],
        [],
        [],
    )
    state.add("query", PagingCursor(len(rows), len(rows), None, complete=True), page)


def test_rows_of_an_index_are_read_a_few_row_groups_at_a_time(tmp_path: Path) -> None:
    items = [make_item(number) for number in range(0, 300, 3)]
    write_index(items, tmp_path / "items.parquet")
    with pq.ParquetFile(tmp_path / "items.parquet") as index:
        rows = list(read_published(index))
        few = list(read_published(index, lambda t: t.filter(pc.equal(t["id"], items[4]["id"]))))
    assert {row.id: row.concept for row in rows} == {
        item["id"]: item["properties"]["cmr:concept_id"] for item in items
    }
    assert [row.id for row in few] == [items[4]["id"]]
    revised = datetime(2025, 5, 1, tzinfo=UTC).timestamp() * 1_000_000
    assert {(row.revision, row.revised) for row in rows} == {(1, revised)}


def test_a_row_is_paired_with_its_granule_in_any_revision(state: BuildState) -> None:
    add(state, (SECOND, "G2-X", 2))
    state.published.replace(
        [PublishedRow(FIRST, "G1-X", 1, 10), PublishedRow(OTHER, "G9-X", 1, 10)]
    )
    ((row, old),) = state.published.pairs()
    assert (row.id, old.id) == (SECOND, FIRST)
    assert sorted(state.published.without_row(read=False)) == [FIRST, OTHER]
    assert state.published.without_row(read=True) == []
    state.published.replace([PublishedRow(FIRST, "G2-X", 1, 10)])
    assert state.published.without_row(read=True) == [FIRST]


def test_rows_are_added_or_changed_by_record_and_revision(state: BuildState) -> None:
    add(state, (FIRST, "G1-X", 2), (OTHER, "G9-X", 1))
    state.published.replace([PublishedRow(FIRST, "G1-X", 1, 10)])
    assert list(state.published.added()) == [OTHER]
    assert list(state.published.changed()) == [FIRST]
    state.published.replace([PublishedRow(FIRST, "G1-X", 2, 10)])
    assert list(state.published.changed()) == []


def test_records_that_are_new_are_counted_once(state: BuildState) -> None:
    add(state, (FIRST, "G1-X", 1), (OTHER, "G9-X", 1))
    others = [
        RecordIdentity("G5-X", 2, 5),
        RecordIdentity("G5-X", 2, 5),
        RecordIdentity("G6-X", 1, 0),
    ]
    page = PageResult([], [], others, [], [])
    state.add("query", PagingCursor(6, 6, None, complete=True), page)
    state.published.replace([PublishedRow(FIRST, "G1-X", 1, 10)])
    since = datetime(1970, 1, 1, tzinfo=UTC)
    count = state.published.count_new_records
    assert count((), since=since, first_only=False) == 3  # G9, G5 and G6
    assert count({"G5-X"}, since=since, first_only=False) == 2
    assert count((), since=since, first_only=True) == 1  # G9: the first revision, and later


def test_a_full_disk_is_not_taken_for_a_damaged_index() -> None:
    for damage in (pa.ArrowInvalid("no magic"), OSError("Couldn't deserialize thrift")):
        message = r"index is damaged .* build with --full"
        with pytest.raises(CatalogError, match=message), damaged_index_refused():
            raise damage
    for trouble in (OSError(errno.ENOSPC, "No space left"), pa.ArrowMemoryError("4 GB")):
        with pytest.raises(type(trouble)), damaged_index_refused():
            raise trouble
