"""Which granules of other products an ATL03 granule's item names: property and link."""

from __future__ import annotations

from catalog_builder.products.granule_name import GranuleName
from catalog_builder.products.product import Product


def sibling_property(product: Product) -> str:
    """The property with the id of the sibling of a product: ``icesat2:atl08``."""
    return f"icesat2:{product.short_name.lower()}"


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
