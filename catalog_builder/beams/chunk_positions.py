"""Where on Earth, and when, the photons of each stored chunk lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.runs import Bools, Ints, Runs
from catalog_builder.beams.segments import NO_SEGMENT, Segments

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChunkPositions:
    """One row for each chunk of photons, known from the segments that they lie in.

    Positions and times are those of reference photons: a photon lies up to the margins of
    :mod:`catalog_builder.beams.selection` away. Segments without photons count for nothing. A
    chunk that holds no photon with a position has ``south > north``, one without times
    ``start > end``.
    """

    chunk: int
    """Photons a chunk, as ``heights/h_ph`` is stored; the last chunk may hold fewer."""
    photons: int
    """How many there are in all."""
    first_segment: Ints
    """Number of the first photon's segment, 0-based; -1 where no photon is in a segment."""
    last_segment: Ints
    """Number of the last photon's segment."""
    first_lat: Floats
    """Degrees north, of the first segment; NaN where there is none."""
    last_lat: Floats
    """Degrees north, of the last segment; NaN where there is none."""
    first_lon: Floats
    """Degrees east, of the first segment; NaN where there is none."""
    last_lon: Floats
    """Degrees east, of the last segment; NaN where there is none."""
    south: Floats
    """Least latitude, degrees."""
    north: Floats
    """Greatest latitude, degrees."""
    west: Floats
    """Western end of the longitudes, -180 to 180 degrees."""
    east: Floats
    """Eastern end of the longitudes; less than ``west`` where they cross ±180."""
    start: Floats
    """Least ``delta_time``, seconds since 2018-01-01."""
    end: Floats
    """Greatest ``delta_time``, seconds since 2018-01-01."""
    unplaced: Bools
    """Whether the chunk also holds photons of no segment, which may lie anywhere."""

    def __len__(self) -> int:
        """How many chunks there are."""
        return len(self.south)

    @property
    def edges(self) -> Ints:
        """Photon numbers, 0-based, one more than there are chunks."""
        return np.minimum(np.arange(len(self) + 1, dtype=np.int64) * self.chunk, self.photons)

    def rows(self, keep: Bools) -> Runs:
        """The photons of these chunks, one truth for each."""
        return Runs.of_mask(keep, self.edges)
