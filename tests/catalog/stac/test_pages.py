"""The pages of a static catalog: every link leads to the page that it should."""

from __future__ import annotations

import posixpath
from typing import Any

from building import DEFINITION
from sample_items import COLLECTION

from catalog_builder.catalog.stac.collection import to_collection
from catalog_builder.catalog.stac.layout import CATALOG, day_folder
from catalog_builder.catalog.stac.layout import COLLECTION as COLLECTION_FILE
from catalog_builder.catalog.stac.pages import (
    bare_collection,
    collection_page,
    cycle_page,
    day_page,
    item_links,
    root_page,
)

IDS = ["ATL03_20181014031924_02370102_007_01", "ATL03_20181014045341_02380102_007_01"]
STAC_COLLECTION = to_collection(COLLECTION, boxes=[], interval=None)
COLLECTION_PATH = f"ATL03_007/{COLLECTION_FILE}"


def targets(path: str, page: dict[str, Any], rel: str) -> list[str]:
    """Paths in the catalog that the links of a page lead to."""
    return [
        posixpath.normpath(posixpath.join(posixpath.dirname(path), link["href"]))
        for link in page["links"]
        if link["rel"] == rel
    ]


def test_from_the_root_links_lead_down_to_the_items_and_up_again() -> None:
    root = root_page(DEFINITION, [STAC_COLLECTION], None)
    assert targets(CATALOG, root, "child") == [COLLECTION_PATH]
    collection = collection_page(STAC_COLLECTION, [1], root=DEFINITION.title)
    cycle_path, cycle = cycle_page(
        STAC_COLLECTION, 1, ["2018-10-14", "2018-10-15"], root=DEFINITION.title
    )
    assert targets(COLLECTION_PATH, collection, "child") == [cycle_path]
    day_path, day = day_page("ATL03_007", 1, "2018-10-14", IDS, root=DEFINITION.title)
    assert targets(cycle_path, cycle, "child")[0] == day_path
    folder = day_folder("ATL03_007", 1, "2018-10-14")
    assert targets(day_path, day, "item") == [f"{folder}/{each}.json" for each in IDS]
    item = {"links": item_links("Ice", "Photons", "2018-10-14")}
    above = {COLLECTION_PATH: CATALOG, cycle_path: COLLECTION_PATH, day_path: cycle_path}
    pages = {COLLECTION_PATH: collection, cycle_path: cycle, day_path: day}
    for path, page in pages.items():
        assert targets(path, page, "root") == [CATALOG]
        assert targets(path, page, "parent") == [above[path]]
        assert all(link.get("title") for link in page["links"])
    item_path = f"{folder}/{IDS[0]}.json"
    assert targets(item_path, item, "root") == [CATALOG]
    assert targets(item_path, item, "parent") == [day_path]
    assert targets(item_path, item, "collection") == [COLLECTION_PATH]


def test_only_the_root_of_a_known_address_has_an_absolute_link() -> None:
    root = root_page(DEFINITION, [STAC_COLLECTION], "https://example.org/ice/")
    absolute = [link for link in root["links"] if "://" in link["href"]]
    assert [(link["rel"], link["href"]) for link in absolute] == [
        ("self", "https://example.org/ice/catalog.json")
    ]


def test_a_collection_without_item_files_has_no_pages_below_it() -> None:
    page = collection_page(STAC_COLLECTION, [1, 2], root="Ice", items=False)
    assert targets(COLLECTION_PATH, page, "child") == []
    assert {asset["href"] for asset in page["assets"].values()} == {
        "../items.parquet",
        "../catalog.yml",
    }


def test_pages_say_what_is_in_them() -> None:
    _, cycle = cycle_page(STAC_COLLECTION, 9, ["2020-09-26", "2020-12-24"], root="Ice")
    assert (cycle["id"], cycle["title"]) == ("ATL03_007-cycle-09", "Cycle 09")
    assert "2020-09-26 to 2020-12-24" in cycle["description"]
    _, day = day_page("ATL03_007", 1, "2018-10-14", IDS, root=DEFINITION.title)
    assert day["title"] == "2018-10-14"
    assert [link.get("title") for link in day["links"][2:]] == IDS
    root = root_page(DEFINITION, [STAC_COLLECTION], None)
    assert (root["id"], root["title"]) == (DEFINITION.name, DEFINITION.title)
    assert DEFINITION.title in root["description"]


def test_links_up_to_the_root_tell_its_title() -> None:
    root = root_page(DEFINITION, [STAC_COLLECTION], None)
    collection = collection_page(STAC_COLLECTION, [1], root=DEFINITION.title)
    titles = [
        (link["rel"], link["title"])
        for link in [*root["links"], *collection["links"]]
        if link["href"].endswith(f"./{CATALOG}")
    ]
    assert titles == [(rel, DEFINITION.title) for rel in ("root", "root", "parent")]


def test_the_collection_of_a_page_is_what_it_was_made_of() -> None:
    page = collection_page(STAC_COLLECTION, [1, 2], root="Ice")
    assert bare_collection(page) == STAC_COLLECTION
    assert list(bare_collection(page)) == list(STAC_COLLECTION)
