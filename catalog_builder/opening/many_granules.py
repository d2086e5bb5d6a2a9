"""One beam of each of many granules, lazily: a tree with a Dataset a granule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from catalog_builder.atl03 import is_beam
from catalog_builder.beams import dataset
from catalog_builder.beams.lazy import Chunks
from catalog_builder.beams.storage.links import Access
from catalog_builder.beams.storage.logging_in import log_in
from catalog_builder.catalog.stac.beam_assets import photons_of
from catalog_builder.errors import BeamNotFoundError, EmptyBeamError
from catalog_builder.geo.window import Moment
from catalog_builder.opening.one_granule import as_mapping, find_references, links_of

if TYPE_CHECKING:
    import pystac
    import xarray as xr

    from catalog_builder.catalog.index.catalog_location import CatalogLocation

    Item = pystac.Item | Mapping[str, Any]

AT_ONCE: Final = 16
"""Granules opened at a time: with references each waits for one small file of the catalog."""


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
) -> xr.DataTree:
    """Open one beam of each of these granules, as a tree with a node a granule, by its id.

    ``items`` are STAC items, such as those of an
    :class:`~catalog_builder.catalog.index.item_index.ItemIndex`. The nodes are what
    :func:`~catalog_builder.opening.one_granule.open_lazy` gives: dask arrays, each task of which
    reads its own photons. Of granules that have references nothing is read before it is computed,
    unless there is a ``bbox`` or ``datetime``; of others the metadata is. Those that lack the
    beam, or hold no photon of it, are left out: the tree's attribute ``left_out`` names each with
    the reason.

    ``catalog`` is where the catalog lies that items come from which do not say it themselves.
    Raises as :func:`~catalog_builder.opening.one_granule.open_beam` does.
    """
    import xarray as xr

    def opened(item: Mapping[str, Any]) -> xr.Dataset | str:
        if (reason := _left_out(item, beam)) is not None:
            return reason
        try:
            return dataset.open_beam(
                links_of(item, catalog),
                beam,
                variables,
                bbox,
                datetime,
                access,
                chunks,
                find_references(item, beam, None, catalog),
            )
        except EmptyBeamError:
            return "holds no photon"
        except BeamNotFoundError:
            return "lacks the beam"

    nodes: dict[str, xr.Dataset] = {}
    left_out: dict[str, str] = {}
    known = [as_mapping(item) for item in items]
    for item in known:
        # What is refused to one is refused to all: nothing else is begun.
        by_file = f"references_{beam}" not in item["assets"]
        if (by_file or bbox is not None or datetime is not None) and not _left_out(item, beam):
            log_in(links_of(item, catalog), access)
            break
    with ThreadPoolExecutor(AT_ONCE, "open-beams") as pool:
        for item, found in zip(known, pool.map(opened, known), strict=True):
            if isinstance(found, str):
                left_out[item["id"]] = found
            else:
                nodes[f"/{item['id']}"] = found
    notes = "; ".join(f"{granule} {reason}" for granule, reason in left_out.items())
    root = xr.Dataset(attrs={"beam": beam, "left_out": notes})
    return xr.DataTree.from_dict({"/": root, **nodes})


def _left_out(item: Mapping[str, Any], beam: str) -> str | None:
    """Why nothing is to be read of this granule, where its item says so."""
    photons = photons_of(item)
    if photons and is_beam(beam) and not photons.get(beam):
        return "holds no photon" if beam in photons else "lacks the beam"
    return None
