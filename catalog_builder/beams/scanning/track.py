"""The ground track of a beam, simplified."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

TOLERANCE_M: Final = 250.0
"""How far the track may lie from the straight lines, in longitude and latitude, between points."""

_METRES_PER_DEGREE: Final = 111_195.0
_PRECISION: Final = 5  # decimals: 1 m

Floats = NDArray[np.float64]


def simplified_track(
    lon: Floats, lat: Floats, tolerance: float = TOLERANCE_M
) -> list[tuple[float, float]]:
    """The fewest of these points, nearly, that tell the track: Douglas and Peucker's way.

    Longitude and latitude in degrees, in the order of flight, first and last point kept. A track
    across ±180 goes on beyond it from one point to the next by the shorter way, as its points do.
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
        away = _away(x[first : last + 1], y[first : last + 1])
        farthest = int(away.argmax())
        if away[farthest] * _METRES_PER_DEGREE > tolerance:
            keep[first + farthest] = True
            spans += [(first, first + farthest), (first + farthest, last)]
    return [
        (round(float(a), _PRECISION), round(float(b), _PRECISION))
        for a, b in zip(lon[keep], lat[keep], strict=True)
    ]


def _away(x: Floats, y: Floats) -> Floats:
    """How far points lie from the line between the first and the last, degrees of latitude."""
    shrink = np.cos(np.radians(y))  # of a degree of longitude, where the point is
    dx, dy = (x[-1] - x[0]) * shrink, y[-1] - y[0]
    px, py = (x - x[0]) * shrink, y - y[0]
    square = dx**2 + dy**2
    along = np.divide(px * dx + py * dy, square, out=np.zeros_like(px), where=square > 0)
    along = np.clip(along, 0.0, 1.0)
    away: Floats = np.hypot(px - along * dx, py - along * dy)
    return away
