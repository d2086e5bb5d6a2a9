"""pystac's items of an index: absolute addresses, and the catalog they came from."""

from __future__ import annotations

import copy
import pickle

import pytest
from sample_items import make_item

from catalog_builder.catalog.index.catalog_location import CatalogLocation
from catalog_builder.catalog.index.indexed_item import IndexedItem
from catalog_builder.catalog.index.published_item import PublishedItem


def item_in(folder: str, **options: str) -> IndexedItem:
    plain = make_item(3)
    plain["assets"]["metadata"] = {"href": "../x.xml"}
    location = CatalogLocation.parse(folder, options)
    return IndexedItem.of(PublishedItem(plain, f"{location.folder}/a/b/item.json", location))


@pytest.mark.parametrize("folder", ["/data/cat", "/data/run#3", "/data/what?", "/data/a%20b"])
def test_addresses_start_from_the_document(folder: str) -> None:
    item = item_in(folder)
    assert item.assets["metadata"].href == f"{folder}/a/x.xml"
    assert item.assets["data"].href.startswith("s3://")
    assert item.get_self_href() == f"{folder}/a/b/item.json"


def test_copies_know_the_catalog_and_dictionaries_and_pickles_do_not() -> None:
    item = item_in("https://example.org/cat?sig=hidden", token="hidden-too")
    location = item.catalog_location
    assert location is not None
    for copied in (item.clone(), copy.copy(item), copy.deepcopy(item)):
        assert copied.catalog_location is location
    for written in (pickle.dumps(item), repr(vars(item)).encode()):
        assert b"hidden" not in written
    assert "hidden" not in str(item.to_dict())
    again = pickle.loads(pickle.dumps(item)).catalog_location
    assert (again.folder, again.is_incomplete) == (location.folder, True)
