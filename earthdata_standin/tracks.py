"""Where the simulated ICESat-2 flies, and when.

A circular orbit inclined by 92° over a turning Earth: 1,387 reference ground tracks, after which
the pattern repeats (one cycle, some 91 days). Positions are geodetic, on the WGS 84 ellipsoid.
The constants marked as fitted come from the times and polygons of real ATL03 granule records.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

TRACKS: Final = 1387
INCLINATION: Final = 92.0
TURN: Final = 91 / TRACKS
"""Degrees the Earth turns below the orbit's plane for each degree of flight."""

PERIOD: Final = 5657.378
"""Seconds from one ascending node to the next; fitted."""

FIRST_NODE: Final = datetime(2018, 9, 28, 16, 20, 44, tzinfo=UTC)
"""When track 1 of cycle 1 began; fitted. No data before :data:`FIRST_DATA`."""

FIRST_DATA: Final = datetime(2018, 10, 13, tzinfo=UTC)

FIRST_LONGITUDE: Final = -0.13
"""Longitude, degrees, of the ascending node of track 1; fitted."""

FIRST_ORBIT: Final = 202
"""Orbits flown since launch when track 1 of cycle 1 began; from a real record."""

SEGMENTS: Final = 2_004_180
"""Geolocation segments of about 20 m in one revolution."""

BEAM_OFFSETS: Final = {
    "gt1l": 3345.0,
    "gt1r": 3255.0,
    "gt2l": 45.0,
    "gt2r": -45.0,
    "gt3l": -3255.0,
    "gt3r": -3345.0,
}
"""Metres to the left of the reference ground track."""

EQUATOR_RADIUS: Final = 6378137.0
FLATTENING: Final = 1 / 298.257223563
_E2 = FLATTENING * (2 - FLATTENING)
_SIN_I = np.sin(np.radians(INCLINATION))
_COS_I = np.cos(np.radians(INCLINATION))


def _u_at(latitude: float, *, ascending: bool) -> float:
    """Degrees of flight since the ascending node, 0 to 360, at a geodetic latitude."""
    geocentric = np.arctan((1 - _E2) * np.tan(np.radians(latitude)))
    u = float(np.degrees(np.arcsin(np.sin(geocentric) / _SIN_I)))
    return u % 360.0 if ascending else 180.0 - u


