"""An item is found by its granule's id: by its path, else in the index."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from sample_items import make_item
from scripted_server import Answer, Asked, ScriptedServer
from web_folder import serve_folder

from catalog_builder.catalog.build.reindex import write_index
from catalog_builder.catalog.index.lookup import find_item
from catalog_builder.catalog.stac.layout import INDEX, item_path
from catalog_builder.errors import CatalogError, ItemNotFoundError, ProductError
from catalog_builder.products.granule_name import GranuleName

MISSING = "ATL03_20181014031924_02370102_007_99"


def path_of(item: dict[str, object]) -> str:
    return item_path("ATL03_007", GranuleName.parse(str(item["id"])))


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    """Three items, of which the last is in the index only."""
    items = [make_item(number) for number in range(3)]
    for item in items[:2]:
        path = tmp_path / path_of(item)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(orjson.dumps(item))
    write_index(items, tmp_path / INDEX)
    return tmp_path


def test_by_its_path_and_by_the_index(catalog: Path) -> None:
    assert find_item(catalog, make_item(0)["id"]) == orjson.loads(orjson.dumps(make_item(0)))
    last = make_item(2)
    assert find_item(str(catalog), last["id"])["assets"].keys() == last["assets"].keys()
    with pytest.raises(ItemNotFoundError, match=MISSING):
        find_item(catalog, MISSING)


def test_one_request_over_http(catalog: Path) -> None:
    item = make_item(1)
    with ScriptedServer(serve_folder(catalog)) as server:
        assert find_item(server.url, item["id"])["id"] == item["id"]
    assert [asked.path for asked in server.asked] == [f"/{path_of(item)}"]


def test_a_403_may_mean_that_it_is_not_there(catalog: Path) -> None:
    serve = serve_folder(catalog)

    def answer(asked: Asked) -> Answer:
        return Answer(status=403) if asked.path.endswith(".json") else serve(asked)

    with ScriptedServer(answer) as server:
        assert find_item(server.url, make_item(2)["id"])["id"] == make_item(2)["id"]
        with pytest.raises(ItemNotFoundError):
            find_item(server.url, MISSING)


def test_the_index_is_not_read_from_a_server_in_trouble(catalog: Path) -> None:
    with (
        ScriptedServer(lambda _: Answer(status=500)) as server,
        pytest.raises(CatalogError, match="500"),
    ):
        find_item(server.url, make_item(0)["id"])
    assert {asked.path for asked in server.asked} == {f"/{path_of(make_item(0))}"}


@pytest.mark.parametrize(
    ("text", "says"), [("<html>", "is not JSON"), ("{}", "is not the item"), ("[]", "is not the")]
)
def test_what_lies_there_must_be_the_item(catalog: Path, text: str, says: str) -> None:
    item = make_item(0)
    (catalog / path_of(item)).write_text(text)
    with pytest.raises(CatalogError, match=says):
        find_item(catalog, item["id"])


@pytest.mark.parametrize(
    "text", ["", "../x", "{{ 1 }}", f"{MISSING}.h5", f"../{MISSING}", f"{MISSING}/x", "ATL03"]
)
def test_what_is_no_id(catalog: Path, text: str) -> None:
    with pytest.raises(ProductError):
        find_item(catalog, text)
