from __future__ import annotations

import socket
from pathlib import Path

import pytest
import requests

from catalog_builder.catalog.serve import Host
from catalog_builder.errors import CatalogError, CatalogNotFoundError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    public = tmp_path / "public"
    (public / ".catalog-builder").mkdir(parents=True)
    (public / "catalog.json").write_text("{}")
    (public / "catalog.yml").write_text("sources: {}")
    (public / "items.parquet").write_bytes(bytes(range(256)) * 100)
    (public / ".catalog-builder" / "half.json").write_text("{}")
    (tmp_path / "secret.txt").write_text("not published")
    return public


def test_files_come_with_their_media_types_for_pages_of_any_origin(folder: Path) -> None:
    with Host(folder) as host:
        for name, kind in {
            "catalog.json": "application/json",
            "catalog.yml": "application/yaml",
            "items.parquet": "application/vnd.apache.parquet",
        }.items():
            answer = requests.get(f"{host.url}/{name}", timeout=5)
            assert answer.content == (folder / name).read_bytes()
            assert answer.headers["Content-Type"].partition(";")[0] == kind
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
        asked = requests.options(f"{host.url}/items.parquet", timeout=5)
        assert asked.status_code == 204
        assert "GET" in asked.headers["Access-Control-Allow-Methods"]


@pytest.mark.parametrize(
    ("asked", "first", "last"), [("0-9", 0, 10), ("100-", 100, None), ("-50", -50, None)]
)
def test_ranges_are_served(folder: Path, asked: str, first: int, last: int | None) -> None:
    body = (folder / "items.parquet").read_bytes()
    with Host(folder) as host:
        answer = requests.get(
            f"{host.url}/items.parquet", headers={"Range": f"bytes={asked}"}, timeout=5
        )
    assert answer.status_code == 206
    assert answer.content == body[first:last]
    assert answer.headers["Content-Range"].endswith(f"/{len(body)}")


def test_head_tells_the_size_and_that_ranges_are_served(folder: Path) -> None:
    with Host(folder) as host:
        answer = requests.head(f"{host.url}/items.parquet", timeout=5)
    assert answer.headers["Content-Length"] == "25600"
    assert answer.headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize(
    "path",
    [
        "nothing.json",
        "%2e%2e/secret.txt",
        "..%2fsecret.txt",
        "%2fetc/passwd",
        ".catalog-builder/half.json",
        "a%00b",
    ],
)
def test_nothing_outside_the_published_folder_is_served(folder: Path, path: str) -> None:
    with Host(folder) as host, socket.create_connection(("127.0.0.1", int(host.url[17:]))) as raw:
        raw.sendall(f"GET /{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: raw.recv(4096), b""))
    assert answer.startswith((b"HTTP/1.1 404", b"HTTP/1.1 400"))
    assert b"not published" not in answer


def test_the_root_leads_to_the_catalog(folder: Path) -> None:
    with Host(folder) as host:
        assert requests.get(host.url, timeout=5).url == f"{host.url}/catalog.json"


def test_a_folder_without_catalog_is_not_hosted(tmp_path: Path) -> None:
    with pytest.raises(CatalogNotFoundError, match="is not a catalog"):
        Host(tmp_path)


def test_a_port_in_use_is_named(folder: Path) -> None:
    with Host(folder) as host, pytest.raises(CatalogError, match=host.url[17:]):
        Host(folder, port=int(host.url[17:])).__enter__()


def test_the_root_leads_to_the_page_for_people_where_there_is_one(folder: Path) -> None:
    with Host(folder) as host:
        assert requests.get(host.url, timeout=5).url == f"{host.url}/catalog.json"
        (folder / "index.html").write_text("<!doctype html>")
        page = requests.get(host.url, timeout=5)
    assert page.url == f"{host.url}/index.html"
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
