"""Opens a granule as a tree with a Dataset for each beam."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from catalog_builder.beams.dataset import beam_dataset
from catalog_builder.beams.lazy import Chunks, FileReadTasks, photons_per_task
from catalog_builder.beams.read.beam_file import beams_in, find_beam, granule_name, read_beam
from catalog_builder.beams.read.beam_reader import granule_attributes
from catalog_builder.beams.read.planned_beam import PlannedBeam
from catalog_builder.beams.read.planned_read_tasks import PlannedReadTasks
from catalog_builder.beams.read.rejected_references import leave_references
from catalog_builder.beams.read.selection import Selection
from catalog_builder.beams.references.granule_references import GranuleReferences
from catalog_builder.beams.requested_variables import RequestedVariables
from catalog_builder.beams.storage.granule_file import open_hdf5
from catalog_builder.beams.storage.links import Access, GranuleLinks
from catalog_builder.errors import BeamError, BeamNotFoundError, EmptyBeamError
from catalog_builder.geo.window import Moment
from catalog_builder.products.atl03 import BEAMS, Beam, beams_named

if TYPE_CHECKING:
    import xarray as xr

_ABSENT: Final = "not in the granule"
_EMPTY: Final = "holds no photon"


def open_granule(
    links: GranuleLinks,
    beams: Sequence[str] | None = None,
    variables: Sequence[str] | None = None,
    bbox: Sequence[float] | str | None = None,
    datetime: Moment | Sequence[Moment] = None,
    access: Access = "auto",
    chunks: Chunks = None,
    references: GranuleReferences | None = None,
) -> xr.DataTree:
    """Open the beams of a granule, all or those named, as a tree with one node a beam.

    The nodes are what :func:`~catalog_builder.beams.dataset.open_beam` returns. Beams that the
    granule lacks, or that hold no photon, are left out: the tree's attribute ``left_out`` names
    each with the reason. With ``references`` of all requested beams, each beam is read in one
    round of requests. Raises as ``open_beam`` does, and where no beam remains.
    """
    selection, requested = Selection.parse(bbox, datetime), RequestedVariables.parse(variables)
    chunk = photons_per_task(chunks)
    wanted = beams_named(BEAMS if beams is None else beams)
    if references is not None:
        tree = _by_references(links, access, wanted, references, requested, selection, chunk)
        if tree is not None:
            return tree
    nodes: dict[str, xr.Dataset] = {}
    left_out: dict[str, str] = {}
    with open_hdf5(links, access) as (file, href):
        there = beams_in(file, href)
        attrs = granule_attributes(granule_name(file, href), href)
        for beam in wanted:
            if beam not in there:
                left_out[beam] = _ABSENT
                continue
            try:
                reader = find_beam(file, href, beam)
            except EmptyBeamError:
                left_out[beam] = read_beam(file, href, beam).why_empty
                continue
            tasks = FileReadTasks(links=links, access=access, beam=reader.beam)
            nodes[beam] = beam_dataset(reader, requested, selection, tasks, chunk)
    if not nodes:
        raise BeamNotFoundError(
            f"{href} has none of the requested beams: {_listed(left_out) or 'none'}."
        )
    return _tree(attrs, nodes, left_out)


def _by_references(
    links: GranuleLinks,
    access: Access,
    wanted: Sequence[Beam],
    references: GranuleReferences,
    requested: RequestedVariables,
    selection: Selection,
    chunk: int | None,
) -> xr.DataTree | None:
    """The tree, by planned reads; None where h5py must read the granule, or raise."""
    planned = {
        beam: PlannedBeam(links=links, access=access, references=known)
        for beam, known in references.beams.items()
        if beam in wanted
    }
    if not planned:
        return None
    nodes: dict[str, xr.Dataset] = {}
    try:
        for beam, reader in planned.items():
            reader.require(beam)
            if not reader.covers(requested.needed(reader)):
                return None
        for beam, reader in planned.items():
            tasks = PlannedReadTasks(links=links, access=access, references=reader.references)
            nodes[beam] = beam_dataset(reader, requested, selection, tasks, chunk)
    except BeamError as error:
        leave_references(reader.references, error, calls=4)
        return None
    left_out: dict[str, str] = {
        beam: _EMPTY if beam in references.empty else _ABSENT
        for beam in wanted
        if beam not in nodes
    }
    in_order: dict[str, xr.Dataset] = {beam: nodes[beam] for beam in wanted if beam in nodes}
    return _tree(reader.granule_attributes(), in_order, left_out)


def _tree(
    attrs: Mapping[str, Any], nodes: Mapping[str, xr.Dataset], left_out: Mapping[str, str]
) -> xr.DataTree:
    import xarray as xr

    root = xr.Dataset(attrs={**attrs, "left_out": _listed(left_out)})
    below = {f"/{beam}": node for beam, node in nodes.items()}
    return xr.DataTree.from_dict({"/": root, **below}, name=attrs["granule"])


def _listed(left_out: Mapping[str, str]) -> str:
    return "; ".join(f"{beam} {reason}" for beam, reason in left_out.items())
