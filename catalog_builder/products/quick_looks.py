"""Quick looks, and the final granules that replace them, by their names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from catalog_builder.products.facts import PRODUCTS
from catalog_builder.products.granule_name import pass_of

_FINALS: Final = {
    name: product.quick_look_of for name, product in PRODUCTS.items() if product.quick_look_of
}
"""The product of the final granules, by that of quick looks."""


def is_quick_look(name: str) -> bool:
    """Whether what is known to be the id of a granule or a collection is that of quick looks."""
    return _product(name) in _FINALS


def are_replaced(products: Iterable[str]) -> bool:
    """Whether there are quick looks and their final granules among products, by short names."""
    names = {*products}
    return any(_FINALS.get(one) in names for one in names)


def replaced_quick_looks(granules: Iterable[str]) -> dict[str, str]:
    """The quick looks among these granules whose final granule is among them too: its id.

    Granules are what is known to be ids. Both are of the same track, cycle, region and hemisphere;
    they may start at other seconds, and be of other releases. Of several final granules it is the
    one whose id comes last.
    """
    quick_looks: dict[str, list[str]] = defaultdict(list)
    finals: dict[str, str] = {}
    for granule in granules:
        product, hemisphere = _product(granule), granule.partition("_")[0].partition("-")[2]
        key = f"{_FINALS.get(product, product)} {hemisphere} {pass_of(granule)}"
        if product in _FINALS:
            quick_looks[key].append(granule)
        elif product in _FINALS.values():
            finals[key] = max(finals.get(key, ""), granule)
    return {one: finals[key] for key, some in quick_looks.items() if key in finals for one in some}


def _product(granule: str) -> str:
    return granule.partition("_")[0].partition("-")[0]
