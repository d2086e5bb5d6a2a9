"""The surface that the signal photons of a beam show: one height for each short stretch of track.

A stretch is 20 m long, as half a segment of ATL06 is, or as long as it takes to hold twenty signal
photons. Its height is the median of its photons; taken again about the line through the first
ones, so that a slope does not count; then the mean of those near it, so that trees do not.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SHORTEST: Final = 20.0
"""Metres of a stretch, at least."""

_WANTED: Final = 20
_FEWEST: Final = 5
"""Photons that a stretch should hold, and without which it has no height."""

_FAR: Final = 4.0
"""Times the median distance of photons from the line: those beyond are of something above."""

_GAP: Final = 10
"""Stretches without a height that interrupt the line."""


def surface_line(distance: Floats, height: Floats) -> tuple[Floats, Floats]:
    """Distances and heights of a line through signal photons, in metres as these are.

    Both are of shape (stretches,), in order; NaN stands where the line is interrupted. Empty where
    there are too few photons.
    """
    if len(distance) < _FEWEST:
        return np.empty(0), np.empty(0)
    order = np.argsort(distance, kind="stable")
    x, h = distance[order], height[order]
    occupied = len(np.unique((x - x[0]) // SHORTEST))
    length = SHORTEST * max(1.0, np.ceil(_WANTED * occupied / len(x)))
    stretch = ((x - x[0]) // length).astype(np.int64)
    numbers, start, counts = np.unique(stretch, return_index=True, return_counts=True)
    middles = np.add.reduceat(x, start) / counts
    first = _medians(stretch, h, start, counts)
    second = first + _medians(stretch, h - np.interp(x, middles, first), start, counts)
    rest = h - np.interp(x, middles, second)
    near = np.abs(rest) <= _FAR * np.median(np.abs(rest))
    stays = np.add.reduceat(near.astype(np.int64), start)
    third = second + np.add.reduceat(np.where(near, rest, 0.0), start) / np.maximum(stays, 1)
    kept = stays >= _FEWEST
    at, line = middles[kept], third[kept]
    breaks = np.flatnonzero(np.diff(numbers[kept]) > _GAP) + 1
    return np.insert(at, breaks, np.nan), np.insert(line, breaks, np.nan)


def _medians(
    stretch: NDArray[np.int64],
    values: Floats,
    start: NDArray[np.intp],
    counts: NDArray[np.intp],
) -> Floats:
    """The median of each stretch, whose values lie together."""
    ordered = values[np.lexsort((values, stretch))]
    medians: Floats = (ordered[start + (counts - 1) // 2] + ordered[start + counts // 2]) / 2
    return medians
