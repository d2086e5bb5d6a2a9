"""Rings of granule records: the outline of a swath, written as NASA writes it."""

from __future__ import annotations

from typing import Final

import numpy as np

from earthdata_standin.tracks import Pass

HALF_WIDTH: Final = 6_263.0
"""Metres from the track to a real ring's long side; the outer beams lie 3.3 km off."""

_END_MARGIN: Final = 0.046
"""Degrees of flight by which a ring is longer than its pass, at either end."""


def ring(
    flown: Pass,
    rng: np.random.Generator,
    *,
    clockwise: bool = False,
    stretch: tuple[float, float] | None = None,
) -> list[tuple[float, float]]:
    """The closed ring of a swath, (longitude, latitude) rounded to five digits, never split.

    Nine to 51 points: as many on either long side, at places that differ from ring to ring. With
    a ``stretch``, degrees of flight, it is that in place of the region; longer ones have more.
    """
    start, end = stretch or flown.u_range
    start, end = start - _END_MARGIN, end + _END_MARGIN
    a_side = int(np.clip(rng.normal(13, 4), 4, 25)) * max(1, round((end - start) / 30))
    inner = np.linspace(start, end, a_side)[1:-1]
    inner = inner + rng.uniform(-0.3, 0.3, inner.size) * (end - start) / (a_side - 1)
    u = np.concatenate([[start], inner, [end]])
    # Counter-clockwise: out along the right-hand side, home along the left.
    lon, lat = flown.position(
        np.concatenate([u, u[::-1]]), np.repeat([-HALF_WIDTH, HALF_WIDTH], a_side)
    )
    points = [(round(float(x), 5), round(float(y), 5)) for x, y in zip(lon, lat, strict=True)]
    if clockwise:
        points.reverse()
    return [*points, points[0]]
