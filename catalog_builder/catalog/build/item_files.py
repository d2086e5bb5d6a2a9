"""Reads the item files of a catalog that is being indexed, and checks that they are sound."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from catalog_builder.catalog.stac.beam_assets import references_of
from catalog_builder.catalog.stac.item_shape import require_shape
from catalog_builder.errors import CatalogError
from catalog_builder.products.granule_name import GranuleName

if TYPE_CHECKING:
    from catalog_builder.catalog.build.publish import PublishedFolder
    from catalog_builder.catalog.stac.item import Item


def read_item(folder: PublishedFolder, path: str) -> Item:
    """The item at a path. Raises CatalogError for a file that is missing or damaged."""
    try:
        item: Item = orjson.loads(folder.read(path))
        require_item(item, path)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise CatalogError(
            f"{folder.root / path} is not an item ({error!r}): build with --full (full=True)."
        ) from error
    return item


def require_item(item: Item, path: str) -> None:
    """Raise LookupError, TypeError or ValueError if this is not the item of this path."""
    name = GranuleName.parse(path).id
    if item["id"] != name:
        raise LookupError(f"its id is {item['id']!r}, not {name!r}")
    require_shape(item)
    if not isinstance(item["geometry"], dict):
        raise TypeError(f"its geometry is {item['geometry']!r}")
    if not isinstance(item["bbox"], list):
        raise TypeError(f"its bbox is {item['bbox']!r}")
    references_of(item, path)
