"""The box around many boxes, on a round Earth."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from catalog_builder.geo.window import Box

ALL_ROUND: Final = 5.0
"""Degrees of longitude: a catalog that leaves out less than this is said to go all round."""


def cover(boxes: ArrayLike, *, all_round: float = ALL_ROUND) -> Box:
    """The narrowest box that covers all of ``boxes``, shape (n, 4): west, south, east, north.

    Any of them, and the result, may cross ±180: then west > east. Degrees; n is at least 1.
    A result that would leave out less than ``all_round`` degrees goes from -180 to 180.
    """
    west, south, east, north = np.asarray(boxes, dtype=np.float64).T
    south_most, north_most = float(south.min()), float(north.max())
    order = np.argsort(west, kind="stable")
    west, east = west[order], east[order]
    ends = np.where(west > east, east + 360, east)
    # Go east, twice round: the widest stretch that no box covers is what the result leaves out.
    starts, ends = np.concatenate((west, west + 360)), np.concatenate((ends, ends + 360))
    count = len(west)
    gaps = starts[count:] - np.maximum.accumulate(ends)[count - 1 : -1]
    widest = int(np.argmax(gaps))
    if gaps[widest] < all_round:
        return -180.0, south_most, 180.0, north_most
    last = int(np.argmax(ends[: count + widest])) % count
    return float(west[widest]), south_most, float(east[last]), north_most
