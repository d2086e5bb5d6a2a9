"""Items that know the document they were read from."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from sample_items import make_item

from catalog_builder.catalog.index.catalog_location import CatalogLocation
from catalog_builder.catalog.index.published_item import (
    PublishedItem,
    catalog_document,
    document_of,
)

CATALOG = CatalogLocation(folder="https://example.org/ice", query="signature=secret")


def test_a_published_item_is_its_dictionary_and_remembers_its_document() -> None:
    plain = make_item(3)
    item = PublishedItem(plain, "https://example.org/ice/x.json")
    assert item == plain
    assert document_of(item) == "https://example.org/ice/x.json"
    assert document_of(item, CATALOG) == "https://example.org/ice/x.json"
    again = pickle.loads(pickle.dumps(item))
    assert (again, again.document) == (plain, item.document)


def test_its_self_link_does_not_overrule_the_document() -> None:
    plain = make_item(3)
    plain["links"].append({"rel": "self", "href": "/home/me/secrets.json"})
    assert document_of(PublishedItem(plain, "https://example.org/x.json")) == (
        "https://example.org/x.json"
    )
    assert document_of(PublishedItem(plain)) is None
    assert document_of(plain) == "/home/me/secrets.json"


@pytest.mark.parametrize(
    "links", [None, [], ["self"], [{"rel": "self"}], [{"rel": "self", "href": "./x.json"}]]
)
def test_a_plain_item_without_an_absolute_self_link_has_no_document(links: Any) -> None:
    assert document_of({**make_item(3), "links": links}) is None


def test_an_item_of_a_catalog_lies_where_the_layout_has_it() -> None:
    item = make_item(3)
    name = item["id"]
    day = f"{name[6:10]}-{name[10:12]}-{name[12:14]}"
    expected = f"https://example.org/ice/ATL03_007/cycle-01/{day}/{name}.json"
    assert catalog_document(item, CATALOG) == document_of(item, CATALOG) == expected


@pytest.mark.parametrize("changes", [{"id": "ATL06_x"}, {"id": None}, {"collection": "../.."}])
def test_an_item_of_another_layout_counts_as_read_from_the_index(changes: dict[str, Any]) -> None:
    item = {**make_item(3), **changes}
    assert catalog_document(item, CATALOG) == "https://example.org/ice/items.parquet"
