"""Dask arrays of columns that are derived for photons: each task derives those of its photons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.columns.photon_columns import (
    PhotonColumns,
    SelectedRows,
    derive_columns,
    opened_columns,
)
from catalog_builder.beams.loading import as_variable
from catalog_builder.beams.read.beam_file import find_beam
from catalog_builder.beams.read.beam_reader import BeamReader, Variable
from catalog_builder.beams.read.photon_search import rows_of
from catalog_builder.beams.read.planned_beam import PlannedBeam
from catalog_builder.beams.read.rejected_references import is_rejected, leave_references
from catalog_builder.beams.read.row_slices import RowSlices
from catalog_builder.beams.read.segment_table import SegmentTable
from catalog_builder.beams.references.reference_set import BeamReferences
from catalog_builder.beams.storage.granule_file import open_hdf5
from catalog_builder.beams.storage.links import Access, GranuleLinks
from catalog_builder.errors import BeamError, SegmentsError
from catalog_builder.products.atl03 import COUNT, INDEX_BEG, SEGMENT_GROUPS, Beam

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnTasks:
    """Makes tasks that derive columns; each opens the granule and its siblings by itself."""

    links: GranuleLinks
    access: Access
    beam: Beam
    references: BeamReferences | None
    derived: tuple[PhotonColumns, ...]

    def columns(self, beam: BeamReader, photons: RowSlices, chunk: int) -> dict[str, xr.Variable]:
        """The columns of these photons, ``chunk`` photons a task; what they are is read now."""
        import dask.array
        from dask.highlevelgraph import HighLevelGraph

        described: dict[str, Variable] = {}
        with opened_columns(beam, self.derived, None) as opened:
            for one in opened:
                described |= one.described()
        total = photons.rows
        parts = [
            photons.part(first, min(first + chunk, total))
            for first in range(0, max(total, 1), chunk)
        ]
        token = uuid4().hex
        read = f"atl03-columns-{token}"
        layer: dict[Any, Any] = {
            (read, number): (partial(derive_part, self, part),)
            for number, part in enumerate(parts)
        }
        array: Any = dask.array.Array  # bears no types
        found: dict[str, xr.Variable] = {}
        for name, variable in described.items():
            key, rest = f"atl03-{name}-{token}", (0,) * (len(variable.shape) - 1)
            columns: dict[Any, Any] = {
                (key, number, *rest): (_column, (read, number), name)
                for number in range(len(parts))
            }
            graph = HighLevelGraph({read: layer, key: columns}, {read: set(), key: {read}})
            chunks = (tuple(one.rows for one in parts), *((size,) for size in variable.shape[1:]))
            like = np.empty((0, *variable.shape[1:]), variable.dtype)
            values = array(graph, key, chunks, meta=like)
            found[name] = as_variable(variable.dims, values, variable.attrs, variable.encoding)
        return found


def _column(columns: Mapping[str, NDArray[Any]], name: str) -> NDArray[Any]:
    return columns[name]


def derive_part(tasks: ColumnTasks, photons: RowSlices) -> dict[str, NDArray[Any]]:
    """A task: the columns of some photons."""
    known = tasks.references
    if known is not None and not is_rejected(known):
        planned = PlannedBeam(links=tasks.links, access=tasks.access, references=known)
        try:
            return _derived(planned, tasks.derived, photons)
        except BeamError as error:
            leave_references(known, error)
    with open_hdf5(tasks.links, tasks.access) as (file, href):
        return _derived(find_beam(file, href, tasks.beam), tasks.derived, photons)


def _derived(
    beam: BeamReader, derived: Sequence[PhotonColumns], photons: RowSlices
) -> dict[str, NDArray[Any]]:
    paths = dict.fromkeys(path for one in derived for path in one.paths)
    segments, table = RowSlices.whole(beam.segment_count), None
    with opened_columns(beam, derived, None) as opened:
        if any(path.rpartition("/")[0] in SEGMENT_GROUPS for path in paths):
            beam.prefetch({INDEX_BEG: segments, COUNT: segments})
            try:
                table = SegmentTable.read(beam, segments, distances=False)
            except SegmentsError:
                table = None  # classes may be joined by the counts
            else:
                segments = table.segments.remaining(photons)
        variables = [beam.variable(path) for path in paths]
        beam.prefetch({one.path: rows_of(one, photons, segments) for one in variables})
        kept: dict[str, NDArray[Any]] = {}

        def read(variable: Variable) -> NDArray[Any]:
            if variable.path not in kept:
                rows = rows_of(variable, photons, segments)
                kept[variable.path] = beam.read(variable.path, rows)
            return kept[variable.path]

        rows = SelectedRows(
            beam=beam,
            photons=photons,
            segments=segments,
            read=read,
            segment_of=None if table is None else partial(table.indices, photons, segments),
        )
        columns, _ = derive_columns(rows, opened)
    return {name: one.values for name, one in columns.items()}
