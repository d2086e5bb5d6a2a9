"""Reads what users ask for beside a granule's own datasets: classes of siblings, heights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike, fspath
from os.path import isdir
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from catalog_builder.beams.columns.heights import Height, HeightColumns, parse_heights
from catalog_builder.beams.columns.photon_columns import PhotonColumns
from catalog_builder.beams.references.reference_set import BeamReferences
from catalog_builder.beams.storage.chunk_cache import CacheOption
from catalog_builder.beams.storage.links import Access
from catalog_builder.catalog.stac.layout import ROOT_FILES
from catalog_builder.catalog.stac.sibling_links import fits
from catalog_builder.errors import (
    MissingSiblingError,
    PairError,
    ProductError,
    VariableNotFoundError,
)
from catalog_builder.opening.resolve import ResolvedGranule, resolve
from catalog_builder.products.atl03 import Beam
from catalog_builder.products.facts import CLASSES, product_named
from catalog_builder.products.granule_name import GranuleName, is_granule_id
from catalog_builder.siblings.class_request import ClassRequest, parse_classes
from catalog_builder.siblings.granule_pair import require_pair
from catalog_builder.transport.location import Location

if TYPE_CHECKING:
    from catalog_builder.catalog.index.item_index import ItemIndex
    from catalog_builder.opening.resolve import Granule
    from catalog_builder.siblings.photon_classes import PhotonClassColumns

    Classes = Mapping[str, Any] | str | Sequence[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedRequest:
    """Which columns are derived for photons. Made by :meth:`parse`."""

    classes: tuple[ClassRequest, ...] = ()
    of_siblings: Mapping[str, tuple[str, ...]]
    """Further datasets of each sibling, by the key of its classes."""
    heights: tuple[Height, ...] = ()

    @classmethod
    def parse(
        cls,
        variables: Sequence[str] | str | None,
        classes: Classes,
        heights: str | Sequence[str] | None,
    ) -> tuple[Sequence[str] | str | None, DerivedRequest]:
        """The variables of the granule itself, and what is derived.

        Raises :class:`~catalog_builder.errors.PairError` for classes that nothing gives,
        :class:`~catalog_builder.errors.VariableNotFoundError` for variables of a sibling whose
        classes are not asked for, and :class:`~catalog_builder.errors.HeightsError`.
        """
        asked = [replace(one, granules=_opened(one.granules)) for one in parse_classes(classes)]
        names, of_siblings = _divided(variables, [one.key for one in asked])
        more = {key: tuple(dict.fromkeys(paths)) for key, paths in of_siblings.items()}
        return names, cls(classes=tuple(asked), of_siblings=more, heights=parse_heights(heights))

    def columns(self, access: Access = "auto", cache: CacheOption = None) -> list[PhotonColumns]:
        """What the columns are, for a granule without siblings."""
        return [*self._class_columns(access, cache), *self._height_columns]

    @property
    def _height_columns(self) -> list[HeightColumns]:
        return [HeightColumns(heights=self.heights)] if self.heights else []

    def _class_columns(self, access: Access, cache: CacheOption) -> list[PhotonClassColumns]:
        if not self.classes:
            return []
        from catalog_builder.siblings.photon_classes import PhotonClassColumns

        return [
            PhotonClassColumns(
                links=None,
                access=access,
                datasets=self.of_siblings[one.key],
                classes=one.facts,
                product=one.product,
                cache=cache,
            )
            for one in self.classes
        ]

    def columns_of(
        self,
        granule: Granule,
        beams: Sequence[Beam],
        access: Access = "auto",
        cache: CacheOption = None,
    ) -> list[PhotonColumns]:
        """The columns of a granule, whose siblings are found; their references are loaded.

        Raises :class:`~catalog_builder.errors.PairError` where one that is needed is not there,
        or by its name is another granule's.
        """
        found = self._class_columns(access, cache)
        for place, one in enumerate(self.classes):
            sibling = _fitting(granule, _sibling(granule, one), one)
            if sibling is not None:
                found[place] = replace(
                    found[place],
                    links=sibling.links,
                    references=_references(sibling, beams, one, cache),
                )
        return [*found, *self._height_columns]


def _opened(granules: Any) -> Any:
    """The index of a catalog that is named by its address; anything else as it is."""
    if not isinstance(granules, str | PathLike):
        return granules
    where = Location.parse(granules)
    last = PurePosixPath(where.address.partition("?")[0])
    # Unlike Path.is_dir, it raises for no address.
    is_folder = isdir(where.address) if where.is_local else not last.suffix  # noqa: PTH112
    if not is_folder and last.name not in ROOT_FILES:
        return granules
    from catalog_builder.catalog.index.item_index import ItemIndex

    return ItemIndex.open(fspath(granules))


def _references(
    sibling: ResolvedGranule, beams: Sequence[Beam], asked: ClassRequest, cache: CacheOption
) -> dict[Beam, BeamReferences]:
    """Where the bytes of its photons lie, of the beams of which that is known."""
    known = [beam for beam in beams if sibling.has_references(beam)]
    loaded = sibling.granule_references(known, cache) if known else None
    if loaded is None:
        return {}
    from catalog_builder.siblings.planned_sibling import lean_references

    group = asked.facts.label.rpartition("/")[0]
    return {
        beam: lean_references(one, [p for p in one.datasets if p.rpartition("/")[0] == group])
        for beam, one in loaded.beams.items()
    }


def _fitting(
    granule: Granule, sibling: ResolvedGranule | None, asked: ClassRequest
) -> ResolvedGranule | None:
    """The sibling, unless its name is of another granule: then it is none, or PairError."""
    if sibling is None:
        return None
    try:
        own, its = _name_of(granule), GranuleName.parse(_label(sibling))
    except ProductError:
        return sibling  # a file by another name: what it says inside is looked at
    try:
        require_pair(own, its, asked.product)
    except PairError:
        if asked.optional:
            return None
        raise
    return sibling


def _sibling(granule: Granule, asked: ClassRequest) -> ResolvedGranule | None:
    """The sibling of a granule; None where it has none and needs none.

    ``asked.granules`` is one; an index, or a list of several, whose names tell whose they are; a
    mapping by ids of ATL03 granules; or None for the catalog's pairs.
    """
    given = asked.granules
    found: Granule | None
    if given is None:
        found = None if resolve(granule).id is None else _paired(granule, asked)
    elif isinstance(given, Mapping) and all(map(is_granule_id, given)):
        found = given.get(_name_of(granule).id)
    elif hasattr(given, "search"):  # an ItemIndex, which brings shapely and pystac
        found = _paired(granule, asked, given)
    elif isinstance(given, list):
        found = _newest(_name_of(granule), [*given], asked.product)
    else:
        return resolve(given)
    if found is not None:
        return resolve(found)
    if asked.optional:
        return None
    raise PairError(
        f"{_label(granule)} has no granule of {asked.product} that gives its photons classes: "
        f'name one, as in classes={{"{asked.key}": "s3://... or a path or an item"}}, build a '
        f"catalog of {asked.product} too, or let its photons be unclassified: "
        f'"{asked.key}?".'
    )


def _paired(
    granule: Granule, asked: ClassRequest, index: ItemIndex | None = None
) -> Granule | None:
    """The sibling in an index, or in the granule's own catalog; None where none is needed.

    Raises :class:`~catalog_builder.errors.MissingSiblingError` and
    :class:`~catalog_builder.errors.PairError`.
    """
    from catalog_builder.siblings.pairs import sibling_of

    known = resolve(granule)
    try:
        if index is not None:
            named = {"id": _name_of(granule).id, "properties": {}}
            return sibling_of(named, asked.key, index)
        return known.sibling(asked.key)
    except (MissingSiblingError, PairError):
        if asked.optional:
            return None
        raise


def _newest(name: GranuleName, siblings: Sequence[Granule], product: str) -> Granule | None:
    """The highest revision of the siblings that belong to a granule, by their names."""
    pairs: list[tuple[tuple[str, int], int, Granule]] = []
    for one in siblings:
        try:
            its = GranuleName.parse(_label(one))
        except ProductError:
            continue
        if fits(its, name, product_named(product)):
            pairs.append(((its.release, its.revision), len(pairs), one))
    return max(pairs)[2] if pairs else None


def _name_of(granule: Granule) -> GranuleName:
    return GranuleName.parse(_label(granule))


def _label(granule: Granule) -> str:
    """The id of an item, or the address."""
    known = resolve(granule)
    return known.id or known.links.s3 or known.links.https or known.links.local or ""


def _divided(
    variables: Sequence[str] | str | None, keys: Sequence[str]
) -> tuple[Sequence[str] | str | None, dict[str, list[str]]]:
    """Names of the granule's own variables, and of each sibling's: ``atl08/ph_h``."""
    of_siblings: dict[str, list[str]] = {key: [] for key in keys}
    if variables is None:
        return None, of_siblings
    own = []
    for name in [variables] if isinstance(variables, str) else variables:
        key, slash, rest = name.partition("/") if isinstance(name, str) else ("", "", "")
        if slash and key.lower() in CLASSES:
            if key.lower() not in keys:
                raise VariableNotFoundError(
                    f"{name} is of a sibling: ask for its classes, as in classes={key.lower()!r}, "
                    f"or name its granule: classes={{{key.lower()!r}: ...}}."
                )
            of_siblings[key.lower()].append(rest)
        else:
            own.append(name)
    return own, of_siblings
