"""Item files of a folder, read by a writer of the catalog."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from sample_items import make_item

from catalog_builder.catalog.build.item_files import read_item
from catalog_builder.catalog.build.publish import PublishedFolder
from catalog_builder.catalog.stac.layout import path_of
from catalog_builder.errors import CatalogError, FolderError

ITEM = make_item(3)
PATH = path_of("ATL03_007", ITEM["id"])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / PATH
    file.parent.mkdir(parents=True)
    file.write_bytes(orjson.dumps(ITEM))
    return file


def test_an_item_is_read_as_it_is(file: Path, tmp_path: Path) -> None:
    assert read_item(PublishedFolder(tmp_path), PATH) == ITEM


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"{}", b'{"id": "x"}', b"\xff"])
def test_what_is_no_item_is_named(file: Path, tmp_path: Path, body: bytes) -> None:
    file.write_bytes(body)
    with pytest.raises(CatalogError, match=ITEM["id"]):
        read_item(PublishedFolder(tmp_path), PATH)


def test_an_item_of_another_granule_is_not_taken_for_it(file: Path, tmp_path: Path) -> None:
    file.write_bytes(orjson.dumps(make_item(4)))
    with pytest.raises(CatalogError, match=ITEM["id"]):
        read_item(PublishedFolder(tmp_path), PATH)


def test_a_file_that_is_not_there_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"There is no .*: build the catalog again"):
        read_item(PublishedFolder(tmp_path), PATH)


def test_a_link_is_not_followed(file: Path, tmp_path: Path) -> None:
    file.rename(tmp_path / "elsewhere.json")
    file.symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(FolderError, match="is a symbolic link"):
        read_item(PublishedFolder(tmp_path), PATH)
