"""ICESat-2's orbit as a coordinate system: along the track and across it.

A point on Earth is written as ``(u, cross)``: the argument of latitude u, degrees of flight since
the ascending node, and the angle across track, degrees, positive to the left of the flight.
In these coordinates a granule's swath is a narrow straight ribbon everywhere, the turns at 88°
and the crossings of ±180° included, so that what is hard on a map is plain here.

The satellite flies a circle inclined by 92° while the Earth turns below its plane by
360° * 91 / 1387 a revolution (1,387 revolutions repeat every 91 days)::

    lat = asin(sin i sin u)
    lon = node + atan2(cos i sin u, cos u) - (91 / 1387) u

``lat`` is geocentric here; maps and records hold geodetic latitudes (WGS 84), and the functions
below take and give those. Source: ICESat-2 ATL03 ATBD, section 3 (inclination 92°, 1,387 tracks
in 91 days); the formula is the ground track of a circular orbit, for example Vallado,
Fundamentals of Astrodynamics and Applications, chapter 11.
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

_SIN_I: Final = float(np.sin(np.radians(INCLINATION)))
_COS_I: Final = float(np.cos(np.radians(INCLINATION)))

_FLATTENING: Final = 1 - 0.0066943799901413165
"""1 - e² of WGS 84: tangent of a geocentric latitude over that of the geodetic one."""


def from_orbit(u: ArrayLike, cross: ArrayLike, node: ArrayLike) -> tuple[Floats, Floats]:
    """Longitude and geodetic latitude, degrees, of points in orbit coordinates.

    ``node`` is the longitude of the ascending node, where u is 0: one for all, or each point's
    own. Longitudes are not wrapped to ±180, and jump by 360 wherever the flight passes a multiple
    of half a revolution.
    """
    u, node = np.asarray(u, dtype=np.float64), np.asarray(node, dtype=np.float64)
    flown, aside = np.radians(u), np.radians(np.asarray(cross, dtype=np.float64))
    # Along the node, 90 degrees of flight ahead of it in the orbit's plane, along the normal.
    at_node = np.cos(aside) * np.cos(flown)
    ahead = np.cos(aside) * np.sin(flown)
    normal = np.sin(aside)
    y = ahead * _COS_I - normal * _SIN_I
    z = ahead * _SIN_I + normal * _COS_I
    lat = np.degrees(np.arctan2(z, _FLATTENING * np.hypot(at_node, y)))
    lon = node + np.degrees(np.arctan2(y, at_node)) - TURN * u
    return lon, lat


def to_orbit(
    lon: ArrayLike, lat: ArrayLike, node: ArrayLike, near: ArrayLike, *, steps: int = 6
) -> tuple[Floats, Floats]:
    """Orbit coordinates ``(u, cross)``, degrees, of points given in geodetic degrees.

    ``node`` and ``near`` are one for all, or each point's own. ``near`` is an argument of latitude
    within half a revolution of the point: every revolution passes all latitudes, and this says
    which passage is meant. Each of the ``steps`` leaves a fifteenth of what ``near`` was off.
    """
    lon, node = np.asarray(lon, dtype=np.float64), np.asarray(node, dtype=np.float64)
    near = np.asarray(near, dtype=np.float64)
    equatorial, z = _geocentric(lat)
    u: Floats = np.broadcast_to(near, lon.shape)
    for _ in range(steps):  # the Earth turns 15 times slower than the satellite
        turned = np.radians(lon - node + TURN * u)
        x, y = equatorial * np.cos(turned), equatorial * np.sin(turned)
        flown = np.degrees(np.arctan2(y * _COS_I + z * _SIN_I, x))
        u = near + (flown - near + 180.0) % 360.0 - 180.0
    cross = np.degrees(np.arcsin(np.clip(z * _COS_I - y * _SIN_I, -1.0, 1.0)))
    return u, cross


def find_nodes(
    lon: Floats, lat: Floats, near: Floats, starts: NDArray[np.intp]
) -> tuple[Floats, Floats]:
    """Longitude of the ascending node, degrees, of the revolution that passes some points best.

    Of many sets of points at once, which lie one after the other; ``starts`` are their first
    points. The points of a set lie along one stretch of flight, at least some degrees long, around
    its argument of latitude in ``near``, one a set. Returns the nodes, one a set, and the points'
    arguments of latitude to a hundredth of a degree.
    """
    owner = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(lon)))
    lon, near = np.radians(lon), near[owner]
    equatorial, z = _geocentric(lat)
    u = near
    for _ in range(4):
        # Undo the Earth's turn: then the points lie in the orbit's plane, and the direction in
        # which they spread least is its normal, which points south (inclination above 90).
        turned = lon + np.radians(TURN * u)
        x, y = equatorial * np.cos(turned), equatorial * np.sin(turned)
        products = np.stack((x * x, x * y, x * z, y * y, y * z, z * z))
        xx, xy, xz, yy, yz, zz = np.add.reduceat(products, starts, axis=1)
        spread = np.stack((xx, xy, xz, xy, yy, yz, xz, yz, zz), axis=1).reshape(-1, 3, 3)
        normal = np.linalg.eigh(spread)[1][:, :, 0]
        normal *= np.where(normal[:, 2:] > 0, -1.0, 1.0)
        node = np.arctan2(normal[:, 0], -normal[:, 1])
        cos, sin = np.cos(node)[owner], np.sin(node)[owner]
        ahead = y * cos - x * sin
        flown = np.degrees(np.arctan2(ahead * _COS_I + z * _SIN_I, x * cos + y * sin))
        u = near + (flown - near + 180.0) % 360.0 - 180.0
    nodes: Floats = np.degrees(node)
    return nodes, u


def find_node(lon: ArrayLike, lat: ArrayLike, near: float) -> float:
    """:func:`find_nodes` of one set of points."""
    points = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    (node,), _ = find_nodes(*points, np.array([near]), np.zeros(1, dtype=np.intp))
    return float(node)


def argument_of_latitude(lat: float, *, ascending: bool) -> float:
    """Degrees of flight, 0 to 360, at which the track passes a geodetic latitude.

    Latitudes beyond the turns (88.01°) are taken as the turn itself.
    """
    _, z = _geocentric(lat)
    u = float(np.degrees(np.arcsin(np.clip(z / _SIN_I, -1.0, 1.0))))
    return u % 360.0 if ascending else 180.0 - u


def _geocentric(lat: ArrayLike) -> tuple[Floats, Floats]:
    """Distance from the axis and height above the equator, of points on the unit sphere."""
    tangent = _FLATTENING * np.tan(np.radians(np.asarray(lat, dtype=np.float64)))
    equatorial = 1.0 / np.hypot(1.0, tangent)
    return equatorial, tangent * equatorial
