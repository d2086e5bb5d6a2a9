"""Opens one beam of each of many granules, lazily: a tree with a Dataset a granule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from catalog_builder.beams import dataset
from catalog_builder.beams.lazy import Chunks
from catalog_builder.beams.storage.links import Access
from catalog_builder.beams.storage.logging_in import log_in
from catalog_builder.catalog.stac.beam_assets import photons_of
from catalog_builder.errors import BeamNotFoundError, EmptyBeamError
from catalog_builder.geo.window import Moment
from catalog_builder.opening.derived_columns import DerivedRequest
from catalog_builder.opening.resolve import ResolvedGranule, as_mapping, resolve
from catalog_builder.products.atl03 import Beam, beam_named
from catalog_builder.products.granule_name import product_of

if TYPE_CHECKING:
    import xarray as xr

    from catalog_builder.catalog.index.catalog_location import CatalogLocation
    from catalog_builder.opening.derived_columns import Classes
    from catalog_builder.opening.resolve import Item

AT_ONCE: Final = 16
"""Granules opened at a time: with references each waits for one small file of the catalog."""

_EMPTY: Final = "holds no photon"
_ABSENT: Final = "lacks the beam"


def open_beams(
    items: Iterable[Item],
    beam: str,
    variables: Sequence[str] | None = None,
    bbox: Sequence[float] | str | None = None,
    datetime: Moment | Sequence[Moment] = None,
    *,
    access: Access = "auto",
    chunks: Chunks = "auto",
    catalog: CatalogLocation | None = None,
    classes: Classes = None,
    heights: str | Sequence[str] | None = None,
) -> xr.DataTree:
    """Open one beam of each of these granules, as a tree with a node a granule, by its id.

    ``items`` are STAC items, such as those of an
    :class:`~catalog_builder.catalog.index.item_index.ItemIndex`; where those of ATL03 and of other
    products stand side by side, they are those of ATL03. The nodes are what
    :func:`~catalog_builder.opening.one_granule.open_lazy` gives: dask arrays, each task of which
    reads its own photons. Of granules that have references nothing is read before it is computed,
    unless there is a ``bbox`` or ``datetime``; of others the metadata is. Those that lack the
    beam, or hold no photon of it, are left out: the tree's attribute ``left_out`` names each with
    the reason.

    ``catalog`` is where the catalog lies that items come from which do not say it themselves.
    ``classes`` and ``heights`` are as in
    :func:`~catalog_builder.photons.open_photons.open_photons`. A login is tried once,
    before anything is read. Raises as
    :func:`~catalog_builder.opening.one_granule.open_beam` does.
    """
    import xarray as xr

    beam = beam_named(beam)
    names, derived = DerivedRequest.parse(variables, classes, heights)

    def opened(granule: ResolvedGranule | str) -> xr.Dataset | str:
        if isinstance(granule, str):
            return granule
        try:
            return dataset.open_beam(
                granule.links,
                beam,
                names,
                bbox,
                datetime,
                access,
                chunks,
                granule.beam_references(beam),
                derived=derived.columns_of(granule, [beam], access),
            )
        except EmptyBeamError:
            return _EMPTY
        except BeamNotFoundError:
            return _ABSENT

    granules = [_resolve_unless_empty(item, beam, catalog) for item in _of_photons(items)]
    reads_now = bbox is not None or datetime is not None
    for _, granule in granules:
        # A login that is refused is refused to all: it is tried once, before anything is read.
        if not isinstance(granule, str) and (reads_now or not granule.has_references(beam)):
            log_in(granule.links, access)
            break
    nodes: dict[str, xr.Dataset] = {}
    left_out: dict[str, str] = {}
    with ThreadPoolExecutor(AT_ONCE, "open-beams") as pool:
        results = pool.map(opened, (granule for _, granule in granules))
        for (name, _), result in zip(granules, results, strict=True):
            if isinstance(result, str):
                left_out[name] = result
            else:
                nodes[f"/{_node_name(name)}"] = result
    notes = "; ".join(f"{granule} {reason}" for granule, reason in left_out.items())
    root = xr.Dataset(attrs={"beam": beam, "left_out": notes})
    return xr.DataTree.from_dict({"/": root, **nodes})


def _of_photons(items: Iterable[Item]) -> list[Mapping[str, Any]]:
    """The items; of a catalog that holds other products beside photons, those of photons alone."""
    found = [as_mapping(item) for item in items]
    products = [product_of(str(item.get("id"))) for item in found]
    if any(one is not None and one.counts_photons for one in products):
        return [
            item
            for item, product in zip(found, products, strict=True)
            if product is None or product.counts_photons
        ]
    return found


def _node_name(granule: str) -> str:
    """A name of one node, whatever an item's id is: a slash would make a node within another."""
    name = granule.replace("/", "_")
    return name if name.strip(".") else f"_{name}"


def _resolve_unless_empty(
    item: Mapping[str, Any], beam: Beam, catalog: CatalogLocation | None
) -> tuple[str, ResolvedGranule | str]:
    """The item's id, and its granule; or why its item says that there is nothing to read."""
    photons, granule = photons_of(item), str(item.get("id"))
    if photons and not photons.get(beam):
        return granule, _EMPTY if beam in photons else _ABSENT
    return granule, resolve(item, catalog)
