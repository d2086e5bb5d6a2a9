"""ICESat-2's orbit as a coordinate system: along the track and across it.

A point on Earth is written as ``(u, cross)``: the argument of latitude u, degrees of flight since
the ascending node, and the angle across track, degrees, positive to the left of the flight.
In these coordinates a granule's swath is a narrow straight ribbon everywhere, the turns at 88°
and the crossings of ±180° included, so that what is hard on a map is plain here.

The satellite flies a circle inclined by 92° while the Earth turns below its plane by
360° * 91 / 1387 a revolution (1,387 revolutions repeat every 91 days)::

    lat = asin(sin i sin u)
    lon = node + atan2(cos i sin u, cos u) - (91 / 1387) u

Source: ICESat-2 ATL03 ATBD, section 3 (inclination 92°, 91-day repeat of 1,387 tracks); the
formula is the ground track of a circular orbit, for example Vallado, Fundamentals of
Astrodynamics and Applications, section 11.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

INCLINATION: Final = 92.0
"""Degrees."""

TURN: Final = 91 / 1387
"""Degrees that the Earth turns below the orbit's plane while the satellite flies one degree."""

_SIN_I = np.sin(np.radians(INCLINATION))
_COS_I = np.cos(np.radians(INCLINATION))


def from_orbit(u: ArrayLike, cross: ArrayLike, node: float) -> tuple[Floats, Floats]:
    """Longitude and latitude, degrees, of points in orbit coordinates.

    ``node`` is the longitude of the ascending node, where u is 0. Longitudes are not wrapped:
    they go on past ±180 as the track does, jumping only where it passes a pole.
    """
    u = np.asarray(u, dtype=np.float64)
    a, c = np.radians(u), np.radians(np.asarray(cross, dtype=np.float64))
    # The node direction, the direction 90 degrees of flight ahead, and the orbit's normal.
    ahead = np.cos(c) * np.sin(a)
    x = np.cos(c) * np.cos(a)
    y = ahead * _COS_I - np.sin(c) * _SIN_I
    z = ahead * _SIN_I + np.sin(c) * _COS_I
    lat = np.degrees(np.arctan2(z, np.hypot(x, y)))
    lon = node + np.degrees(np.arctan2(y, x)) - TURN * u
    return lon, lat


def to_orbit(lon: ArrayLike, lat: ArrayLike, node: float, near: float) -> tuple[Floats, Floats]:
    """Orbit coordinates ``(u, cross)``, degrees, of points on Earth.

    ``near`` is an argument of latitude within half a revolution of all the points: the same place
    is flown over on every revolution, and this says which one is meant.
    """
    lon = np.asarray(lon, dtype=np.float64)
    lat = np.radians(np.asarray(lat, dtype=np.float64))
    x0, z = np.cos(lat), np.sin(lat)
    u = np.full(lon.shape, float(near))
    cross = np.zeros(lon.shape)
    for _ in range(8):  # the Earth's turn is small against the flight: each round gains 15 x
        turned = np.radians(lon - node + TURN * u)
        x, y = x0 * np.cos(turned), x0 * np.sin(turned)
        ahead = y * _COS_I + z * _SIN_I
        found = np.degrees(np.arctan2(ahead, x))
        u = near + (found - near + 180.0) % 360.0 - 180.0
        cross = np.degrees(np.arcsin(np.clip(z * _COS_I - y * _SIN_I, -1.0, 1.0)))
    return u, cross
