"""A STAC Item of a published catalog, with the path or URL that it was read from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog_builder.catalog.index.catalog_location import CatalogLocation
from catalog_builder.catalog.stac.layout import INDEX, item_path
from catalog_builder.errors import CatalogError, ProductError
from catalog_builder.products.granule_name import GranuleName
from catalog_builder.transport.location import is_relative


class PublishedItem(dict[str, Any]):
    """A STAC Item exactly as in its file, with the path or URL of that file.

    ``document`` is that path or URL, without a query. Relative addresses in the item start from
    it, and only an item from this machine may name files of this machine. ``catalog`` is the
    catalog as it was opened: what lies in its folder, and nothing else, is read with the query and
    ``storage_options`` of that. Both are attributes, not keys: an item may contain any keys.
    """

    __slots__ = ("catalog", "document")

    def __init__(
        self,
        item: Mapping[str, Any],
        document: str | None = None,
        catalog: CatalogLocation | None = None,
    ) -> None:
        super().__init__(item)
        self.document = document
        self.catalog = catalog

    def __reduce__(self) -> tuple[object, ...]:
        return PublishedItem, (dict(self), self.document, self.catalog)


def document_of(item: Mapping[str, Any], catalog: CatalogLocation | None = None) -> str | None:
    """Path or URL of the document that an item was read from; None if unknown.

    For another item than a :class:`PublishedItem`, and without ``catalog``, the ``self`` link is
    taken.
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


def catalog_document(item: Mapping[str, Any], catalog: CatalogLocation) -> str:
    """Path or URL of an item's file in a catalog; that of the index if its path is unknown."""
    try:
        return catalog.href(item_path(item["collection"], GranuleName.parse(item["id"])))
    except (AttributeError, KeyError, TypeError, CatalogError, ProductError):
        return catalog.href(INDEX)  # made by another tool, with a layout of its own
