"""Tasks in which workers read a beam by its references, or by h5py where those do not fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from functools import partial
from math import prod
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.read.beam_file import read_beam
from catalog_builder.beams.read.beam_reader import SEGMENT_TABLE
from catalog_builder.beams.read.fetch import read_planned
from catalog_builder.beams.read.hdf5 import read_rows
from catalog_builder.beams.read.hdf5_objects import find_dataset
from catalog_builder.beams.read.plan import plan_reads
from catalog_builder.beams.read.planned_beam import PlannedBeam
from catalog_builder.beams.read.rejected_references import (
    is_rejected,
    reject,
    warn_without_references,
)
from catalog_builder.beams.read.row_slices import RowSlices
from catalog_builder.beams.read.segment_table import SegmentTable
from catalog_builder.beams.references.reference_set import BeamReferences
from catalog_builder.beams.storage.granule_file import open_hdf5
from catalog_builder.beams.storage.links import Access, GranuleLinks
from catalog_builder.errors import BeamError, SegmentsError, StaleReferencesError

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedReadTasks:
    """Makes the tasks in which workers read a beam by its references.

    A task carries the references of its own chunks alone. Where they do not fit the granule, the
    worker warns once for that granule and reads the same rows with h5py, if they are still there.
    """

    links: GranuleLinks
    access: Access
    references: BeamReferences

    def rows(self, path: str, rows: RowSlices) -> Callable[[], NDArray[Any]]:
        """A call that reads these rows of a dataset, values as stored."""
        part, inside = _part(self.references, path, rows)
        dataset = self.references.datasets[path]
        return partial(
            _read_rows, self.links, self.access, part, path, inside, rows, dataset.shape
        )

    def table(self, segments: RowSlices) -> Callable[[], SegmentTable]:
        """A call that reads these segments, as if no other held a photon."""
        known = _only(self.references, SEGMENT_TABLE)
        return partial(_read_table, self.links, self.access, known, segments)


def _only(references: BeamReferences, paths: Iterable[str]) -> BeamReferences:
    """The part of the references that reading these datasets whole takes."""
    positions = references.positions
    none: dict[str, Any] = {
        field.name: values[:0]
        for field in fields(positions)
        if isinstance(values := getattr(positions, field.name), np.ndarray)
    }
    return replace(
        references,
        attrs={},
        datasets={path: references.datasets[path] for path in paths},
        positions=replace(positions, **none),
    )


def _part(
    references: BeamReferences, path: str, rows: RowSlices
) -> tuple[BeamReferences, RowSlices]:
    """The references of the chunks that hold these rows, and the rows counted from the first."""
    references = _only(references, [path])
    dataset = references.datasets[path]
    if dataset.inline is None and len(dataset.offsets) > 1:
        length, across = dataset.chunk_shape[0], prod(dataset.grid[1:])
        first = int(rows.start[0]) // length if len(rows) else 0
        last = -(-int(rows.stop[-1]) // length) if len(rows) else 0
        before, after = first * length, min(last * length, dataset.shape[0])
        chunks = slice(first * across, last * across)
        dataset = replace(
            dataset,
            shape=(after - before, *dataset.shape[1:]),
            offsets=dataset.offsets[chunks],
            sizes=dataset.sizes[chunks],
            filter_masks=dataset.filter_masks[chunks],
        )
        rows = RowSlices(start=rows.start - before, stop=rows.stop - before)
    dataset = replace(dataset, attrs={})
    return replace(references, datasets={path: dataset}), rows


def _planned_or_plain(
    references: BeamReferences, planned: Callable[[], T], plain: Callable[[], T]
) -> T:
    """The planned read; where its references do not fit the granule, the same read by h5py."""
    if not is_rejected(references):
        try:
            return planned()
        except BeamError as error:
            if reject(references):
                warn_without_references(error)
    return plain()


def _read_rows(
    links: GranuleLinks,
    access: Access,
    references: BeamReferences,
    path: str,
    inside: RowSlices,
    rows: RowSlices,
    shape: tuple[int, ...],
) -> NDArray[Any]:
    def planned() -> NDArray[Any]:
        return read_planned(links, plan_reads(references, {path: inside}), access)[path]

    def plain() -> NDArray[Any]:
        with open_hdf5(links, access) as (file, href):
            dataset = find_dataset(file, f"{references.beam}/{path}")
            dtype = references.datasets[path].dtype
            if dataset is None or dataset.shape != shape or dataset.dtype != dtype:
                raise _replaced(href)
            return read_rows(dataset, rows)

    return _planned_or_plain(references, planned, plain)


def _read_table(
    links: GranuleLinks, access: Access, references: BeamReferences, segments: RowSlices
) -> SegmentTable:
    beam = PlannedBeam(links=links, access=access, references=references)

    def planned() -> SegmentTable:
        beam.prefetch(dict.fromkeys(SEGMENT_TABLE, segments))
        try:
            return SegmentTable.read(beam, segments)
        except SegmentsError:
            return plain()  # the file itself tells whether they are wrong, or the references

    def plain() -> SegmentTable:
        with open_hdf5(links, access) as (file, href):
            reader = read_beam(file, href, references.beam)
            if (reader.photons, reader.segment_count) != (beam.photons, beam.segment_count):
                raise _replaced(href)
            return SegmentTable.read_known(reader, segments, f"{href} {reader.beam}")

    return _planned_or_plain(references, planned, plain)


def _replaced(href: str) -> StaleReferencesError:
    return StaleReferencesError(
        f"{href} was replaced since its beam was opened by references: open it again, with "
        "references=False."
    )
