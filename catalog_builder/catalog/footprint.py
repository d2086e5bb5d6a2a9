"""Where a granule lies: a ring or an orbit becomes a valid GeoJSON geometry and its box.

A granule's swath is some 12 km wide and thousands of kilometres long, and NASA's records draw it
with as few as nine vertices. Its long edges follow the orbit: neither straight lines nor great
circles, either of which leaves the swath between two vertices. So a ring is taken into the
orbit's own coordinates, where straight edges are the true ones, points are put in where a planar
map needs them, and the way back gives a footprint that planar tools (shapely, GeoPandas, STAC
Browser) read rightly. Rings across ±180 are split there (RFC 7946, section 3.1.9).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from catalog_builder import orbit
from catalog_builder.area import Area
from catalog_builder.errors import FootprintError
from catalog_builder.window import Box

Floats = NDArray[np.float64]
Direction = Literal["A", "D"]
Shape = Polygon | MultiPolygon

TOLERANCE: Final = 0.0004
"""Degrees of arc, 44 m: how far a drawn edge may lie from the true one."""

HALF_WIDTH: Final = 0.0562
"""Degrees of arc, 6.25 km: half the swath of a record that only names its orbit.

The outer pairs of beams lie 3.3 km from the reference track; the rings in NASA's records are
12.5 km wide (median of 1,408).
"""

_FARTHEST: Final = 5.0
"""Degrees of arc that a ring may lie off its track: ATLAS points at most some degrees aside."""

_DIGITS: Final = 5
"""Decimals kept, as in NASA's records: 1.1 m."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """A granule's place on Earth."""

    geometry: dict[str, Any]
    """GeoJSON Polygon or MultiPolygon, exteriors counter-clockwise, split at ±180."""
    bbox: Box
    """West, south, east, north, degrees; west is greater than east where it crosses ±180."""

    def meets(self, box: Box) -> bool:
        """Whether it shares a point with a box; west > east crosses ±180."""
        shape = shapely.geometry.shape(self.geometry)
        return bool(Area.of_box(box).meets(np.array([shape]))[0])


def from_ring(lon: ArrayLike, lat: ArrayLike, *, near: float) -> Footprint:
    """Footprint of a ring of vertices, open or closed, in either sense, unsplit at ±180.

    ``lon`` and ``lat`` are degrees, shape (n,); ``near`` is the argument of latitude, degrees, of
    the middle of the granule's region, for the direction of flight. Raises
    :class:`~catalog_builder.errors.FootprintError` for a ring that cannot be.
    """
    lon, lat = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        raise FootprintError("The ring holds a coordinate that is not a number.")
    if (np.abs(lat) > 90).any() or (np.abs(lon) > 360).any():
        raise FootprintError(
            "The ring leaves the Earth: "
            f"longitudes {lon.min()} to {lon.max()}, latitudes {lat.min()} to {lat.max()}."
        )
    lon, lat = _distinct(lon, lat)
    if len(lon) < 3:
        raise FootprintError(f"The ring has {len(lon)} distinct vertices; it takes at least 3.")
    node = orbit.find_node(lon, lat, near)
    u, cross = orbit.to_orbit(lon, lat, node, near)
    if np.abs(cross).max() > _FARTHEST:
        raise FootprintError(
            f"The ring lies up to {np.abs(cross).max():.1f} degrees off any ICESat-2 track."
        )
    return _from_ribbon(u, cross, node)


def from_orbit_extent(
    *,
    ascending_crossing: float,
    start_latitude: float,
    start_direction: Direction,
    end_latitude: float,
    end_direction: Direction,
) -> Footprint:
    """Footprint of a record that only says which stretch of which revolution it is.

    ``ascending_crossing`` is the longitude, degrees, at which that revolution crossed the equator
    northwards (UMM-G ``SpatialExtent/HorizontalSpatialDomain/Orbit``, whose fields these are).
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
    if end - start > 359.0:
        raise FootprintError(
            "The orbit starts and ends at the same place: "
            f"latitude {start_latitude} {start_direction}."
        )
    corners = np.array([start, end, end, start])
    sides = np.array([-HALF_WIDTH, -HALF_WIDTH, HALF_WIDTH, HALF_WIDTH])
    return _from_ribbon(corners, sides, ascending_crossing)


