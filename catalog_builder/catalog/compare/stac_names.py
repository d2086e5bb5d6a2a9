"""Reads the names of the granules that a STAC API lists for a collection."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from catalog_builder.catalog.compare.granule_names import NameList, Names
from catalog_builder.catalog.footprint.from_geojson import from_geojson
from catalog_builder.errors import FootprintError, ProductError, RecordError
from catalog_builder.products.facts import PHOTONS, product_named
from catalog_builder.products.granule_name import GranuleName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from catalog_builder.catalog.compare.stac_api import StacApi
    from catalog_builder.catalog.definition import Definition
    from catalog_builder.geo.window import Box
    from catalog_builder.products.product import Product
    from catalog_builder.progress import Reporter


class StacNames(NameList):
    """Names of the granules that a STAC API lists for one collection and a definition."""

    def __init__(self) -> None:
        super().__init__()
        self.listed = 0
        """Items that the API listed; across ±180 some come twice."""
        self.matched: int | None = None
        """Number of matching items by the API's own count; None if it gives none."""

    def read(
        self,
        definition: Definition,
        api: StacApi,
        collection: str,
        *,
        known: Names,
        progress: Reporter | None,
    ) -> None:
        """Read all items; for ``known`` granules CMR's footprints, which are better, count."""
        product = product_named(definition.short_name)
        box = definition.bounding_box
        listing = api.items(
            collection, box, definition.temporal, geometry=box is not None, progress=progress
        )
        for item in listing:
            try:
                name = item_name(item, product)
            except RecordError as error:
                self.leave_out(_title(item), str(error))
                continue
            if name.product.short_name != definition.short_name:
                self.leave_out(_title(item), f"{name.id} is of another product.")
            elif box is None:
                self.add(name, inside=True)
            elif known.places(name):  # CMR's footprint says whether it is inside
                self.add(name, inside=False)
            else:
                self.add(name, inside=_meets(item, name, box))
        self.listed, self.matched = listing.read, listing.matched


def item_name(item: Mapping[str, Any], product: Product = PHOTONS) -> GranuleName:
    """Name of an item's granule, from its link to the data; if it has none, from its id.

    Files of other products, which an item may name too, are passed over.

    Ids have many forms (``ATL03_..._007_01.h5_dpyQXxz6``, ``SC:ATL03.006:256325263``). Raises
    :class:`~catalog_builder.errors.RecordError`.
    """
    try:
        assets = (item.get("assets") or {}).values()
        hrefs = [str(asset["href"]).partition("?")[0] for asset in assets if "href" in asset]
        names = set()
        for href in hrefs:
            if href.endswith(".h5"):
                with suppress(ProductError):
                    name = GranuleName.parse(href)
                    if name.product is product:
                        names.add(name)
        if not names:
            names = {GranuleName.parse(str(item["id"]))}
    except (AttributeError, KeyError, TypeError) as error:
        raise RecordError("The item does not follow STAC.") from error
    except ProductError as error:
        raise RecordError(str(error)) from error
    if len(names) > 1:
        ids = ", ".join(sorted(name.id for name in names))
        raise RecordError(f"The item's files are of several granules: {ids}.")
    return names.pop()


def _meets(item: Mapping[str, Any], name: GranuleName, box: Box) -> bool | None:
    """True if the item's own geometry meets the box; None if it cannot be read."""
    try:
        return from_geojson(item.get("geometry"), near=name.middle).meets(box)
    except FootprintError:
        return None


def _title(item: object) -> str:
    return str(item.get("id") or "?") if isinstance(item, dict) else "?"
