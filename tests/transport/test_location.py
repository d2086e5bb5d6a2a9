from __future__ import annotations

import ast
from pathlib import Path

import pytest

from catalog_builder.errors import AccessError, AddressError, CatalogError
from catalog_builder.transport.location import (
    PROTOCOLS,
    WEB,
    Location,
    is_relative,
    is_remote,
    shown,
)

PACKAGE = Path(__file__).parent.parent.parent / "catalog_builder"
WEB_ITEM = "https://host.org/a/b/item.json"


@pytest.mark.parametrize(
    ("address", "protocol", "found"),
    [
        ("/data/x.h5", "file", "/data/x.h5"),
        ("data/x.h5", "file", "data/x.h5"),
        (Path("data", "x.h5"), "file", "data/x.h5"),
        ("/data/run#3/what?/x.h5", "file", "/data/run#3/what?/x.h5"),
        ("run:3", "file", "run:3"),
        ("/a::b", "file", "/a::b"),
        ("file:///my%20data/x.h5", "file", "/my data/x.h5"),
        ("FILE://localhost/x", "file", "/x"),
        ("file:/x", "file", "/x"),
        ("HTTPS://Host.org/x?a=b", "https", "https://Host.org/x?a=b"),
        ("http://[::1]:8000/x", "http", "http://[::1]:8000/x"),
        ("http://host.org/x?urn::a", "http", "http://host.org/x?urn::a"),
        ("s3://bucket/key", "s3", "s3://bucket/key"),
    ],
)
def test_what_a_user_may_say(address: str | Path, protocol: str, found: str) -> None:
    assert Location.parse(address) == Location(protocol=protocol, address=found)


@pytest.mark.parametrize(
    ("document", "address", "found"),
    [
        (WEB_ITEM, "x.h5", "https://host.org/a/b/x.h5"),
        (WEB_ITEM, "../x.h5", "https://host.org/a/x.h5"),
        (WEB_ITEM, "../../../../etc/passwd", "https://host.org/etc/passwd"),
        (WEB_ITEM, "/etc/passwd", "https://host.org/etc/passwd"),
        (WEB_ITEM, "~/x", "https://host.org/a/b/~/x"),
        (WEB_ITEM, "//other.org/x", "https://other.org/x"),
        (WEB_ITEM, "s3://bucket/key", "s3://bucket/key"),
        (f"{WEB_ITEM}?sig=1", "x.h5", "https://host.org/a/b/x.h5?sig=1"),
        (f"{WEB_ITEM}?sig=1", "x.h5?own=2", "https://host.org/a/b/x.h5?own=2"),
        ("s3://bucket/a/item.json", "../x.h5", "s3://bucket/x.h5"),
        ("s3://bucket/a/item.json", "/etc/passwd", "s3://bucket/etc/passwd"),
        ("/cat/a/item.json", "../x.h5", "/cat/x.h5"),
        ("/cat/a/item.json", "/data/x.h5", "/data/x.h5"),
        ("file:///cat/a/item.json", "x.h5", "/cat/a/x.h5"),
        ("/cat/a/item.json", "file:///data/x.h5", "/data/x.h5"),
        ("/cat/a/item.json", "https://host.org/x", "https://host.org/x"),
    ],
)
def test_what_a_document_may_say(document: str, address: str, found: str) -> None:
    assert Location.parse(address, named_by=document).address == found


@pytest.mark.parametrize("document", [WEB_ITEM, "s3://bucket/item.json", "http://h/x"])
@pytest.mark.parametrize("address", ["file:///etc/passwd", "file:/etc/passwd", "FILE:///etc/x"])
def test_the_network_names_no_file_of_this_machine(document: str, address: str) -> None:
    with pytest.raises(AddressError, match="names a file of this machine, /etc"):
        Location.parse(address, named_by=document)


