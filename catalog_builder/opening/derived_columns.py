"""Reads what users ask for beside a granule's own datasets: classes of siblings, heights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from catalog_builder.beams.heights import HeightColumns, parse_heights
from catalog_builder.beams.photon_columns import PhotonColumns
from catalog_builder.beams.storage.links import Access, GranuleLinks
from catalog_builder.errors import PairError, VariableNotFoundError
from catalog_builder.opening.resolve import resolve
from catalog_builder.products.facts import PRODUCTS
from catalog_builder.products.granule_name import product_of
from catalog_builder.siblings.photon_classes import PhotonClassColumns

if TYPE_CHECKING:
    from catalog_builder.opening.resolve import Granule

    Classes = Mapping[str, Granule] | str | Sequence[str] | None

_WITH_CLASSES = {
    name.lower(): product for name, product in PRODUCTS.items() if product.classes is not None
}


def is_sibling(links: GranuleLinks) -> bool:
    """Whether the granule's name begins with a product which is not opened by photon.

    Raises :class:`~catalog_builder.errors.ProductError` for a product that is not opened at all. A
    file by another name is taken for ATL03, and its reader says where it is not.
    """
    product = product_of(links.s3 or links.https or links.local or "")
    return product is not None and not product.counts_photons


def photon_columns(
    variables: Sequence[str] | str | None,
    classes: Classes,
    heights: str | Sequence[str] | None,
    access: Access,
) -> tuple[Sequence[str] | str | None, list[PhotonColumns]]:
    """The variables of the granule itself, and the columns that are derived for its photons.

    Raises :class:`~catalog_builder.errors.PairError` for classes that nothing gives, and
    :class:`~catalog_builder.errors.HeightsError`.
    """
    found: list[PhotonColumns] = []
    granules = _granules(classes)
    names, of_siblings = _divided(variables, granules)
    for key, granule in granules.items():
        product = _WITH_CLASSES[key]
        assert product.classes is not None
        found.append(
            PhotonClassColumns(
                links=resolve(granule).links,
                access=access,
                variables=tuple(of_siblings[key]),
                classes=product.classes,
                product=product.short_name,
            )
        )
    if known := parse_heights(heights):
        found.append(HeightColumns(heights=known))
    return names, found


def _granules(classes: Classes) -> dict[str, Granule]:
    """The granule of each product that gives classes, by its short name in lower case."""
    if classes is None:
        return {}
    if not isinstance(classes, Mapping):
        named = [classes] if isinstance(classes, str) else list(classes)
        key = str(named[0]).strip().lower() if named else "atl08"
        raise PairError(
            f"Classes of {key.upper()} stand in a granule of their own: name it, as in "
            f'classes={{"{key}": "s3://... or a path or an item"}}.'
        )
    granules = {str(key).strip().lower(): granule for key, granule in classes.items()}
    if wrong := [key for key in granules if key not in _WITH_CLASSES]:
        raise PairError(
            f"{wrong[0]!r} gives photons no classes: {' and '.join(_WITH_CLASSES)} do."
        )
    return granules


def _divided(
    variables: Sequence[str] | str | None, granules: Mapping[str, Granule]
) -> tuple[Sequence[str] | str | None, dict[str, list[str]]]:
    """Names of the granule's own variables, and of each sibling's: ``atl08/ph_h``."""
    of_siblings: dict[str, list[str]] = {key: [] for key in granules}
    if variables is None:
        return None, of_siblings
    own = []
    for name in [variables] if isinstance(variables, str) else variables:
        key, slash, rest = name.partition("/")
        if slash and key.lower() in _WITH_CLASSES:
            if key.lower() not in granules:
                raise VariableNotFoundError(
                    f"{name} is of a sibling: name its granule, as in classes={{{key!r}: ...}}."
                )
            of_siblings[key.lower()].append(rest)
        else:
            own.append(name)
    return own, of_siblings
