"""Bounds in space and time of the photons of each stored chunk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PER_DEGREE: Final = 100_000
"""Positions are rounded to 1e-5 degrees, 1 m; boxes outward."""

PER_SECOND: Final = 1_000
"""Times are rounded to milliseconds, outward."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChunkPositions:
    """Bounds of each chunk of photons, from the segments that its photons lie in.

    Every array has one value a chunk. Positions and times are those of the segments' reference
    photons; a photon may lie some kilometres and milliseconds away from them. A chunk without a
    known position has NaN for positions, one without a known time NaN for times, so that no
    comparison with them is true.
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
    """Degrees north, of the first segment's reference photon."""
    last_lat: Floats
    """Degrees north, of the last segment's reference photon."""
    first_lon: Floats
    """Degrees east, of the first segment's reference photon."""
    last_lon: Floats
    """Degrees east, of the last segment's reference photon."""
    south: Floats
    """Least latitude, degrees."""
    north: Floats
    """Greatest latitude, degrees."""
    west: Floats
    """Western end of the longitudes, degrees east, -180 to 180; eastward from here to ``east``."""
    east: Floats
    """Eastern end of the longitudes; less than ``west`` where they cross ±180."""
    start: Floats
    """Least ``delta_time``, seconds since 2018-01-01."""
    end: Floats
    """Greatest ``delta_time``, seconds since 2018-01-01."""
    unplaced: Bools
    """Whether the chunk also holds photons of no segment, or of one whose reference photon has no
    place or time: they may lie anywhere."""

    def __len__(self) -> int:
        """How many chunks there are."""
        return len(self.south)

    @property
    def edges(self) -> Ints:
        """Photon numbers, 0-based, one more than there are chunks."""
        edges: Ints = np.minimum(np.arange(len(self) + 1) * self.chunk, self.photons)
        return edges
