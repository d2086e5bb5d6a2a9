"""Finds the item of one granule in a published catalog by its id."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from catalog_builder.catalog.index.catalog_location import CatalogLocation
from catalog_builder.catalog.index.published_item import PublishedItem
from catalog_builder.catalog.stac.layout import item_path
from catalog_builder.errors import CatalogError, CatalogNotFoundError, ProductError
from catalog_builder.products.granule_name import GranuleName


def find_item(
    dir_or_url: str | Path | CatalogLocation,
    granule: str,
    *,
    storage_options: Mapping[str, Any] | None = None,
) -> PublishedItem:
    """The STAC Item of a granule in the catalog in a folder or behind a URL.

    This takes one request, since the item's path follows from the id. The index is searched only
    if there is no such file, or a web server answers with something else. ``storage_options`` are
    for the URL.

    Raises :class:`~catalog_builder.errors.ItemNotFoundError`,
    :class:`~catalog_builder.errors.ProductError` for text that is not an id, and
    :class:`~catalog_builder.errors.CatalogError` if the catalog cannot be read.
    """
    name = GranuleName.parse(granule)
    if name.id != granule:
        raise ProductError(f"{granule!r} is not the id of a granule: did you mean {name.id}?")
    catalog = CatalogLocation.parse(dir_or_url, storage_options)
    path = item_path(name.collection, name)
    item: Any = None
    problem = f"is not the item of {granule}"
    try:
        item = orjson.loads(catalog.read(path))
    except orjson.JSONDecodeError as error:
        problem = f"is not JSON: {error}"
    except CatalogError as error:
        # S3 may answer 403 for a missing file.
        if not isinstance(error, CatalogNotFoundError) and not isinstance(
            error.__cause__, PermissionError
        ):
            raise
        problem = ""
    if isinstance(item, dict) and item.get("id") == granule:
        return PublishedItem(item, catalog.href(path), catalog)
    # For a missing file some web servers send a page with status 200.
    if problem and catalog.path is not None:
        raise CatalogError(f"{catalog.href(path)} {problem}.")
    from catalog_builder.catalog.index.item_index import ItemIndex

    found = ItemIndex.open(catalog).item(granule)
    return PublishedItem(found.to_dict(include_self_link=False), found.get_self_href(), catalog)
