"""The index written from items, and refreshed from item files that are newer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from sample_items import make_indexed_item, make_item

from catalog_builder.catalog.build.publish import PublishedFolder
from catalog_builder.catalog.build.reindex import refresh_index, write_index
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.stac.layout import INDEX, path_of
from catalog_builder.errors import CatalogError, FolderError
from catalog_builder.progress import Progress


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of some items, and their index."""
    (tmp_path / "public").mkdir()
    for number in range(4):
        write_item(tmp_path / "public", make_item(number))
    write_index(map(make_item, range(4)), tmp_path / "public" / INDEX)
    return tmp_path / "public"


def write_item(folder: Path, item: dict[str, Any]) -> Path:
    path = folder / path_of("ATL03_007", item["id"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(orjson.dumps(item))
    return path


def refreshed(folder: Path, *granules: int, progress: Any = None) -> dict[str, Any]:
    """The items of the index after these granules were marked as newer, and it was refreshed."""
    published = PublishedFolder(folder)
    with published.writing():
        for number in granules:
            published.mark_outdated(make_item(number)["id"])
        refresh_index(published, progress)
        assert not published.index_outdated
    return {item["id"]: item for item in ItemIndex.open(folder).dictionaries()}


def test_items_come_back_and_their_number_is_returned(tmp_path: Path) -> None:
    items = [make_item(2), make_indexed_item(5)]
    assert write_index(iter(items), tmp_path / INDEX) == 2
    found = {item["id"]: item for item in ItemIndex.open(tmp_path).dictionaries()}
    assert found == {item["id"]: item for item in items}
    assert [entry.name for entry in tmp_path.iterdir()] == [INDEX]


def test_rows_of_newer_items_are_those_of_their_files(folder: Path, tmp_path: Path) -> None:
    newer = make_indexed_item(1)
    write_item(folder, newer)
    write_item(folder, make_indexed_item(2))  # not marked: its row stays
    steps: list[Progress] = []
    found = refreshed(folder, 1, progress=steps.append)
    expected = [make_item(0), newer, make_item(2), make_item(3)]
    assert found == {item["id"]: item for item in expected}
    assert {step.stage for step in steps} == {"writing the index"}
    write_index(expected, tmp_path / INDEX)
    assert (folder / INDEX).read_bytes() == (tmp_path / INDEX).read_bytes()


def test_where_nothing_is_newer_the_index_is_not_written(folder: Path) -> None:
    before = (folder / INDEX).stat()
    refreshed(folder)
    assert (folder / INDEX).stat() == before


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"id": "x"}', b"null"])
def test_a_damaged_item_keeps_its_row(folder: Path, body: bytes) -> None:
    write_item(folder, make_item(1)).write_bytes(body)
    assert refreshed(folder, 1)[make_item(1)["id"]] == make_item(1)


def test_a_link_in_place_of_an_item_is_refused(folder: Path, tmp_path: Path) -> None:
    path = write_item(folder, make_item(1))
    (tmp_path / "outside.json").write_bytes(orjson.dumps(make_indexed_item(1)))
    path.unlink()
    path.symlink_to(tmp_path / "outside.json")
    with pytest.raises(FolderError, match="is a symbolic link"):
        refreshed(folder, 1)


def test_a_damaged_index_is_an_error_that_says_what_to_do(folder: Path) -> None:
    (folder / INDEX).write_bytes(b"PAR1")
    with pytest.raises(CatalogError, match=r"items\.parquet is damaged: build with --full"):
        refreshed(folder, 1)


def test_an_item_that_does_not_fit_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    odd = make_item(1)
    odd["properties"]["icesat2:unheard"] = 1
    with pytest.raises(CatalogError, match="does not fit the columns"):
        write_index([odd], tmp_path / INDEX)
    assert list(tmp_path.iterdir()) == []
