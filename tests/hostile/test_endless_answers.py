"""Every kind of answer has a limit in inflated bytes, and an end in time, at each public door."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Callable

import intake
import pytest
from sample_items import make_item
from scripted_server import Answer, ScriptedServer
from slow_server import HEAD, Script, drips, says, slow_server, zipped
from small_granule import NAME

import catalog_builder
from catalog_builder.auth.earthdata import bearer_token
from catalog_builder.auth.login import Login
from catalog_builder.auth.s3_credentials import CredentialProvider
from catalog_builder.beams.references.frames import Frame
from catalog_builder.beams.storage import s3
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.catalog.cmr.client import CmrClient
from catalog_builder.catalog.compare.stac_api import StacApi
from catalog_builder.catalog.index.lookup import find_item
from catalog_builder.catalog.stac.validation import StacSchemas
from catalog_builder.catalog.verify.checks import verify
from catalog_builder.errors import CatalogBuilderError
from catalog_builder.opening.one_granule import open_beam
from catalog_builder.opening.reference_cache import (
    ReferencePlace,
    load_frames,
    load_references,
)
from catalog_builder.transport.answer_limits import TIMEOUT_VARIABLE

GRANULE = make_item(0)["id"]
S3 = GranuleLinks(s3="s3://bucket/granule.h5")


def collections(url: str) -> object:
    with CmrClient(url, retries=0) as client:
        return client.collections(short_name="ATL03")


def schema(url: str) -> object:
    schemas = StacSchemas(fetch=True)
    list(schemas.problems({**make_item(0), "stac_extensions": [f"{url}/x.json"]}))
    assert schemas.skipped  # a note of verify, and no error
    raise CatalogBuilderError("left out")


def frame(url: str) -> object:
    place = ReferencePlace.of_address(f"{url}/x.json.zst")
    return load_frames(place, {"gt1l": Frame(offset=10, length=99, crc32=1)})


DOORS: dict[str, Callable[[str], object]] = {
    "CMR": collections,
    "STAC API": lambda url: StacApi.open(url, retries=0),
    "catalog.json": verify,
    "item": lambda url: find_item(url, GRANULE),
    "catalog.yml": lambda url: list(intake.open_catalog(f"{url}/catalog.yml")),
    "schema": schema,
    "token": lambda url: bearer_token(Login(username="me", password=url, source="test")),
    "keys": lambda url: CredentialProvider(
        f"{url}/s3credentials", Login(token=f"token of {url}", source="test")
    )(),
    "references": lambda url: load_references(f"{url}/x.json.zst", "gt1l"),
    "references, a frame": frame,
    "index": lambda url: len(catalog_builder.open_index(url)),
    "granule": lambda url: open_beam(f"{url}/{NAME}", "gt1l"),
}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine is trusted, and no server is waited for long, or asked often."""
    monkeypatch.setenv(TIMEOUT_VARIABLE, "0.4")
    monkeypatch.setenv("CATALOG_BUILDER_TRUSTED_HOSTS", "127.0.0.1")
    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.setattr(s3, "S3FS_TRIES", 1)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("EARTHDATA_TOKEN", "a-token")


@pytest.fixture(scope="module")
def bomb() -> bytes:
    """Gzip of gzip: a kilobyte that inflates to 200 MB."""
    made = zipped(2, 200)
    assert len(made) < 22_000
    return made


@pytest.mark.parametrize("door", DOORS)
def test_a_bomb_is_cut_off(door: str, bomb: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TIMEOUT_VARIABLE, "60")
    answer = Answer(
        headers={"Content-Encoding": "gzip, gzip", "Content-Type": "application/json"}, body=bomb
    )
    with ScriptedServer(lambda _: answer) as server:
        monkeypatch.setenv("EARTHDATA_HOST", server.url)
        tracemalloc.start()
        try:
            with pytest.raises(CatalogBuilderError) as caught:
                DOORS[door](server.url)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < (600e6 if door == "index" else 300e6)
    assert len(str(caught.value)) > 5


SLOW: dict[str, Script] = {
    "silent": says(b""),
    "silent after the head": says(HEAD),
    "head drips": drips(b"HTTP/1.1 200 OK\r\nX: "),
    "body drips": drips(HEAD),
}
SAID = r"sent nothing|bytes came in|gave no answer|left out|cannot be read in parts|ended early"


@pytest.mark.parametrize("how", SLOW)
@pytest.mark.parametrize("door", DOORS)
def test_a_slow_server_is_given_up(door: str, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with slow_server(SLOW[how]) as url:
        monkeypatch.setenv("EARTHDATA_HOST", url)
        with pytest.raises(CatalogBuilderError) as caught:
            DOORS[door](url)
    assert re.search(SAID, str(caught.value)), str(caught.value)
