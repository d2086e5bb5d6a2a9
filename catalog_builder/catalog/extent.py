"""The box around many boxes, on a round Earth."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from catalog_builder.window import Box

ALL_ROUND: Final = 5.0
"""Degrees of longitude: a catalog that leaves out less than this is said to go all round."""


def cover(boxes: ArrayLike, *, all_round: float = ALL_ROUND) -> Box:
    """The narrowest box that covers all of ``boxes``, shape (n, 4): west, south, east, north.

    Any of them, and the result, may cross ±180: then west > east. Degrees; n is at least 1.
    A result that would leave out less than ``all_round`` degrees goes from -180 to 180.
    """
    west, south, east, north = np.asarray(boxes, dtype=np.float64).T
    latitudes = float(south.min()), float(north.max())
    # Go east from box to box: the widest stretch that none covers is what the result leaves out.
    reach = west + np.where(west > east, east + 360 - west, east - west)
    order = np.argsort(west, kind="stable")
    starts, reached = west[order], np.maximum.accumulate(reach[order])
    gaps = np.append(starts[1:], starts[0] + 360) - reached
    widest = int(np.argmax(gaps))
    if gaps[widest] < all_round:
        return -180.0, latitudes[0], 180.0, latitudes[1]
    # The farthest of those that start before the gap: the value itself, not one computed from it.
    farthest = float(east[order][: widest + 1][np.argmax(reach[order][: widest + 1])])
    first = float(starts[(widest + 1) % len(starts)])
    return first, latitudes[0], farthest, latitudes[1]
