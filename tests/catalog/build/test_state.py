"""The state of a build: which of several records of a granule counts."""

from __future__ import annotations

import copy
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from building import (
    build_from,
    records_of,
)

from catalog_builder.catalog.build.page_result import (
    ItemRow,
    PageResult,
    PagingCursor,
    RecordIdentity,
)
from catalog_builder.catalog.build.report import SetAside
from catalog_builder.catalog.build.state import BuildState
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.index.staging import RowLocation
from catalog_builder.catalog.stac.layout import OLDER_REFERENCES
from catalog_builder.catalog.verify.checks import verify
from earthdata_standin import EarthdataStandin


def test_of_two_records_of_a_granule_the_later_counts(cloud: EarthdataStandin, out: Path) -> None:
    records = records_of()
    later = copy.deepcopy(records[0])
    later["meta"] |= {
        "concept-id": "G1-NSIDC_CPRD",
        "revision-id": 7,
        "revision-date": "2026-01-01T00:00:00.000Z",
    }
    earlier = copy.deepcopy(records[1])
    earlier["meta"] |= {
        "concept-id": "G2-NSIDC_CPRD",
        "revision-date": "2020-01-01T00:00:00.000Z",
    }
    report = build_from(cloud, out, [later, *records, earlier])
    assert report.items == 39
    double = {one.concept_id: one.reason for one in report.set_aside if "later" in one.reason}
    assert double.keys() == {records[0]["meta"]["concept-id"], "G2-NSIDC_CPRD"}
    concepts = ItemIndex.open(out).to_table(["cmr:concept_id"])["cmr:concept_id"].to_pylist()
    assert "G1-NSIDC_CPRD" in concepts
    assert "G2-NSIDC_CPRD" not in concepts
    assert verify(out).ok


STEM = "ATL03_20181014031924_02370102_007"
OTHER = "ATL03_20181014045341_02380102_007_01"


@pytest.fixture
def state(tmp_path: Path) -> Iterator[BuildState]:
    with BuildState(tmp_path / "state") as state:
        yield state


def row(name: str, concept: str, *, revision: int = 1, **changes: Any) -> ItemRow:
    fields = {
        "id": name,
        "partition": 5,
        "revised": revision,
        "revision": revision,
        "concept": concept,
        "granule_ur": f"{name}.h5",
        "file": f"{name}.json",
        "was_published": False,
        "reference_keys": "",
    }
    return ItemRow(**(fields | changes))


def add(state: BuildState, *rows: ItemRow, cursor: str | None = None, **others: Any) -> None:
    page = state.next_page
    (state.folder / f"{page:06d}").touch()
    result = PageResult(
        list(rows),
        [RowLocation(page, 0, number) for number in range(len(rows))],
        others.get("others", []),
        others.get("set_aside", []),
        others.get("outside", []),
    )
    state.add("url", PagingCursor(len(rows), 9, cursor, cursor is None), result)


def test_a_page_and_its_cursor_are_kept_together(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with BuildState(folder) as state:
        assert state.cursor("url") == PagingCursor(0, 0, None, complete=False)
        assert state.next_page == 1
        add(state, row(OTHER, "G1-X"), cursor="after this", outside=["G7-X"])
        state.remember("asked", "2025-01-01T00:00:00+00:00")
    with BuildState(folder) as state:
        assert state.cursor("url") == PagingCursor(1, 9, "after this", complete=False)
        assert state.cursor("another url").read == 0
        assert (state.next_page, state.rows, state.records, state.outside) == (2, 1, 1, 1)
        assert state.fact("asked") == "2025-01-01T00:00:00+00:00"
        assert state.fact("resumed") is None
        assert [one.id for one in state.each()] == [OTHER]


def test_a_page_that_fails_leaves_the_cursor_where_it_was(state: BuildState) -> None:
    bad = row(OTHER, "G1-X")._replace(partition=object())  # type: ignore[arg-type]
    with pytest.raises(sqlite3.Error):
        add(state, row(f"{STEM}_01", "G2-X"), bad, cursor="next")
    assert state.rows == 0
    assert state.cursor("url").search_after is None


def test_of_several_rows_of_a_granule_the_highest_revision_stays(state: BuildState) -> None:
    add(state, row(f"{STEM}_02", "G3-X"), row(OTHER, "G1-X"))
    add(state, row(f"{STEM}_01", "G2-X"), row(OTHER, "G1-X", revision=2))
    state.drop_duplicates()
    assert [(one.id, one.concept, one.revision) for one in state.each()] == [
        (f"{STEM}_02", "G3-X", 1),
        (OTHER, "G1-X", 2),
    ]
    assert sorted(one.id for one in state.dropped) == sorted([f"{STEM}_01", OTHER])
    # A record that was only revised while it was read is not set aside.
    (aside,) = state.set_aside()
    assert aside.concept_id == "G2-X"
    assert aside.reason == f"{STEM}_02 (G3-X) is a later revision of the same granule."
    assert state.records == 3


def test_rows_are_added_or_changed_by_their_files_or_by_the_published_rows(
    state: BuildState,
) -> None:
    same = row(f"{STEM}_01", "G2-X", was_published=True, file=None)
    changed = row(OTHER, "G1-X", was_published=True)
    new = row("ATL03_20181014062758_02390102_007_01", "G4-X")
    add(state, same, changed, new)
    assert list(state.added(items=True)) == [new.id]
    assert list(state.changed(items=True)) == [changed.id]
    assert set(state.added(items=False)) == {same.id, changed.id, new.id}
    assert [state.writes(one.id) for one in (same, changed, new)] == [False, True, True]
    assert state.has(same.id)
    assert not state.has(f"{STEM}_09")


def test_rows_are_found_by_partition_and_variants_by_their_files(state: BuildState) -> None:
    variant = row(
        OTHER,
        "G1-X",
        partition=7,
        file=f"{OTHER}.json.0123456789abcdef",
        reference_keys="references_gt1l",
    )
    add(state, row(f"{STEM}_01", "G2-X"), variant)
    partitions, counts = state.partitions()
    assert (partitions.tolist(), counts.tolist()) == ([5, 7], [1, 1])
    assert state.locations(6, 8) == [RowLocation(1, 0, 1)]
    assert state.locations(0, 5) == []
    assert state.variants() == [variant]
    assert state.any_beams()
    assert state.extra_assets() == frozenset(OLDER_REFERENCES)
    assert (state.reference_keys(OTHER), state.reference_keys("unknown")) == (
        ["references_gt1l"],
        [],
    )


def test_reasons_are_listed_in_one_order_and_the_most_frequent_is_known(
    state: BuildState,
) -> None:
    assert state.most_frequent_reason() is None
    several = [
        SetAside(granule_ur=n, concept_id=f"G{n}-X", reason=r) for n, r in ("2b", "1a", "3b")
    ]
    identities = [RecordIdentity(one.concept_id, 1, 0) for one in several]
    add(state, others=identities, set_aside=several)
    assert [one.granule_ur for one in state.set_aside()] == ["1", "2", "3"]
    assert state.most_frequent_reason() == "b"
    assert state.concepts() == ["G1-X", "G2-X", "G3-X"]
    assert state.was_read("G1-X")
    assert not state.was_read("G1-X", revision=2)
