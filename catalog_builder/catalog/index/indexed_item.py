"""An item of an index as pystac's object, that knows the catalog it came from."""

from __future__ import annotations

import posixpath
from contextlib import suppress
from typing import Any

import pystac

from catalog_builder.catalog.index.catalog_location import CatalogLocation
from catalog_builder.catalog.index.published_item import PublishedItem
from catalog_builder.transport.location import is_relative, is_remote


def _is_odd(document: str) -> bool:
    """Whether it lies in a local folder whose name pystac cuts, at a ``#`` or ``?``."""
    return not is_remote(document) and not {"#", "?"}.isdisjoint(document)


class IndexedItem(pystac.Item):
    """A STAC item that remembers how its catalog was opened; :meth:`to_dict` does not tell it.

    What lies in that catalog's folder, such as references, is read with the query and
    ``storage_options`` that the index was opened with, and nothing else is.
    """

    catalog_location: CatalogLocation | None = None
    """The catalog as it was opened; None where that is not known."""

    @classmethod
    def of(cls, item: PublishedItem) -> IndexedItem:
        """The item with absolute addresses."""
        made = cls.from_dict(dict(item))
        made.catalog_location = item.catalog
        made._lead_from(item.document or "")
        # Not by its own self link, which would let it choose the files that it may name.
        made.set_self_href(item.document)
        with suppress(ValueError):  # pystac's, of what is no URL: it shows when it is opened
            made.make_asset_hrefs_absolute()
        return made

    def _lead_from(self, document: str) -> None:
        """Make addresses absolute that pystac could not."""
        if not _is_odd(document):
            return

        def absolute(href: str) -> str:
            if not is_relative(href) or "::" in href:
                return href
            return posixpath.normpath(posixpath.join(posixpath.dirname(document), href))

        for asset in self.assets.values():
            asset.href = absolute(asset.href)
        for link in self.links:
            if isinstance(link.target, str):
                link.target = absolute(link.target)

    def to_dict(
        self, include_self_link: bool = True, transform_hrefs: bool = True
    ) -> dict[str, Any]:
        """As pystac's; addresses are left as they are where it could not open the catalog."""
        location = self.catalog_location
        guarded = location is not None and bool(location.query or location.options)
        cannot = guarded or _is_odd(self.get_self_href() or "")
        return super().to_dict(include_self_link, transform_hrefs and not cannot)

    def clone(self) -> IndexedItem:
        """A copy that knows the same."""
        clone = super().clone()
        assert isinstance(clone, IndexedItem)
        clone.catalog_location = self.catalog_location
        return clone
