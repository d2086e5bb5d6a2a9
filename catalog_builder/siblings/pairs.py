"""Finds the granule of another product that goes with a granule of ATL03, in its catalog."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from catalog_builder.catalog.index.catalog_location import CatalogLocation
from catalog_builder.catalog.index.indexed_item import IndexedItem
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.index.lookup import find_item
from catalog_builder.catalog.index.published_item import PublishedItem, document_of
from catalog_builder.catalog.stac.layout import path_of
from catalog_builder.catalog.stac.sibling_links import fits, sibling_property
from catalog_builder.errors import ItemNotFoundError, MissingSiblingError, PairError, ProductError
from catalog_builder.products.facts import product_named
from catalog_builder.products.granule_name import GranuleName, is_granule_id

if TYPE_CHECKING:
    from pathlib import Path

    import pystac

    Catalog = ItemIndex | CatalogLocation | str | Path


def sibling_of(
    item: pystac.Item | Mapping[str, Any], product: str, catalog: Catalog | None = None
) -> pystac.Item:
    """The item of the granule of ``product`` (``"atl08"``) that goes with a granule of ATL03.

    It is of the same track, cycle, region and release, in its highest revision; ATL24 names the
    ATL03 granule that it was made from. Where an item names one in ``icesat2:atl08``, as items of
    a catalog that holds both may, it is that one. ``catalog`` is the index or the catalog to
    look in, by default that which the item came from: another may hold the siblings.

    Raises :class:`~catalog_builder.errors.MissingSiblingError` where there is none, with both
    names, :class:`~catalog_builder.errors.PairError` for an item of unknown origin, and
    :class:`~catalog_builder.errors.ProductError` for a product that gives photons no classes.
    """
    wanted = product_named(product)
    granule, properties = _named(item)
    index = catalog if isinstance(catalog, ItemIndex) else ItemIndex.open(_location(item, catalog))
    told = properties.get(sibling_property(wanted))
    known = str(told) if is_granule_id(told) else None
    if known is not None and fits(GranuleName.parse(known), granule, wanted):
        try:
            return _by_name(index, known)
        except ItemNotFoundError:
            pass  # of another catalog, or removed since: look for one that is there
    found = [
        name
        for name in map(
            GranuleName.parse,
            filter(
                is_granule_id,
                index.search(rgt=granule.rgt, cycle=granule.cycle, region=granule.region).ids,
            ),
        )
        if fits(name, granule, wanted)
    ]
    if not found:
        raise MissingSiblingError(
            f"The catalog {index.folder} holds no granule of {wanted.short_name} that goes with "
            f"{granule.id}: name a catalog of {wanted.short_name}, "
            f'classes={{"{wanted.short_name.lower()}": "its address"}}, or the granule itself.'
        )
    return index.item(max(found, key=lambda name: (name.release, name.revision)).id)


def _named(item: pystac.Item | Mapping[str, Any]) -> tuple[GranuleName, Mapping[str, Any]]:
    if isinstance(item, Mapping):
        granule, properties = item.get("id"), item.get("properties") or {}
    else:
        granule, properties = item.id, item.properties
    name = GranuleName.parse(str(granule))
    if not name.product.counts_photons:
        raise ProductError(f"{name.id} has no photons that others give classes to.")
    return name, properties


def _location(
    item: pystac.Item | Mapping[str, Any], catalog: CatalogLocation | str | Path | None
) -> CatalogLocation:
    if catalog is not None:
        return CatalogLocation.parse(catalog)
    known = item.catalog if isinstance(item, PublishedItem) else None
    known = known or getattr(item, "catalog_location", None)
    if isinstance(known, CatalogLocation):
        return known
    granule, _ = _named(item)
    own = document_of(item) if isinstance(item, Mapping) else item.get_self_href()
    path = f"/{path_of(granule.collection, granule.id)}"
    if not isinstance(own, str) or not own.endswith(path):
        raise PairError(
            f"It is not known which catalog {granule.id} came from, so its siblings are not "
            "found: take the item from open_index, or name the granule of the sibling."
        )
    return CatalogLocation.parse(own.removesuffix(path))


def _by_name(index: ItemIndex, granule: str) -> pystac.Item:
    """One item, by its file where the index has not been read yet."""
    if index.is_open:
        return index.item(granule)
    return IndexedItem.of(find_item(index.location, granule))
