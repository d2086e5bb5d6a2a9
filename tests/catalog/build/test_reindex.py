"""The index made from items: from dictionaries, or from the item files of a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from sample_items import make_indexed_item, make_item

from catalog_builder.catalog.build.publish import PublishedFolder
from catalog_builder.catalog.build.reindex import stage_index, write_index
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.stac.layout import INDEX, path_of
from catalog_builder.errors import CatalogError
from catalog_builder.progress import Progress


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(3):
        item = make_item(number)
        path = tmp_path / path_of("ATL03_007", item["id"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(orjson.dumps(item))
    return tmp_path


def paths(*numbers: int) -> list[str]:
    return [path_of("ATL03_007", make_item(number)["id"]) for number in numbers]


def staged(folder: Path, items: list[str], **options: Any) -> dict[str, Any]:
    """The items of the index that is staged for a folder, and then published."""
    published = PublishedFolder(folder)
    with published.writing():
        stage_index(published, items, **options)
        published.publish_index()
    return {item["id"]: item for item in ItemIndex.open(folder).dictionaries()}


def test_items_come_back_and_their_number_is_returned(tmp_path: Path) -> None:
    items = [make_item(2), make_indexed_item(5)]
    assert write_index(iter(items), tmp_path / INDEX) == 2
    found = {item["id"]: item for item in ItemIndex.open(tmp_path).dictionaries()}
    assert found == {item["id"]: item for item in items}
    assert [entry.name for entry in tmp_path.iterdir()] == [INDEX]


def test_the_index_of_a_folder_has_its_items_as_they_are(folder: Path) -> None:
    steps: list[Progress] = []
    found = staged(folder, paths(0, 2), progress=steps.append)
    assert found == {make_item(number)["id"]: make_item(number) for number in (0, 2)}
    assert [(step.done, step.total) for step in steps] == [(0, 2), (1, 2)]


def test_items_that_are_handed_over_are_used_instead_of_their_files(folder: Path) -> None:
    indexed = make_indexed_item(1)
    found = staged(folder, paths(0, 1), instead={paths(1)[0]: indexed})
    assert found[indexed["id"]] == indexed
    assert found[make_item(0)["id"]] == make_item(0)


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"id": "x"}', b"null"])
def test_a_file_that_is_no_item_is_named_with_what_to_do(folder: Path, body: bytes) -> None:
    (path,) = paths(1)
    (folder / path).write_bytes(body)
    with pytest.raises(CatalogError, match=rf"{path} is no STAC Item.*build with --full"):
        staged(folder, paths(0, 1))


def test_an_item_that_does_not_fit_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    odd = make_item(1)
    odd["properties"]["icesat2:unheard"] = 1
    with pytest.raises(CatalogError, match="does not fit the columns"):
        write_index([odd], tmp_path / INDEX)
    assert list(tmp_path.iterdir()) == []
