"""STAC objects against the schemas of STAC and of extensions, which come from a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sample_items import make_item
from scripted_server import Answer, ScriptedServer

from catalog_builder.catalog.stac.pages import item_links
from catalog_builder.catalog.stac.validation import FOLDER_VARIABLE, StacSchemas
from catalog_builder.errors import CatalogError

EXTENSION = "https://example.org/ice/v1.0.0/schema.json"
SCHEMA = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "$id": f"{EXTENSION}#",
    "properties": {"properties": {"required": ["ice:thickness"]}},
}


@pytest.fixture(autouse=True)
def _no_default_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ice.json").write_text(json.dumps(SCHEMA))
    (tmp_path / "list.json").write_text("[]")
    return tmp_path


def item(**changes: Any) -> dict[str, Any]:
    plain = json.loads(json.dumps(make_item(3)))
    return {
        **plain,
        "links": item_links("Ice", "Photons", "2018-10-14"),
        "stac_extensions": [],
        **changes,
    }


def test_a_core_object_needs_no_folder() -> None:
    schemas = StacSchemas()
    assert list(schemas.problems(item())) == []
    (problem, *_) = schemas.problems(item(bbox="everywhere"))
    assert problem.startswith("is not valid at bbox: ")
    assert schemas.skipped == set()


def test_an_extension_is_validated_by_the_schema_in_the_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extended = item(stac_extensions=[EXTENSION])
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder))
    for schemas in (StacSchemas(folder), StacSchemas()):
        (problem,) = schemas.problems(extended)
        assert "'ice:thickness' is a required property" in problem
        assert EXTENSION in problem
        extended_well = item(stac_extensions=[EXTENSION])
        extended_well["properties"]["ice:thickness"] = 3
        assert list(schemas.problems(extended_well)) == []
        assert schemas.skipped == set()


def test_an_extension_without_a_schema_is_listed_and_not_fetched(folder: Path) -> None:
    with ScriptedServer(lambda _: Answer(body=json.dumps(SCHEMA).encode())) as server:
        schemas = StacSchemas(folder)
        address = f"{server.url}/schema.json"
        assert list(schemas.problems(item(stac_extensions=[address]))) == []
        assert server.asked == []
    assert schemas.skipped == {address}


def test_a_schema_is_fetched_once_where_that_is_allowed() -> None:
    with ScriptedServer(lambda _: Answer(body=json.dumps(SCHEMA).encode())) as server:
        schemas = StacSchemas(fetch=True)
        for _ in range(2):
            (problem,) = schemas.problems(item(stac_extensions=[f"{server.url}/schema.json"]))
            assert "ice:thickness" in problem
        assert [one.path for one in server.asked] == ["/schema.json"]
    assert schemas.skipped == set()


@pytest.mark.parametrize(
    "answer", [Answer(status=404), Answer(body=b"<html>"), Answer(body=b"[]")]
)
def test_what_is_fetched_and_is_no_schema_is_skipped(answer: Answer) -> None:
    with ScriptedServer(lambda _: answer) as server:
        schemas = StacSchemas(fetch=True)
        address = f"{server.url}/schema.json"
        assert list(schemas.problems(item(stac_extensions=[address, "file:///etc/passwd"]))) == []
    assert schemas.skipped == {address, "file:///etc/passwd"}


@pytest.mark.parametrize("document", [{}, {"type": "Feature"}, {"stac_version": 7}, {"id": "x"}])
def test_what_is_no_stac_object_is_one_problem(document: dict[str, Any]) -> None:
    (problem,) = StacSchemas().problems(document)
    assert problem.startswith("is not a STAC object: ")


def test_a_file_of_the_folder_that_is_no_json_is_an_error(tmp_path: Path) -> None:
    for body in (b"{", b"\xff", b"[" * 100_000):
        (tmp_path / "schema.json").write_bytes(body)
        with pytest.raises(CatalogError, match=r"schema\.json is no JSON schema"):
            StacSchemas(tmp_path)


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"no folder .*nowhere of STAC extension schemas"):
        StacSchemas(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "schema",
    [
        {"accessKeyId": "a"},
        {"$schema": "http://json-schema.org/draft-07/schema#", "type": 7},
        {"$schema": "http://json-schema.org/draft-07/schema#", "$ref": "#"},
        {"$schema": "http://json-schema.org/draft-07/schema#", "type": "sort of"},
        {"$schema": "no:such", "type": "object"},
    ],
    ids=["no schema", "wrong", "circle", "no type", "unknown"],
)
def test_what_is_no_usable_schema_counts_as_missing(schema: dict[str, Any]) -> None:
    with ScriptedServer(lambda _: Answer(body=json.dumps(schema).encode())) as server:
        address = f"{server.url}/x.json"
        schemas = StacSchemas(fetch=True)
        list(schemas.problems({**make_item(0), "stac_extensions": [address]}))
    assert address in schemas.skipped
