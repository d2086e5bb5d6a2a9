"""Raw footprints: a ring of vertices, or a stretch of an orbit, as a record gives them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from catalog_builder.catalog.footprint.long_swaths import MOST_REVOLUTIONS, unfolded
from catalog_builder.errors import FootprintError
from catalog_builder.geo import orbit

Direction = Literal["A", "D"]

HALF_WIDTH: Final = 0.0562
"""Degrees of arc, 6.25 km: half the swath of a record that only names its orbit.

The outer pairs of beams lie 3.3 km from the reference track; the rings in NASA's records are
12.5 km wide (median of 1,408).
"""


@dataclass(frozen=True, slots=True)
class RawFootprint:
    """A ring of vertices, open or closed, in either direction, not split at ±180."""

    x: NDArray[np.float64]
    """Longitudes; degrees along the orbit where the node is known. Shape (n,)."""
    y: NDArray[np.float64]
    """Latitudes; degrees across track where the node is known. Shape (n,)."""
    near: float
    """Argument of latitude, degrees, of the middle of the granule's region: it decides
    between the ascending and the descending pass."""
    node: float | None = None
    """Longitude of the ascending node, degrees; None where it has to be found from the ring."""
    more: tuple[RawFootprint, ...] = ()
    """Further rings, where a granule has several."""


def ring(lon: ArrayLike, lat: ArrayLike, *, near: float) -> RawFootprint:
    """Raw footprint of a ring of vertices; ``lon`` and ``lat`` are degrees, shape (n,)."""
    return RawFootprint(np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64), near)


def rings_of_revolutions(
    rings: Sequence[tuple[ArrayLike, ArrayLike]], *, rgt: int, flown: float
) -> RawFootprint:
    """Raw footprint of a granule of several revolutions, from one or several rings.

    ``rings`` are longitudes and latitudes, degrees, ``rgt`` the first reference ground track, and
    ``flown`` the degrees of flight from start to end by the record's times. Raises
    :class:`~catalog_builder.errors.FootprintError` for rings that do not follow these tracks.
    """
    revolutions = _revolutions(flown)
    found = []
    for lon, lat in rings:
        lons, lats = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
        u, cross, node = unfolded(
            lons, lats, node=orbit.node_of_track(rgt), revolutions=revolutions
        )
        found.append(RawFootprint(u, cross, float(u.mean()), node))
    return replace(found[0], more=tuple(found[1:]))


def _revolutions(flown: float) -> int:
    revolutions = int(np.ceil(flown / 360.0))
    if revolutions > MOST_REVOLUTIONS:
        raise FootprintError(
            f"The record's times span {revolutions:,} revolutions: no granule covers more than "
            f"{MOST_REVOLUTIONS}."
        )
    return max(revolutions, 1)


def orbit_extent(
    *,
    ascending_crossing: float,
    start_latitude: float,
    start_direction: Direction,
    end_latitude: float,
    end_direction: Direction,
    flown: float = 0.0,
) -> RawFootprint:
    """Raw footprint of a record that only names a stretch of a revolution, or of several.

    ``ascending_crossing`` is the longitude, degrees, at which that revolution crossed the equator
    northwards (UMM-G ``SpatialExtent/HorizontalSpatialDomain/Orbit``, whose fields these are).
    ``flown`` is how many degrees of flight the record's times span, where more than one revolution
    is possible: the record's places do not tell of how many the stretch is.
    Raises :class:`~catalog_builder.errors.FootprintError` where there is no such stretch.
    """
    for name, value, limit in (
        ("AscendingCrossing", ascending_crossing, 360.0),
        ("StartLatitude", start_latitude, 90.0),
        ("EndLatitude", end_latitude, 90.0),
    ):
        if not abs(value) <= limit:
            raise FootprintError(f"{name} of the orbit is {value}: not on Earth.")
    start = orbit.argument_of_latitude(start_latitude, ascending=start_direction == "A")
    end = orbit.argument_of_latitude(end_latitude, ascending=end_direction == "A")
    if end <= start:
        end += 360.0
    _revolutions(flown)
    end += 360.0 * max(0.0, np.rint((flown - (end - start)) / 360.0))
    if end - start > 359.0 and flown < 180.0:
        raise FootprintError(
            "The orbit starts and ends at the same place: "
            f"latitude {start_latitude} {start_direction}."
        )
    corners = np.array([start, end, end, start])
    sides = np.array([-HALF_WIDTH, -HALF_WIDTH, HALF_WIDTH, HALF_WIDTH])
    return RawFootprint(corners, sides, (start + end) / 2, ascending_crossing)