@pytest.mark.parametrize(
    "address",
    [
        *("webhdfs://h:1/x", "gs://b/x", "ftp://h/x", "local:///etc/passwd", "memory://x"),
        *(
            " http://h/x",
            "http\n://h/x",
            "://h/x",
            "http:///etc/passwd",
            "http://:80/x",
            "s3:///x",
        ),
        *("http://[::1/x", "http://h:99999/x", "http://h/\nx", "file://host/x", "file:///a%00b"),
        *("simplecache::http://h/x", "simplecache::/etc/passwd", "zip://a::http://h/x.zip"),
        *("http://h/a::b", "http://[::1]/a::b", "http://u@[::1]::x/", "", "a\0b"),
    ],
)
@pytest.mark.parametrize("document", [None, "/cat/item.json"])
def test_what_is_not_opened(address: str, document: str | None) -> None:
    with pytest.raises(AddressError) as caught:
        Location.parse(address, named_by=document)
    assert isinstance(caught.value, AccessError)
    assert isinstance(caught.value, CatalogError)


@pytest.mark.parametrize("address", [None, 3, b"x", ["http://h/x"], {}])
def test_what_is_no_text(address: object) -> None:
    with pytest.raises(AddressError, match="is no address"):
        Location.parse(address, named_by=WEB_ITEM)  # type: ignore[arg-type]


def test_protocols_are_the_callers() -> None:
    with pytest.raises(AddressError, match=r"give http:// or https://\."):
        Location.parse("s3://bucket/key", protocols=WEB)
    found = Location.parse("gs://bucket/key", protocols=(*PROTOCOLS, "gs"))
    assert found == Location(protocol="gs", address="gs://bucket/key")


def test_kinds_of_addresses() -> None:
    assert is_remote("s3://b/k")
    assert not any(map(is_remote, (None, "", "/x", "x", "file:///x", "/a://b")))
    assert is_relative("./x")
    assert not any(map(is_relative, ("/x", "http://h/x", "file:/x")))


def test_no_secret_and_no_escape_is_shown() -> None:
    assert shown("ftp://me:secret@h/x\x1b[2J?Signature=secret") == "ftp://h/x\\x1b[2J"
    with pytest.raises(AddressError) as caught:
        Location.parse("ftp://me:secret@h/x?Signature=secret")
    assert "secret" not in str(caught.value)


OPENERS = {
    "fsspec": {
        *("transport/stored_files.py", "transport/fsspec_http.py", "transport/fsspec_hook.py"),
    },
    "aiohttp": {
        *("transport/fsspec_http.py", "transport/stored_files.py", "transport/punctual_s3.py"),
        "catalog/serve.py",
    },
    "s3fs": {"beams/storage/s3.py"},
    "obstore": {
        *("beams/storage/s3.py", "beams/read/fetch.py", "auth/s3_credentials.py"),
        *("publish/destination.py", "nasa_report.py"),
    },
    "pystac_client": {"catalog/compare/stac_api.py", "catalog/compare/stac_io.py"},
    "netrc": {"auth/netrc_file.py"},
    "urllib.request": set(),
    "http.client": {"transport/punctual_connection.py"},
    "socket": set(),
    "ftplib": set(),
    "httpx": set(),
    "urllib3.poolmanager": set(),
    "urllib3.PoolManager": set(),
    "urllib3.request": set(),
}
"""What opens addresses, or reads logins, and the modules that may import it."""

CALLS = {
    *("requests.get", "requests.post", "requests.head", "requests.request", "requests.Session"),
    *("requests.session", "pystac.read_file", "StacIO.default", "Item.from_file"),
    *("Catalog.from_file", "Collection.from_file", "aiohttp.ClientSession"),
}
"""Clients that read netrc, or open any address, by themselves."""

MAY_CALL = {
    "requests.Session": {"auth/region.py"},
    "aiohttp.ClientSession": {"transport/fsspec_http.py"},
}
"""The instance's own metadata service, without netrc; and what intake reads, without netrc."""


@pytest.mark.parametrize(
    "path",
    sorted(PACKAGE.rglob("*.py")),
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_nothing_opens_an_address_by_itself(path: Path) -> None:
    here = path.relative_to(PACKAGE).as_posix()
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            for opener, allowed in OPENERS.items():
                if f"{name}.".startswith(f"{opener}."):
                    assert here in allowed, f"{here} imports {name}"
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            for call in CALLS:
                if f".{called}".endswith(f".{call}"):
                    assert here in MAY_CALL.get(call, set()), f"{here} calls {called}"