def _distinct(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """The ring without the vertices that repeat the one before, its closing one included."""
    moved = ((lon - np.roll(lon, 1)) % 360 != 0) | (lat != np.roll(lat, 1))
    return lon[moved], lat[moved]


def _from_ribbon(u: Floats, cross: Floats, node: float) -> Footprint:
    """Footprint of a polygon given in orbit coordinates, shape (n,), not closed."""
    ribbon = Polygon(np.column_stack((u, cross)))
    if not ribbon.is_valid or ribbon.area == 0:
        raise FootprintError(f"The ring is no simple polygon: {shapely.is_valid_reason(ribbon)}.")
    u, cross = _densified(np.append(u, u[0]), np.append(cross, cross[0]), node)
    lon, lat = orbit.from_orbit(u, cross, node)
    lon = np.unwrap(lon, period=360)
    turns = np.floor((lon.min().round(_DIGITS) + 180.0) / 360.0)
    lon = (lon - 360.0 * turns).round(_DIGITS)
    ring = Polygon(np.column_stack((lon, lat.round(_DIGITS))))
    shape = shapely.orient_polygons(_split(_valid(ring)))
    west, south, east, north = ring.bounds
    if east > 180.0:
        east = round(east - 360.0, _DIGITS)
    geometry = _lists(shapely.geometry.mapping(shape))
    return Footprint(geometry=geometry, bbox=(west, south, east, north))


def _split(shape: Shape) -> Shape:
    """The shape, whose longitudes begin in -180 to 180 and may go on beyond, split at 180."""
    if shape.bounds[2] <= 180.0:
        return shape
    before = shape.intersection(shapely.box(-180.0, -90.0, 180.0, 90.0))
    beyond = shape.intersection(shapely.box(180.0, -90.0, 540.0, 90.0))
    beyond = shapely.transform(beyond, lambda points: points - (360.0, 0.0))
    parts = [*_polygons(before), *_polygons(beyond)]
    return shapely.set_precision(MultiPolygon(parts), 10.0**-_DIGITS)


def _polygons(shape: BaseGeometry) -> list[Polygon]:
    """The polygons of a shape, without the lines and points where it only touches a border."""
    parts = getattr(shape, "geoms", [shape])
    return [part for part in parts if isinstance(part, Polygon) and part.area > 0]


def _densified(u: Floats, cross: Floats, node: float) -> tuple[Floats, Floats]:
    """The closed ring with points put in until no edge strays from the map's straight line."""
    while True:
        middle_u, middle_cross = (u[:-1] + u[1:]) / 2, (cross[:-1] + cross[1:]) / 2
        lon, lat = orbit.from_orbit(u, cross, node)
        middle_lon, middle_lat = orbit.from_orbit(middle_u, middle_cross, node)
        step = _half_turn(np.diff(lon))
        aside = _half_turn(middle_lon - lon[:-1]) - step / 2
        above = middle_lat - (lat[:-1] + lat[1:]) / 2
        stray = np.hypot(aside * np.cos(np.radians(middle_lat)), above)
        bent = np.flatnonzero(stray > TOLERANCE)
        if len(bent) == 0:
            return u, cross
        u = np.insert(u, bent + 1, middle_u[bent])
        cross = np.insert(cross, bent + 1, middle_cross[bent])


def _valid(polygon: Polygon) -> Shape:
    """The polygon itself, or mended where rounding made neighbouring edges touch."""
    if polygon.is_valid:
        return polygon
    mended = shapely.make_valid(polygon, method="structure", keep_collapsed=False)
    if mended.is_empty or not isinstance(mended, (Polygon, MultiPolygon)):
        raise FootprintError(f"The ring is no polygon: {shapely.is_valid_reason(polygon)}.")
    return mended


def _half_turn(degrees: Floats) -> Floats:
    """Differences of longitude, taken the short way: -180 to 180."""
    return (degrees + 180.0) % 360.0 - 180.0


def _lists(geometry: dict[str, Any]) -> dict[str, Any]:
    """GeoJSON with lists for tuples, as JSON reads it back."""

    def deep(value: Any) -> Any:
        return [deep(part) for part in value] if isinstance(value, (tuple, list)) else value

    return {"type": geometry["type"], "coordinates": deep(geometry["coordinates"])}
