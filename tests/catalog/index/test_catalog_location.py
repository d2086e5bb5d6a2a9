"""Where a catalog lies: its address in any form, and its files."""

from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path

import pytest
from scripted_server import Answer, Asked, ScriptedServer
from web_folder import serve_folder

from catalog_builder.catalog.index.catalog_location import CatalogLocation
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.serve import Host
from catalog_builder.errors import (
    CatalogError,
    CatalogNotFoundError,
)
from tests.catalog.index.searched_items import WORLD


def test_the_address_may_be_the_folder_or_its_files(catalog: Path, index: ItemIndex) -> None:
    for address in (
        str(catalog),
        f"{catalog}/",
        catalog / "items.parquet",
        catalog / "catalog.json",
        f"{catalog}/catalog.yml",
        f"{catalog}/index.html",
        catalog.as_uri(),
    ):
        assert len(ItemIndex.open(address)) == len(WORLD)


def test_an_unknown_home_folder_is_an_error() -> None:
    with pytest.raises(CatalogError, match="give an absolute path"):
        ItemIndex.open("~nobody-of-this-name/catalog")


def test_a_local_location_reads_its_files(tmp_path: Path) -> None:
    (tmp_path / "catalog.json").write_text("{}")
    location = CatalogLocation.parse(tmp_path / "catalog.json")
    assert location == CatalogLocation.parse(location) == CatalogLocation.parse(f"{tmp_path}/")
    assert (location.path, location.href("a/b.json")) == (tmp_path, f"{tmp_path}/a/b.json")
    assert (location.read("catalog.json"), location.size("catalog.json")) == (b"{}", 2)
    body, version = location.read_version("catalog.json")
    assert (body, version.size) == (b"{}", 2)
    assert location.is_unchanged("catalog.json", version, b"")
    (tmp_path / "new").write_text("[]")
    (tmp_path / "new").replace(tmp_path / "catalog.json")  # of one size and, perhaps, one time
    assert not location.is_unchanged("catalog.json", version, b"")
    assert pickle.loads(pickle.dumps(location)) == location
    needless = CatalogLocation.parse(tmp_path, {"token": "hidden"})  # for a URL
    assert pickle.loads(pickle.dumps(needless)).read("catalog.json") == b"[]"


@pytest.mark.parametrize("name", ["/etc/passwd", "../other/catalog.json", "a/../../b"])
def test_a_name_that_leads_out_of_the_catalog_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "catalog.json").write_text("{}")
    with Host(tmp_path) as host:
        for address in (tmp_path, host.url):
            location = CatalogLocation.parse(address)
            for read in (location.href, location.read, location.size):
                with pytest.raises(
                    CatalogError, match=r"is outside the catalog|is no path inside"
                ):
                    read(name)


@pytest.mark.parametrize("read", ["read", "read_version", "size"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, read: str) -> None:
    (tmp_path / "catalog.json").write_text("{}")
    with Host(tmp_path) as host:
        for address in (str(tmp_path), f"{host.url}/?signature=secret"):
            location = CatalogLocation.parse(address)
            with pytest.raises(CatalogNotFoundError, match=r"no .*/none\.json") as caught:
                getattr(location, read)("none.json")
            assert "secret" not in str(caught.value)


def test_a_url_keeps_its_query_out_of_sight(tmp_path: Path) -> None:
    (tmp_path / "catalog.json").write_text("{}")
    seen: list[str] = []
    plain = serve_folder(tmp_path)

    def answer(asked: Asked) -> Answer:
        seen.append(asked.path)
        return plain(dataclasses.replace(asked, path=asked.path.partition("?")[0]))

    with ScriptedServer(answer) as server:
        location = CatalogLocation.parse(f"{server.url}/catalog.yml?signature=secret")
        assert location.path is None
        assert location.href("catalog.json") == f"{server.url}/catalog.json"
        assert location.read("catalog.json") == b"{}"
    assert seen == ["/catalog.json?signature=secret"]
    assert "secret" not in location.folder