# A revolution is cut where the product cuts it: not at the same latitudes north and south.
_NORTHWARD = (0.0, 27.0, 59.5, 80.0)
_SOUTHWARD = (0.0, -27.0, -50.0, -79.0)
_CUT_LATITUDES = (*_NORTHWARD, *_NORTHWARD[::-1], *_SOUTHWARD[1:], *_SOUTHWARD[::-1])
_CUTS = (
    0.0,
    *(_u_at(latitude, ascending=True) for latitude in _NORTHWARD[1:]),
    *(_u_at(latitude, ascending=False) for latitude in _NORTHWARD[:0:-1]),
    180.0,
    *(_u_at(latitude, ascending=False) for latitude in _SOUTHWARD[1:]),
    *(_u_at(latitude, ascending=True) for latitude in _SOUTHWARD[:0:-1]),
    360.0,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One region of one revolution: what one granule covers."""

    rgt: int
    """Reference ground track, 1 to 1387."""
    cycle: int
    """Repeat cycle, from 1."""
    region: int
    """1 to 14, in the order of flight; 4 and 11 hold the turns near the poles."""
    late: float = 0.0
    """Seconds behind the simulated schedule; real passes are up to 90 either way."""

    @property
    def u_range(self) -> tuple[float, float]:
        """First and last argument of latitude, degrees of flight since the ascending node."""
        return _CUTS[self.region - 1], _CUTS[self.region]

    @property
    def latitudes(self) -> tuple[float, float]:
        """Nominal latitude, degrees, at start and end."""
        return _CUT_LATITUDES[self.region - 1], _CUT_LATITUDES[self.region]

    @property
    def directions(self) -> tuple[str, str]:
        """``A`` (ascending) or ``D`` at start and end."""
        return "A" if self.region in (1, 2, 3, 4, 12, 13, 14) else "D", (
            "A" if self.region in (1, 2, 3, 11, 12, 13, 14) else "D"
        )

    @property
    def orbit(self) -> int:
        """Orbits flown since launch."""
        return FIRST_ORBIT + self._revolution

    @property
    def node_longitude(self) -> float:
        """Longitude, degrees, of the ascending node that starts the revolution."""
        longitude = FIRST_LONGITUDE - (self.rgt - 1) * 360.0 * TURN
        return (longitude + 180.0) % 360.0 - 180.0

    @property
    def node_time(self) -> datetime:
        """When the revolution starts, at its ascending node."""
        return FIRST_NODE + timedelta(seconds=PERIOD * self._revolution + self.late)

    @property
    def start(self) -> datetime:
        """When the region starts."""
        return self.time_at(self.u_range[0])

    @property
    def end(self) -> datetime:
        """When the region ends."""
        return self.time_at(self.u_range[1])

    @property
    def _revolution(self) -> int:
        return (self.cycle - 1) * TRACKS + self.rgt - 1

    def time_at(self, u: float) -> datetime:
        """When the satellite passes ``u``."""
        return self.node_time + timedelta(seconds=PERIOD * u / 360.0)

    def position(self, u: ArrayLike, left: ArrayLike = 0.0) -> tuple[Floats, Floats]:
        """Longitude (-180 to 180) and geodetic latitude, degrees, of points beside the track.

        ``u`` in degrees of flight; ``left`` in metres, at right angles to the ground track.
        """
        return ground(u, left, self.node_longitude)


def ground(u: ArrayLike, left: ArrayLike, node: float) -> tuple[Floats, Floats]:
    """Longitude (-180 to 180) and geodetic latitude, degrees, beside the track from ``node``."""
    u = np.asarray(u, dtype=np.float64)
    at = _on_ellipsoid(u, node)
    step = 1e-3
    ahead = _on_ellipsoid(u + step, node) - _on_ellipsoid(u - step, node)
    ahead /= np.linalg.norm(ahead, axis=-1, keepdims=True)
    up = at / np.array([1.0, 1.0, 1.0 - _E2])
    up /= np.linalg.norm(up, axis=-1, keepdims=True)
    beside = at + np.asarray(left, dtype=np.float64)[..., None] * np.cross(up, ahead)
    lon = np.degrees(np.arctan2(beside[..., 1], beside[..., 0]))
    # A few km off, the height above the ellipsoid is metres: the surface formula still holds.
    lat = np.degrees(
        np.arctan2(beside[..., 2], (1 - _E2) * np.hypot(beside[..., 0], beside[..., 1]))
    )
    return lon, lat


def distance(u: ArrayLike) -> Floats:
    """Metres along the reference ground track from its ascending node."""
    return np.interp(np.asarray(u, dtype=np.float64), *_flown())


def closest_pass(longitude: float, latitude: float, *, ascending: bool) -> tuple[int, float]:
    """The track that passes nearest to a point, and where on it: (rgt, u in degrees)."""
    u = _u_at(latitude, ascending=ascending)
    nodes = FIRST_LONGITUDE - np.arange(TRACKS) * 360.0 * TURN
    lon, _ = ground(np.array(u), 0.0, 0.0)
    off = (nodes + float(lon) - longitude + 180.0) % 360.0 - 180.0
    return int(np.argmin(np.abs(off))) + 1, u


def region_at(u: float) -> int:
    """The region, 1 to 14, that holds an argument of latitude."""
    return int(np.searchsorted(_CUTS, u % 360.0, side="right"))


@cache
def _flown() -> tuple[Floats, Floats]:
    """A grid over the revolution, degrees, and the metres flown to each of its points."""
    grid = np.linspace(0.0, 360.0, 36_001)
    steps = np.linalg.norm(np.diff(_on_ellipsoid(grid, 0.0), axis=0), axis=-1)
    return grid, np.concatenate([[0.0], np.cumsum(steps)])


def _on_ellipsoid(u: Floats, node: float) -> Floats:
    """Earth-fixed x, y, z in metres of the track's points on the ellipsoid, shape (..., 3)."""
    flown = np.radians(u)
    turned = np.radians(node - TURN * u)
    x, y = np.cos(flown), _COS_I * np.sin(flown)
    direction = np.stack(
        [
            x * np.cos(turned) - y * np.sin(turned),
            x * np.sin(turned) + y * np.cos(turned),
            _SIN_I * np.sin(flown),
        ],
        axis=-1,
    )
    stretched = direction / np.array([1.0, 1.0, 1.0 - FLATTENING])
    points: Floats = direction / np.linalg.norm(stretched, axis=-1, keepdims=True)
    return EQUATOR_RADIUS * points
