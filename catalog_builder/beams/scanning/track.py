"""Simplifies the ground track of a beam."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

TOLERANCE_M: Final = 250.0
"""Metres that the track may lie from the lines (in longitude and latitude) between points."""

_METRES_PER_DEGREE: Final = 111_195.0
_PRECISION: Final = 5  # decimals: 1 m

Floats = NDArray[np.float64]


def simplified_track(
    lon: Floats, lat: Floats, tolerance: float = TOLERANCE_M
) -> list[tuple[float, float]]:
    """Simplify a track to few of its points, by the algorithm of Douglas and Peucker.

    Longitude and latitude in degrees, in the order of flight, first and last point kept. A track
    that crosses ±180 takes the shorter way from one point to the next.
    ``tolerance`` is in metres.
    """
    if len(lon) == 0:
        return []
    x, y = np.unwrap(lon, period=360.0), lat
    keep = np.zeros(len(x), np.bool_)
    keep[[0, -1]] = True
    spans = [(0, len(x) - 1)]
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        distances = _distances(x[first : last + 1], y[first : last + 1])
        farthest = int(distances.argmax())
        if distances[farthest] * _METRES_PER_DEGREE > tolerance:
            keep[first + farthest] = True
            spans += [(first, first + farthest), (first + farthest, last)]
    return [
        (round(float(a), _PRECISION), round(float(b), _PRECISION))
        for a, b in zip(lon[keep], lat[keep], strict=True)
    ]


def _distances(x: Floats, y: Floats) -> Floats:
    """Distance of points from the line between the first and the last, degrees of latitude."""
    shrink = np.cos(np.radians(y))  # of a degree of longitude, where the point is
    dx, dy = (x[-1] - x[0]) * shrink, y[-1] - y[0]
    px, py = (x - x[0]) * shrink, y - y[0]
    square = dx**2 + dy**2
    along = np.divide(px * dx + py * dy, square, out=np.zeros_like(px), where=square > 0)
    along = np.clip(along, 0.0, 1.0)
    distances: Floats = np.hypot(px - along * dx, py - along * dy)
    return distances
