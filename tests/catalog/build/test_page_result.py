"""What page workers hand back: small values that count and pickle."""

from __future__ import annotations

import pickle

from catalog_builder.catalog.build.page_result import ItemRow, PageResult, RecordIdentity
from catalog_builder.catalog.build.report import SetAside
from catalog_builder.catalog.index.staging import RowLocation


def row(number: int) -> ItemRow:
    return ItemRow(
        f"id {number}", 5, 10**15, 1, f"G{number}-X", "name", "file", False, "references"
    )


def test_each_record_of_a_page_counts_once() -> None:
    page = PageResult(
        rows=[row(1), row(2)],
        locations=[RowLocation(1, 0, 0), RowLocation(1, 0, 1)],
        others=[RecordIdentity("G3-X", 1, 0), RecordIdentity("G4-X", 1, 0)],
        set_aside=[SetAside(granule_ur="x", concept_id="G3-X", reason="No link.")],
        outside=["G4-X"],
    )
    assert page.records == 4
    assert pickle.loads(pickle.dumps(page)) == page
    assert PageResult([], [], [], [], []).records == 0


def test_what_a_worker_hands_back_takes_few_bytes() -> None:
    rows = [row(number) for number in range(1000)]
    page = PageResult(rows, [RowLocation(1, 0, n) for n in range(1000)], [], [], [])
    assert len(pickle.dumps(page)) < 150_000
