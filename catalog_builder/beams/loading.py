"""Loads the data of a beam as arrays: the interface, and the loader that reads immediately."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.read.beam_reader import BeamReader, Variable
from catalog_builder.beams.read.delta_time import into_times
from catalog_builder.beams.read.row_slices import RowSlices
from catalog_builder.beams.read.segment_table import SegmentTable


class Loader(Protocol):
    """Gives the arrays of a Dataset, in NumPy or in dask."""

    def rows(self, variable: Variable, rows: RowSlices) -> Any:
        """The values of these rows as stored."""

    def times(self, variable: Variable, rows: RowSlices) -> Any:
        """The times of these rows, of a ``delta_time``."""

    def segment_starts(self, photons: RowSlices) -> Any:
        """Where the segment of each of these photons starts, metres along track."""

    def segment_indices(self, photons: RowSlices, kept: RowSlices) -> Any:
        """Index of each photon's segment among those ``kept``; -1 in no segment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EagerLoader:
    """Gives the data of a beam as NumPy arrays, read immediately."""

    beam: BeamReader
    table: SegmentTable
    known: dict[str, NDArray[Any]]
    """Values of the selected photons that the search has read already: path -> values."""

    def rows(self, variable: Variable, rows: RowSlices) -> NDArray[Any]:
        """The values of these rows as stored."""
        known = self.known.get(variable.path)
        return self.beam.read(variable.path, rows) if known is None else known

    def times(self, variable: Variable, rows: RowSlices) -> NDArray[np.datetime64]:
        """The times of these rows, of a ``delta_time``."""
        return into_times(self.rows(variable, rows))

    def segment_starts(self, photons: RowSlices) -> NDArray[np.float64]:
        """Where the segment of each of these photons starts, metres along track."""
        return self.table.starts(photons)

    def segment_indices(self, photons: RowSlices, kept: RowSlices) -> NDArray[np.int64]:
        """Index of each photon's segment among those ``kept``; -1 in no segment."""
        return self.table.indices(photons, kept)
