"""Opens one granule, a STAC item or an address: a beam, all beams, or what it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from catalog_builder.beams.storage.logging_in import connecting
from catalog_builder.errors import PairError, ReferencesError
from catalog_builder.opening.resolve import resolve
from catalog_builder.products.atl03 import Beam, beam_named, beams_named

if TYPE_CHECKING:
    import xarray as xr
    from pystac import Item

    from catalog_builder.beams.columns.conditions import Condition
    from catalog_builder.beams.columns.photon_columns import PhotonColumns
    from catalog_builder.beams.description import GranuleDescription
    from catalog_builder.beams.lazy import Chunks
    from catalog_builder.beams.references.granule_references import GranuleReferences
    from catalog_builder.beams.storage.links import Access
    from catalog_builder.geo.window import Moment
    from catalog_builder.opening.derived_columns import Classes
    from catalog_builder.opening.resolve import Granule, References


def open_beam(
    item_or_href: Granule,
    beam: str,
    variables: Sequence[str] | None = None,
    bbox: Sequence[float] | str | None = None,
    datetime: Moment | Sequence[Moment] = None,
    references: References = None,
    access: Access = "auto",
    *,
    classes: Classes = None,
    heights: str | Sequence[str] | None = None,
    where: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """Open one beam of a granule, in memory.

    ``item_or_href`` is a STAC item (pystac's, or its JSON as a dictionary), an ``s3://`` or
    ``https://`` address, or a path; also an item of CMR-STAC, a granule of earthaccess, a record
    of CMR (UMM-G), a file that fsspec opened, or a store of obstore and a path in it. ``beam`` is
    its name in any case.

    ``references`` say where the beam's bytes lie in the file: None takes those that the item
    names; a path, a URL or a loaded set is taken instead; False reads without. Where they cannot
    be used, a :class:`~catalog_builder.errors.ReferencesWarning` says so, and h5py reads the same
    Dataset. Only a path or URL in ``references`` that leads to no reference set raises
    :class:`~catalog_builder.errors.CatalogError` or
    :class:`~catalog_builder.errors.ReferencesError`.

    ``classes`` joins the classes that siblings of the granule give to its photons:
    ``{"atl08": path, address or item}`` names one, or a catalog of them by its index or address;
    ``"atl08=ADDRESS"`` is the same as text. ``"atl08"`` alone looks in the item's own catalog,
    which holds ATL08 only where another tool has put it there. With ``"atl08?"`` photons of a
    granule without one are unclassified; otherwise that is an error. Each adds ``class_atl08``
    (int8, with ``flag_meanings``; -1 where the sibling does not list the photon) and the
    attributes ``atl08_granule`` and ``atl08_without_segment``, the number of the sibling's photons
    near the selection whose segment this file lacks; ``"atl08/ph_h"`` among ``variables`` adds
    that dataset as ``ph_h_atl08``, NaN (or its fill value) where the photon is not listed. ATL24
    brings ``confidence_atl24``, and ``ellipse_h_atl24``, ``lat_ph_atl24`` and ``lon_ph_atl24``,
    which are corrected for refraction.

    ``heights`` adds ``h_geoid`` (``"geoid"``: tide-free), ``h_geoid_mean_tide``
    (``"geoid_mean_tide"``), ``h_sea_surface`` (``"sea_surface"``: less the geoid, ocean tide,
    equilibrium tide and dynamic atmosphere) and ``h_above_dem`` (``"above_dem"``) beside ``h_ph``,
    metres, float64; NaN where the product has no value of a term.

    ``where`` keeps photons that meet conditions, also on these columns
    (``{"class_atl08": ["ground"]}``), as in
    :func:`~catalog_builder.photons.open_photons.open_photons`; segments stay as they are.

    A granule of a sibling product (ATL06, ATL08, ATL24, ...) is opened as
    :func:`catalog_builder.siblings.sibling_dataset.open_sibling_beam` says.

    The other arguments, the Dataset and the errors are those of
    :func:`catalog_builder.beams.dataset.open_beam`. Also raises
    :class:`~catalog_builder.errors.PairError` for a sibling of another granule, and
    :class:`~catalog_builder.errors.HeightsError`.
    """
    beam = beam_named(beam)
    granule = resolve(item_or_href)
    if granule.links.is_sibling:
        if classes is not None or heights is not None or where is not None:
            raise PairError("classes=, heights= and where= are of photons of ATL03.")
        with connecting(granule.links, access):
            known = granule.beam_references(beam, references)
        from catalog_builder.siblings.sibling_dataset import open_sibling_beam

        return open_sibling_beam(granule.links, beam, variables, bbox, datetime, access, known)
    with connecting(granule.links, access), ThreadPoolExecutor(1, "open-beam") as thread:
        # In the same round as the references: what reads is imported, siblings are found.
        asked = thread.submit(
            _Asked.of, item_or_href, beam, variables, classes, heights, where, access
        )
        known = granule.beam_references(beam, references)
        own = asked.result()
    from catalog_builder.beams import dataset

    return dataset.open_beam(
        granule.links,
        beam,
        own.variables,
        bbox,
        datetime,
        access,
        references=known,
        derived=own.columns,
        conditions=own.conditions,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What is asked of a beam."""

    variables: Sequence[str] | str | None
    """Of the granule itself."""
    columns: list[PhotonColumns]
    """What is derived."""
    conditions: Sequence[Condition] = ()
    """What all photons meet."""

    @classmethod
    def of(
        cls,
        granule: Granule,
        beam: Beam,
        variables: Sequence[str] | None,
        classes: Classes,
        heights: str | Sequence[str] | None,
        where: Mapping[str, Any] | None,
        access: Access,
    ) -> _Asked:
        """Read the arguments of :func:`open_beam`, and find the siblings."""
        # The first time this takes as long as the request beside which it is done.
        import_module("catalog_builder.beams.dataset")
        from catalog_builder.opening.derived_columns import DerivedRequest

        names, derived = DerivedRequest.parse(variables, classes, heights)
        columns = derived.columns_of(granule, [beam], access)
        if where is None:
            return cls(variables=names, columns=columns)
        from catalog_builder.beams.columns.conditions import of_columns, parse_where

        found = {name for one in columns for name in one.variables}
        return cls(
            variables=names, columns=columns, conditions=of_columns(parse_where(where), found)
        )


def open_lazy(
    item_or_href: Granule,
    beam: str,
    variables: Sequence[str] | None = None,
    bbox: Sequence[float] | str | None = None,
    datetime: Moment | Sequence[Moment] = None,
    references: References = None,
    access: Access = "auto",
    chunks: Chunks = "auto",
    *,
    classes: Classes = None,
    heights: str | Sequence[str] | None = None,
) -> xr.Dataset:
    """Open one beam as dask arrays: each task reads its own photons, and logs in, by itself.

    ``chunks`` is photons a task, or ``auto``. With a ``bbox`` or ``datetime`` the photons are
    selected now, and read when computed. With neither of them, and with references, nothing of the
    granule is read before it is computed; with ``classes`` the headers of siblings without
    references are. All else is as in :func:`open_beam`.
    """
    beam = beam_named(beam)
    from catalog_builder.beams import dataset
    from catalog_builder.opening.derived_columns import DerivedRequest

    granule = resolve(item_or_href)
    known = granule.beam_references(beam, references)
    names, derived = DerivedRequest.parse(variables, classes, heights)
    columns = derived.columns_of(item_or_href, [beam], access)
    return dataset.open_beam(
        granule.links, beam, names, bbox, datetime, access, chunks, known, derived=columns
    )


def open_granule(
    item_or_href: Granule,
    beams: Sequence[str] | None = None,
    variables: Sequence[str] | None = None,
    bbox: Sequence[float] | str | None = None,
    datetime: Moment | Sequence[Moment] = None,
    *,
    references: Literal[False] | None = None,
    access: Access = "auto",
    chunks: Chunks = None,
) -> xr.DataTree:
    """Open all beams of a granule, or those named, as a tree with one node a beam.

    As :func:`catalog_builder.beams.granule_tree.open_granule`; ``item_or_href`` as in
    :func:`open_beam`. Beams are read by the references that the item names, unless ``references``
    is False.
    """
    from catalog_builder.beams import granule_tree

    names = None if beams is None else beams_named(beams)
    granule = resolve(item_or_href)
    return granule_tree.open_granule(
        granule.links,
        names,
        variables,
        bbox,
        datetime,
        access,
        chunks,
        None if references is False else granule.granule_references(names),
    )


def describe(item_or_href: Granule, *, access: Access = "auto") -> GranuleDescription:
    """What a granule holds, from its file's metadata; ``item_or_href`` as in :func:`open_beam`."""
    from catalog_builder.beams.description import describe as describe_links

    return describe_links(resolve(item_or_href).links, access)


def open_references(item: Item | Mapping[str, Any]) -> GranuleReferences:
    """Load where the bytes of all beams of a granule lie, as its catalog knows it; one request.

    Raises :class:`~catalog_builder.errors.ReferencesError` where the item names no references
    (``catalog-builder index`` makes them) or they are damaged, and
    :class:`~catalog_builder.errors.CatalogError` where they cannot be read.
    """
    granule = resolve(item)
    found = granule.load_all()
    if found is None:
        raise ReferencesError(
            f"{granule.id or 'This granule'} has no references of all its beams: "
            "`catalog-builder index` makes them."
        )
    return found
