"""The order in which files are published."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog_builder.publish.source_files import id_of, rank, source_files
from catalog_builder.safe_folder import SafeFolder

ITEM = "ATL03_007/cycle-01/2018-10-14/ATL03_20181014031924_02370102_007_01.json"
ORDER = (
    "ATL03_007/references/cycle-01/2018-10-14/ATL03_20181014031924_02370102_007_01.json.zst",
    ITEM,
    "ATL03_007/cycle-01/2018-10-14/catalog.json",
    "ATL03_007/cycle-01/catalog.json",
    "items.parquet",
    "catalog.yml",
    "ATL03_007/collection.json",
    "catalog.json",
    "build-report.json",
)


def test_each_file_comes_after_what_it_points_to() -> None:
    assert [rank(path) for path in ORDER] == list(range(9))


def test_files_come_in_that_order(first: Path) -> None:
    found = source_files(SafeFolder(first))
    assert [rank(path) for path in found] == sorted(map(rank, found))
    assert all(found[path].size == (first / path).stat().st_size for path in found)


@pytest.mark.parametrize("page", [None, b"", b"[]", b"{}", b'{"id": 5}', b"\xff"])
def test_a_page_without_an_id_has_none(page: bytes | None) -> None:
    assert id_of(page) is None
