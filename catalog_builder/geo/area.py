"""An area on Earth, from a box or from polygons, as planar shapes within ±180.

Polygons are GeoJSON (RFC 7946): longitude and latitude in degrees, edges straight on the map.
A polygon across ±180 may come in three ways, and all are accepted: split there, with longitudes
that continue beyond ±180, or with an edge that jumps more than 180° of longitude and is taken the
short way. An edge of exactly 360° goes all round the Earth, as those of a global box do. A ring
around a pole encloses the pole on the side of its mean latitude.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from catalog_builder.errors import WindowError
from catalog_builder.geo.window import Box, box_around, flat_boxes

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

Floats = NDArray[np.float64]

_FARTHEST: Final = 540.0
"""Degrees of longitude. A larger number is no longitude: most likely metres of a projection."""

_MOST_BOUNDS: Final = 16
"""Up to so many polygons each have a bounding box of their own; more share one box."""

_WORLD: Final[Box] = (-180.0, -90.0, 180.0, 90.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """An area on Earth. Plain values: it can be compared, hashed and pickled."""

    text: str
    """The condition it came from, for messages: ``bbox=[1.0, 2.0, 3.0, 4.0]``."""
    bounds: tuple[Box, ...]
    """Planar boxes, west <= east, that together cover it; what lies on ±180 is covered at both."""
    wkb: bytes | None = None
    """Its shapes, a collection of planar ones within ±180; None if the bounds are the area."""

    @classmethod
    def of_box(cls, box: Box) -> Area:
        """The area of a box, whose west > east where it crosses ±180."""
        return cls(text=f"bbox={list(box)}", bounds=tuple(flat_boxes(box)))

    @property
    def box(self) -> Box:
        """The smallest box that holds it: west, south, east, north; west > east across ±180."""
        return box_around(self.bounds)

    def shapes(self) -> list[BaseGeometry]:
        """The area as planar shapes, made anew at each call."""
        import shapely

        if self.wkb is not None:
            return list(shapely.get_parts(shapely.from_wkb(self.wkb)))
        shapes: list[BaseGeometry] = []
        for west, south, east, north in self.bounds:
            corners = [(west, south), (west, north), (east, north), (east, south)]
            # A point or a line where the box has no area.
            shapes.append(shapely.MultiPoint(corners).convex_hull)
        return shapes

    def meets(self, geometries: NDArray[np.object_]) -> NDArray[np.bool_]:
        """Which of these shapely geometries, split at ±180, share a point with it."""
        import shapely

        found = np.zeros(len(geometries), dtype=bool)
        for shape in self.shapes():
            shapely.prepare(shape)
            found |= shapely.intersects(shape, geometries)
        return found

    def holds(self, lon: Floats, lat: Floats) -> NDArray[np.bool_]:
        """Which places, within ±180, lie in it, its edges included; no number lies nowhere."""
        boxed = np.zeros(len(lon), dtype=bool)
        for west, south, east, north in self.bounds:
            boxed |= (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
        if self.wkb is None:
            return boxed
        import shapely

        near = np.flatnonzero(boxed)
        x, y, inside = lon[near], lat[near], np.zeros(len(near), dtype=bool)
        for shape in self.shapes():  # new ones: a prepared shape is for one thread
            shapely.prepare(shape)
            inside |= shapely.intersects_xy(shape, x, y)
        boxed[near] = inside
        return boxed

    def reach(self, degrees: float) -> tuple[Box, ...]:
        """Planar boxes that cover everything within so many degrees of arc of the area."""
        reached: list[Box] = []
        for west, south, east, north in self.bounds:
            south, north = max(south - degrees, -90.0), min(north + degrees, 90.0)
            margin = degrees / max(np.cos(np.radians(max(-south, north))), 1e-9)
            if east - west + 2 * margin >= 360:
                reached.append((-180.0, south, 180.0, north))
            else:
                sides = [(lon + 180.0) % 360.0 - 180.0 for lon in (west - margin, east + margin)]
                reached += flat_boxes((sides[0], south, sides[1], north))
        return tuple(reached)


def parse_area(value: Any) -> Area:
    """Read polygons: a GeoJSON Polygon or MultiPolygon, or features of such.

    ``value`` is a mapping, JSON text, or anything with a ``__geo_interface__``. Raises
    :class:`~catalog_builder.errors.WindowError` for what is not polygonal, and for a ring that
    cannot be: open, crossing itself, not finite, off the Earth.
    """
    import shapely

    geometry = read_geometry(value)
    polygons = geometry["coordinates"]
    if geometry["type"] == "Polygon":
        polygons = [polygons]
    pieces = [piece for rings in polygons for piece in _pieces(rings)]
    flat = [piece for piece in pieces if piece.area > 0]
    surface = shapely.union_all(flat)
    # What only touches ±180 lies at the other sign too, as a line or a point.
    shapes = [surface, *(p for p in pieces if p.area == 0 and not surface.covers(p))]
    bounds = [part.bounds for part in shapely.get_parts(shapes)]
    if len(bounds) > _MOST_BOUNDS:
        bounds = [shape.bounds for shape in shapes]
    west, south, east, north = surface.bounds
    positions = sum(len(ring) for rings in polygons for ring in rings)
    return Area(
        text=f"intersects={geometry['type']} of {positions} positions within "
        f"[{west:g}, {south:g}, {east:g}, {north:g}]",
        bounds=tuple(bounds),
        wkb=shapely.to_wkb(shapely.GeometryCollection(shapes)),
    )


def moved(shapes: Any, degrees: float) -> Any:
    """Shapes, one or an array, moved east on the map by so many degrees."""
    import shapely

    return shapely.transform(shapes, lambda places: places + np.array([degrees, 0.0]))


def read_geometry(value: Any) -> dict[str, Any]:
    """The GeoJSON Polygon or MultiPolygon in a value, as plain lists of longitude and latitude.

    ``value`` and the errors are as in :func:`parse_area`; the rings are not checked yet.
    """
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError as error:
            raise WindowError(f"The polygon is not JSON: {error}.") from error
    if not isinstance(value, Mapping):
        value = getattr(value, "__geo_interface__", value)
    if not isinstance(value, Mapping):
        raise WindowError(
            f"A polygon is a GeoJSON Polygon or MultiPolygon, or a feature of one; not {value!r}."
        )
    kind = value.get("type")
    if kind == "Feature":
        return read_geometry(value.get("geometry"))
    if kind == "FeatureCollection":
        parts = [read_geometry(feature) for feature in value.get("features") or ()]
        polygons: list[Any] = []
        for part in parts:
            whole = part["coordinates"]
            polygons += whole if part["type"] == "MultiPolygon" else [whole]
        if not polygons:
            raise WindowError("The feature collection holds no polygon.")
        return {"type": "MultiPolygon", "coordinates": polygons}
    if kind not in ("Polygon", "MultiPolygon"):
        raise WindowError(f"A {kind} is no polygon: expected a GeoJSON Polygon or MultiPolygon.")
    coordinates = value.get("coordinates")
    try:
        if kind == "Polygon":
            plain: list[Any] = [_positions(ring) for ring in coordinates]  # type: ignore[union-attr]
        else:
            plain = [[_positions(ring) for ring in rings] for rings in coordinates]  # type: ignore[union-attr]
    except (TypeError, ValueError) as error:
        raise WindowError(
            f"The rings of a {kind} are lists of positions, each longitude and latitude: {error}."
        ) from error
    if not plain or not all(plain):
        raise WindowError(f"The {kind} has no ring.")
    return {"type": kind, "coordinates": plain}


def _positions(ring: Iterable[Any]) -> list[list[float]]:
    """Longitude and latitude of each position; a height is dropped."""
    positions = []
    for position in ring:
        lon, lat, *_ = position
        positions.append([float(lon), float(lat)])
    return positions


def _pieces(rings: list[list[list[float]]]) -> list[BaseGeometry]:
    """A polygon, its exterior ring first, as planar pieces within ±180.

    Where it reaches ±180 from one side only, a line or a point stands at the other.
    """
    import shapely

    exterior, *interiors = (_flat(_planar(ring)) for ring in rings)
    holes = shapely.union_all([piece for hole in interiors for piece in hole if piece.area > 0])
    pieces = [piece.difference(holes) for piece in exterior]
    if not any(piece.area > 0 for piece in pieces):
        raise WindowError("The polygon is all hole.")
    return [piece for piece in pieces if not piece.is_empty]


def _planar(ring: list[list[float]]) -> BaseGeometry:
    """The shape that a ring encloses, on a map that continues beyond ±180."""
    import shapely

    lon, lat = np.array(ring, dtype=np.float64).reshape(-1, 2).T
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        raise WindowError("A ring of the polygon holds a coordinate that is not finite.")
    if (np.abs(lat) > 90).any() or (np.abs(lon) > _FARTHEST).any():
        raise WindowError(
            "A ring of the polygon leaves the Earth (positions are longitude, latitude, degrees): "
            f"longitudes {lon.min():g} to {lon.max():g}, "
            f"latitudes {lat.min():g} to {lat.max():g}."
        )
    if len(lon) < 4:
        raise WindowError(f"A ring of the polygon has {len(lon)} positions; it takes at least 4.")
    if lat[0] != lat[-1] or (lon[0] - lon[-1]) % 360 != 0:
        raise WindowError(
            "A ring of the polygon is not closed: it goes "
            f"from {ring[0]} to {ring[-1]}, and must end where it begins."
        )
    x = _unwrapped(lon)
    around = round((x[-1] - x[0]) / 360.0)
    if around == 0:
        return _checked(shapely.Polygon(np.column_stack((x, lat))))
    if abs(around) > 1:
        raise WindowError(f"A ring of the polygon goes round the pole {abs(around)} times.")
    return _cap(x, lat)


def _unwrapped(lon: Floats) -> Floats:
    """Longitudes without jumps: each step is the shorter way round, but steps of 360° stay."""
    steps = np.diff(lon)
    long = (np.abs(steps) > 180) & (steps % 360 != 0)
    turns = np.where(long, np.round(steps / 360), 0.0)
    return lon - 360.0 * np.concatenate(([0.0], np.cumsum(turns)))


def _cap(x: Floats, lat: Floats) -> BaseGeometry:
    """The cap that a ring around a pole encloses, within ±180."""
    import shapely

    turn = x[-1] - x[0]
    # Repeated so often that the ends, where the shape is closed, lie far outside ±180.
    path_x = np.concatenate([x[:-1] + turn * number for number in range(-3, 4)])
    path_y = np.tile(lat[:-1], 7)
    path = shapely.LineString(np.column_stack((path_x, path_y)))
    if not path.is_simple:
        raise WindowError("A ring of the polygon crosses itself on its way round the pole.")
    mean = np.sum(np.diff(x) * (lat[1:] + lat[:-1]) / 2) / turn
    pole = 90.0 if mean >= 0 else -90.0
    ends = [(path_x[-1], pole), (path_x[0], pole)]
    closed = shapely.Polygon([*zip(path_x, path_y, strict=True), *ends])
    within: BaseGeometry = shapely.make_valid(closed).intersection(shapely.box(*_WORLD))
    return within


def _checked(polygon: BaseGeometry) -> BaseGeometry:
    import shapely

    if not polygon.is_valid or polygon.area == 0:
        reason = shapely.is_valid_reason(polygon)
        reason = "it has no area" if reason == "Valid Geometry" else reason
        raise WindowError(f"A ring of the polygon cannot be: {reason}.")
    return polygon


def _flat(shape: BaseGeometry) -> list[BaseGeometry]:
    """The shape, which may extend beyond ±180, as planar pieces within it."""
    import shapely

    west, _, east, _ = shape.bounds
    first, last = int(np.ceil((west - 180) / 360)), int(np.floor((east + 180) / 360))
    if first == last == 0:
        return [shape]
    pieces = []
    for turn in range(first, last + 1):
        away = 360.0 * turn
        strip = shapely.box(-180.0 + away, -90.0, 180.0 + away, 90.0)
        pieces += list(shapely.get_parts(moved(shape.intersection(strip), -away)))
    return [piece for piece in pieces if not piece.is_empty]
