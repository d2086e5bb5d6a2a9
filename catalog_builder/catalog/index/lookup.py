"""One granule's item in a published catalog, found by the granule's id alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from catalog_builder.atl03 import GranuleName
from catalog_builder.catalog.index.catalog_location import Address
from catalog_builder.catalog.stac.layout import INDEX, item_path
from catalog_builder.errors import CatalogError, CatalogNotFoundError, NotATL03Error
from catalog_builder.transport.location import is_relative


def is_granule_id(text: object) -> bool:
    """Whether this is a granule's id and nothing more."""
    try:
        return isinstance(text, str) and GranuleName.parse(text).id == text
    except NotATL03Error:
        return False


class PublishedItem(dict[str, Any]):
    """A STAC Item exactly as its file holds it, that knows where it was read.

    ``document`` is the path or URL of that file, without a query: what relative addresses in the
    item start from, and what decides whether it may lead to files of this machine. It is no key:
    an item says of itself what it likes.
    """

    __slots__ = ("document",)

    def __init__(self, item: Mapping[str, Any], document: str | None = None) -> None:
        super().__init__(item)
        self.document = document

    def __reduce__(self) -> tuple[object, ...]:
        return PublishedItem, (dict(self), self.document)


def document_of(item: Mapping[str, Any], catalog: Address | None = None) -> str | None:
    """Path or URL of the document that an item was read from; None where that is not known.

    Where the reader does not know, it is what the item says of itself, in its ``self`` link.
    """
    if isinstance(item, PublishedItem):
        return item.document
    if catalog is not None:
        return catalog_document(item, catalog)
    for link in item.get("links") or ():
        if isinstance(link, dict) and link.get("rel") == "self":
            href = link.get("href")
            return href if isinstance(href, str) and not is_relative(href) else None
    return None


def catalog_document(item: Mapping[str, Any], catalog: Address) -> str:
    """Path or URL of an item's file in a catalog; of the index, where its place is not known."""
    try:
        return catalog.href(item_path(item["collection"], GranuleName.parse(item["id"])))
    except (KeyError, TypeError, CatalogError, NotATL03Error):
        return catalog.href(INDEX)  # made by others, whose layout is not known


def find_item(
    dir_or_url: str | Path, granule: str, *, storage_options: Mapping[str, Any] | None = None
) -> PublishedItem:
    """The STAC Item of a granule in the catalog in a folder or behind a URL.

    One request, for the item's path follows from the id; the index is asked only where nothing
    lies there. ``storage_options`` are for the URL. Raises
    :class:`~catalog_builder.errors.ItemNotFoundError`,
    :class:`~catalog_builder.errors.NotATL03Error` for what is no id, and
    :class:`~catalog_builder.errors.CatalogError` where the catalog cannot be read.
    """
    name = GranuleName.parse(granule)
    if name.id != granule:
        raise NotATL03Error(f"{granule!r} is not the id of a granule: did you mean {name.id}?")
    address = Address.parse(dir_or_url, storage_options)
    path = item_path(f"ATL03_{name.release}", name)
    try:
        body = address.read(path)
    except CatalogError as error:
        # S3 may answer 403 for what is not there.
        if isinstance(error, CatalogNotFoundError) or isinstance(error.__cause__, PermissionError):
            return _from_index(dir_or_url, granule, storage_options)
        raise
    try:
        item = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise CatalogError(f"{address.href(path)} is not JSON: {error}.") from error
    if not (isinstance(item, dict) and item.get("id") == granule):
        raise CatalogError(f"{address.href(path)} is not the item of {granule}.")
    return PublishedItem(item, address.href(path))


def _from_index(
    dir_or_url: str | Path, granule: str, storage_options: Mapping[str, Any] | None
) -> PublishedItem:
    from catalog_builder.catalog.index.item_index import ItemIndex

    index = ItemIndex.open(dir_or_url, storage_options=storage_options)
    item = index.item(granule)
    return PublishedItem(item.to_dict(include_self_link=False), item.get_self_href())
