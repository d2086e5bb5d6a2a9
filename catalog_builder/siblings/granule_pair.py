"""Whether a granule of a sibling product belongs to a granule of ATL03, by their names."""

from __future__ import annotations

from catalog_builder.errors import PairError
from catalog_builder.products.granule_name import GranuleName


def require_pair(granule: GranuleName, name: GranuleName, product: str) -> None:
    """Raise PairError unless the sibling's name fits the granule's.

    That is its product, track, cycle and region, and its release; of a sibling whose name tells
    which ATL03 granule it was made from, that one's release and revision.
    """
    if name.product.short_name != product:
        raise PairError(f"{name.id} is no granule of {product}.")
    if (name.rgt, name.cycle, name.region) != (granule.rgt, granule.cycle, granule.region):
        raise PairError(
            f"{name.id} is of track {name.rgt}, cycle {name.cycle}, region {name.region}; "
            f"{granule.id} of track {granule.rgt}, cycle {granule.cycle}, region {granule.region}."
        )
    source = name.made_from or (name.release, granule.revision)
    if source != (granule.release, granule.revision):
        raise PairError(
            f"{name.id} is made from release {source[0]}"
            + (f", revision {source[1]:02d}" if name.made_from else "")
            + f" of ATL03; {granule.id} is of release {granule.release}, revision "
            f"{granule.revision:02d}: photons of two releases cannot be joined."
        )
