"""ICESat-2's orbit as a coordinate system: along the track and across it.

A point on Earth is written as ``(u, cross)``: the argument of latitude u, degrees of flight since
the ascending node, and the angle across track, degrees, positive to the left of the flight.
In these coordinates a granule's swath is a narrow straight strip everywhere, also at the turns at
88° and across ±180°, so that what is hard on a map is simple here.

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

PERIOD: Final = 5657.4
"""Seconds of a revolution, from node to node."""

FIRST_NODE: Final = -0.13
"""Longitude, degrees, of the ascending node of track 1: fits the rings of 1,408 real records to a
tenth of a degree in the median, and to 1.2 where ATLAS points off nadir."""

_TURN_RAD: Final = float(np.radians(TURN))
"""Radians of that turn, a degree of flight."""

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
    flown, across = np.radians(u), np.radians(np.asarray(cross, dtype=np.float64))
    # Components towards the node, towards the point 90 degrees of flight later, and along the
    # normal of the orbit's plane.
    in_plane = np.cos(across)
    at_node, quarter = in_plane * np.cos(flown), in_plane * np.sin(flown)
    normal = np.sin(across)
    y = quarter * _COS_I - normal * _SIN_I
    z = quarter * _SIN_I + normal * _COS_I
    lat = np.degrees(np.arctan2(z, _FLATTENING * np.sqrt(at_node * at_node + y * y)))
    lon = node + np.degrees(np.arctan2(y, at_node)) - TURN * u
    return lon, lat


def to_orbit(
    lon: ArrayLike, lat: ArrayLike, node: ArrayLike, near: ArrayLike, *, steps: int = 5
) -> tuple[Floats, Floats]:
    """Orbit coordinates ``(u, cross)``, degrees, of points given in geodetic degrees.

    ``node`` and ``near`` are one for all, or each point's own. ``near`` is an argument of latitude
    within half a revolution of the point: every revolution passes all latitudes, and this says
    which passage is meant. Each of the ``steps`` reduces the error of u by the factor
    ``TURN * tan(cross)``: 1/10,000 within a swath, 1/170 at 5 degrees from the track.
    """
    lon, node = np.asarray(lon, dtype=np.float64), np.asarray(node, dtype=np.float64)
    near = np.asarray(near, dtype=np.float64)
    equatorial, z = _geocentric(lat)
    east = np.radians(lon - node)
    u: Floats = np.broadcast_to(near, lon.shape)
    for _ in range(steps):
        turned = east + _TURN_RAD * u
        x, y = equatorial * np.cos(turned), equatorial * np.sin(turned)
        flown = np.degrees(np.arctan2(y * _COS_I + z * _SIN_I, x))
        # Near the track u changes by cos i where the longitude does by 1, so that by the change
        # of u the point turns further, and u with it: the sum of a geometric series.
        u = u + _half_turn(flown - u) / (1.0 - TURN * _COS_I)
    cross = np.degrees(np.arcsin(np.clip(z * _COS_I - y * _SIN_I, -1.0, 1.0)))
    return near + _half_turn(u - near), cross


def node_of_track(rgt: int) -> float:
    """Longitude, degrees, not wrapped, of the ascending node of a reference ground track."""
    return FIRST_NODE - (rgt - 1) * 360.0 * TURN


def find_nodes(
    lon: Floats, lat: Floats, near: Floats, starts: NDArray[np.intp]
) -> tuple[Floats, Floats]:
    """Longitude of the ascending node of the revolution that fits a set of points best.

    Takes many sets at once. The points, degrees, come set after set; ``starts`` has the number of
    each set's first point, and ``near`` an argument of latitude, degrees, near the middle of the
    set, or one near each point. The points of a set lie along one stretch of a revolution, or of
    several if ``near`` says so of each, at least some degrees long.
    Returns the nodes, degrees, shape (sets,), and the points' arguments of latitude to a hundredth
    of a degree.
    """
    owner = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(lon)))
    lon, near = np.radians(lon), near[owner] if len(near) == len(starts) else near
    equatorial, z = _geocentric(lat)
    u = near
    for _ in range(3):
        # Undo the Earth's turn: then the points lie in the orbit's plane.
        turned = lon + _TURN_RAD * u
        x, y = equatorial * np.cos(turned), equatorial * np.sin(turned)
        node = _node_of_plane(x, y, z, starts)
        cos, sin = np.cos(node)[owner], np.sin(node)[owner]
        quarter = y * cos - x * sin
        flown = np.degrees(np.arctan2(quarter * _COS_I + z * _SIN_I, x * cos + y * sin))
        u = near + _half_turn(flown - near)
    nodes: Floats = np.degrees(node)
    return nodes, u


def _node_of_plane(x: Floats, y: Floats, z: Floats, starts: NDArray[np.intp]) -> Floats:
    """Longitude, radians, at which the plane of each set of points crosses the equator northwards.

    The points of a set lie on the unit sphere, nearly in one plane through its centre. The plane's
    normal is the direction in which the points spread least, in which the inverse of their scatter
    matrix is largest. Up to a factor, that inverse holds the products of the normal's components.
    """
    products = np.stack((x * x, x * y, x * z, y * y, y * z, z * z))
    xx, xy, xz, yy, yz, zz = np.add.reduceat(products, starts, axis=1)
    inverse_xx, inverse_yy = yy * zz - yz * yz, xx * zz - xz * xz
    inverse_xy, inverse_xz, inverse_yz = xz * yz - xy * zz, xy * yz - xz * yy, xy * xz - xx * yz
    # The horizontal part of the normal is along (sin node, -cos node), forward or backward.
    node: Floats = np.arctan2(-2.0 * inverse_xy, inverse_yy - inverse_xx) / 2.0
    north = inverse_xz * np.sin(node) - inverse_yz * np.cos(node) > 0
    return np.where(north, node + np.pi, node)  # it points south: the inclination is above 90


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


def _half_turn(degrees: Floats) -> Floats:
    """Angles, to within half a turn: -180 to 180."""
    turned: Floats = degrees - 360.0 * np.rint(degrees / 360.0)
    return turned


def _geocentric(lat: ArrayLike) -> tuple[Floats, Floats]:
    """Distance from the axis and height above the equator, of points on the unit sphere."""
    tangent = _FLATTENING * np.tan(np.radians(np.asarray(lat, dtype=np.float64)))
    equatorial = 1.0 / np.sqrt(1.0 + tangent * tangent)
    return equatorial, tangent * equatorial
