"""Swaths of a revolution and more: of ATL13 four, of others what records of theirs name.

On a map such a swath crosses itself, and ±180 again and again. So it is cut along the orbit into
pieces that do neither, each is drawn like the swath of a shorter granule, and the pieces are
joined.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from catalog_builder.catalog.footprint.densify import DIGITS
from catalog_builder.catalog.footprint.ragged_rings import RaggedRings
from catalog_builder.errors import FootprintError
from catalog_builder.geo import orbit

Floats = NDArray[np.float64]

LONGEST: Final = 181.0
"""Degrees along the orbit up to which a swath is drawn as one: it does not cross itself."""

_PIECE: Final = 90.0
"""Degrees along the orbit of a piece; they end at the equator and at the turns."""

_SLIVER: Final = 0.01
"""Degrees along the orbit by which a ring may pass a cut without a piece of its own: of less than
is drawn there is no polygon."""

MOST_REVOLUTIONS: Final = 6
"""More than any product's granules cover: what claims more is no granule."""

FARTHEST: Final = 5.0
"""Degrees of arc that a ring may lie off its track: ATLAS points at most a few off nadir."""

_OFF_TRACK: Final = 10.0
"""What a degree off the track costs, in degrees of flight: see :func:`_follow`."""


def cut(rings: RaggedRings) -> tuple[RaggedRings, NDArray[np.intp]]:
    """Rings in orbit coordinates, long ones in pieces, and the number of the ring each is of."""
    lengths = rings.max(rings.x) - rings.min(rings.x)
    if not (lengths > LONGEST).any():
        return rings, np.arange(len(rings))
    x, y, owners = [], [], []
    for number, corners in enumerate(rings.corners()):
        for piece in _pieces(corners) if lengths[number] > LONGEST else [corners]:
            x.append(piece[:, 0].copy())
            y.append(piece[:, 1].copy())
            owners.append(number)
    return RaggedRings.of(x, y), np.array(owners, dtype=np.intp)


def _pieces(corners: Floats) -> list[Floats]:
    whole = shapely.Polygon(corners)
    west, south, east, north = whole.bounds
    first, last = np.floor((west + _SLIVER) / _PIECE), np.ceil((east - _SLIVER) / _PIECE)
    cuts = _PIECE * np.arange(first + 1, last)
    windows = [
        shapely.box(start, south - 1, end, north + 1)
        for start, end in pairwise([west - 1, *cuts, east + 1])
    ]
    parts: Any = shapely.get_parts(shapely.intersection(whole, windows))
    return [
        shapely.get_coordinates(shapely.get_exterior_ring(part))[:-1]
        for part in parts
        if isinstance(part, shapely.Polygon)
    ]


def joined(shapes: Sequence[Any]) -> Any:
    """The polygon, or polygons, that pieces cover together; rounded, counter-clockwise."""
    whole = shapely.union_all(list(shapes), grid_size=10.0**-DIGITS)
    return shapely.orient_polygons(whole)


def unfolded(
    lon: Floats, lat: Floats, *, node: float, revolutions: int
) -> tuple[Floats, Floats, float]:
    """Orbit coordinates of the vertices of a ring along one or several revolutions.

    ``node`` is the longitude of the ascending node of the first revolution, to a few degrees, and
    ``revolutions`` how many there may be. Returns degrees along the orbit, counted on through all
    of them, degrees across track, and the node that fits best. Raises
    :class:`~catalog_builder.errors.FootprintError` for a ring that follows no such track.
    """
    if len(lon) < 3 or not (np.isfinite(lon) & np.isfinite(lat)).all():
        raise FootprintError("The ring holds less than 3 vertices, or what is no number.")
    if (np.abs(lat) > 90).any() or (np.abs(lon) > 360).any():
        raise FootprintError("The ring leaves the Earth.")
    # Far from where it is looked for, a place may be taken for that of the next revolution.
    near = _PIECE * np.arange(-1, 360.0 / _PIECE * revolutions + 2)
    passages = (len(lon), len(near))
    flown, across = orbit.to_orbit(
        np.broadcast_to(lon[:, None], passages), lat[:, None], node, near[None, :]
    )
    across = np.where(np.abs(flown - near) < _PIECE, np.abs(across), np.inf)
    u = flown[np.arange(len(lon)), _follow(flown, across)]
    for _ in range(2):
        (fitted,), u = orbit.find_nodes(lon, lat, u, np.zeros(1, dtype=np.intp))
    u, cross = orbit.to_orbit(lon, lat, fitted, u)
    if np.abs(cross).max() > FARTHEST:
        raise FootprintError(
            f"The ring lies up to {np.abs(cross).max():.1f} degrees off its ICESat-2 track."
        )
    return u, cross, float(fitted)


def _follow(flown: Floats, across: Floats) -> NDArray[np.intp]:
    """Which of its passages each vertex is at, so that the ring follows the track.

    Both are degrees, along the orbit and off the track, of shape (vertices, passages): infinite
    where there is none. Every revolution passes all latitudes, the next one
    some 24° further west, near the poles less: so what follows each other on the ring is near each
    other on the orbit, and all of it near the track. Found by dynamic programming, as the cheapest
    way along the ring.
    """
    cost = _OFF_TRACK * across
    total, back = cost[0], []
    for number in range(1, len(flown)):
        step = np.abs(flown[number][:, None] - flown[number - 1][None, :]) + total[None, :]
        back.append(np.argmin(step, axis=1))
        total = step.min(axis=1) + cost[number]
    passage = [int(np.argmin(total))]
    for choice in reversed(back):
        passage.append(int(choice[passage[-1]]))
    return np.array(passage[::-1], dtype=np.intp)
