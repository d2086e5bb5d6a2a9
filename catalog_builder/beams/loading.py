"""Arrays of what is stored in a beam: read now, or, with the same calls, when computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.beam_file import BeamFile, Variable
from catalog_builder.beams.delta_time import to_times
from catalog_builder.beams.runs import Runs
from catalog_builder.beams.segments import Segments


class Loader(Protocol):
    """What a Dataset is filled from: NumPy arrays, or dask arrays."""

    def rows(self, variable: Variable, rows: Runs) -> Any:
        """The values of these rows as stored."""

    def times(self, variable: Variable, rows: Runs) -> Any:
        """The times of these rows, of a ``delta_time``."""

    def per_photon(self, values: NDArray[Any], segments: Segments, photons: Runs) -> Any:
        """Each photon's own of the ``values``, one for each segment and a last one for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EagerLoader:
    """Reads at once."""

    beam: BeamFile
    known: dict[str, NDArray[Any]]
    """Photon-rate values that were read already, to select by them: path -> values."""

    def rows(self, variable: Variable, rows: Runs) -> NDArray[Any]:
        """The values of these rows as stored."""
        known = self.known.get(variable.path)
        return self.beam.read(variable.path, rows) if known is None else known

    def times(self, variable: Variable, rows: Runs) -> NDArray[np.datetime64]:
        """The times of these rows, of a ``delta_time``."""
        return to_times(self.rows(variable, rows))

    def per_photon(self, values: NDArray[Any], segments: Segments, photons: Runs) -> NDArray[Any]:
        """Each photon's own of the ``values``, one for each segment and a last one for none."""
        numbers, counts = segments.repeats(photons)
        return np.repeat(values[numbers], counts)
