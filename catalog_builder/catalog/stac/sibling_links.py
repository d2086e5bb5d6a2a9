"""Which granules of other products an ATL03 granule's item names: properties and links."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from catalog_builder.catalog.stac.layout import path_of
from catalog_builder.products.facts import PRODUCTS
from catalog_builder.products.granule_name import (
    GranuleName,
    collection_of,
    is_granule_id,
    pass_of,
)
from catalog_builder.products.product import Product

NAMED: Final = tuple(product for product in PRODUCTS.values() if product.classes)
"""Products whose granules items name."""

_BEFORE: Final = "icesat2:revision"
"""The property that those with siblings come after, so that items are the same bytes in whatever
order they got them."""

_GEOJSON: Final = "application/geo+json"


def sibling_property(product: Product) -> str:
    """The property with the id of the sibling of a product: ``icesat2:atl08``."""
    return f"icesat2:{product.short_name.lower()}"


PROPERTIES: Final = tuple(map(sibling_property, NAMED))
"""The properties that name siblings."""


def fits(name: GranuleName, granule: GranuleName, product: Product) -> bool:
    """Whether a granule is one of this product that goes with a granule of ATL03, by its name.

    Track, cycle and region are the same, and the release; where the name tells what the granule
    was made from, that release and revision are those of the granule.
    """
    source = name.made_from or (name.release, granule.revision)
    return (
        name.product.short_name == product.short_name
        and (name.rgt, name.cycle, name.region) == (granule.rgt, granule.cycle, granule.region)
        and source == (granule.release, granule.revision)
    )


def paired(granules: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each granule whose photons others give classes to, and its siblings among these granules.

    Of each product the highest release, and in that the highest revision.
    """
    for _, of_pass in groupby(sorted(granules, key=pass_of), key=pass_of):
        names = [GranuleName.parse(one) for one in of_pass]
        for granule in names:
            if granule.product.counts_photons:
                each = ([n for n in names if fits(n, granule, product)] for product in NAMED)
                yield granule.id, tuple(max(some, key=_newest).id for some in each if some)


def _newest(name: GranuleName) -> tuple[str, int]:
    return name.release, name.revision


def siblings_of(item: Mapping[str, Any]) -> tuple[str, ...]:
    """Ids of the siblings that an item names, without what is no id."""
    named = (item["properties"].get(name) for name in PROPERTIES)
    return tuple(one for one in named if is_granule_id(one))


def fitting_siblings(granule: str, item: Mapping[str, Any]) -> tuple[str, ...]:
    """As :func:`siblings_of`, without those that a granule of this id cannot have."""
    name = GranuleName.parse(granule)
    if not name.product.counts_photons:
        return ()
    each = ((product, item["properties"].get(sibling_property(product))) for product in NAMED)
    return tuple(
        one
        for product, one in each
        if is_granule_id(one) and fits(GranuleName.parse(one), name, product)
    )


def with_siblings(item: Mapping[str, Any], siblings: Iterable[str]) -> dict[str, Any]:
    """The item with these siblings, and no others, in its properties and links."""
    names = {sibling_property(GranuleName.parse(one).product): one for one in siblings}
    properties: dict[str, Any] = {}
    for name, value in item["properties"].items():
        if name not in PROPERTIES:
            properties[name] = value
        if name == _BEFORE:
            properties |= names
    links = [link for link in item["links"] if not _is_sibling_link(link)]
    links += map(_link, names.values())
    return {**item, "properties": {**properties, **names}, "links": links}


def sibling_links(item: Mapping[str, Any]) -> list[str]:
    """Addresses of an item's links to siblings."""
    return [str(link["href"]) for link in item["links"] if _is_sibling_link(link)]


def _link(granule: str) -> dict[str, str]:
    """All items lie at the same depth."""
    href = f"../../../{path_of(collection_of(granule), granule)}"
    return {"rel": "related", "href": href, "type": _GEOJSON, "title": granule}


def _is_sibling_link(link: Mapping[str, Any]) -> bool:
    return link.get("rel") == "related" and link.get("type") == _GEOJSON
