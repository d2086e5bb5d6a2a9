"""One granule's item in a published catalog, found by the granule's id alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from catalog_builder.atl03 import GranuleName
from catalog_builder.catalog.index.catalog_location import CatalogLocation
from catalog_builder.catalog.index.published_item import PublishedItem
from catalog_builder.catalog.stac.layout import item_path
from catalog_builder.errors import CatalogError, CatalogNotFoundError, NotATL03Error


def is_granule_id(text: object) -> bool:
    """Whether this is a granule's id and nothing more."""
    try:
        return isinstance(text, str) and GranuleName.parse(text).id == text
    except NotATL03Error:
        return False


def find_item(
    dir_or_url: str | Path | CatalogLocation,
    granule: str,
    *,
    storage_options: Mapping[str, Any] | None = None,
) -> PublishedItem:
    """The STAC Item of a granule in the catalog in a folder or behind a URL.

    One request, for the item's path follows from the id; the index is asked only where nothing
    lies there, or a web server answers with something else.
    ``storage_options`` are for the URL. Raises
    :class:`~catalog_builder.errors.ItemNotFoundError`,
    :class:`~catalog_builder.errors.NotATL03Error` for what is no id, and
    :class:`~catalog_builder.errors.CatalogError` where the catalog cannot be read.
    """
    name = GranuleName.parse(granule)
    if name.id != granule:
        raise NotATL03Error(f"{granule!r} is not the id of a granule: did you mean {name.id}?")
    address = CatalogLocation.parse(dir_or_url, storage_options)
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
        if address.path is None:  # some hosts answer what is not there with a page of status 200
            return _from_index(dir_or_url, granule, storage_options)
        raise CatalogError(f"{address.href(path)} is not JSON: {error}.") from error
    if not (isinstance(item, dict) and item.get("id") == granule):
        if address.path is None:
            return _from_index(dir_or_url, granule, storage_options)
        raise CatalogError(f"{address.href(path)} is not the item of {granule}.")
    return PublishedItem(item, address.href(path), address)


def _from_index(
    dir_or_url: str | Path | CatalogLocation,
    granule: str,
    storage_options: Mapping[str, Any] | None,
) -> PublishedItem:
    from catalog_builder.catalog.index.item_index import ItemIndex

    index = ItemIndex.open(dir_or_url, storage_options=storage_options)
    item = index.item(granule)
    location = CatalogLocation.parse(dir_or_url, storage_options)
    return PublishedItem(item.to_dict(include_self_link=False), item.get_self_href(), location)
