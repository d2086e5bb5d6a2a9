"""What lies within a distance of points, lines and polygons, as polygons.

Distances are metres on a sphere of the Earth's mean radius, within half a percent of those on the
ellipsoid. A line is taken in pieces of at most 50 km; around each, a polygon is drawn on a map
that is true from the middle of the piece (azimuthal equidistant), so that poles and ±180 are no
matter. Edges are straight on the map of longitude and latitude, as those of all areas.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from catalog_builder.errors import WindowError

Floats = NDArray[np.float64]

EARTH_RADIUS: Final = 6_371_008.8
"""Metres: the mean radius of the WGS 84 ellipsoid."""

_PIECE: Final = 50_000.0
"""Metres of a line that are drawn at once."""

_MOST_METRES: Final = 2_000_000.0
"""The largest distance, metres: the maps are true near their middle."""

_QUARTER: Final = 16
"""Edges in a quarter of a circle."""

_MOST_PIECES: Final = 20_000


def surroundings(geometry: Mapping[str, Any], metres: float) -> dict[str, Any]:
    """All within ``metres`` of a GeoJSON geometry, feature or collection, as a MultiPolygon.

    Raises :class:`~catalog_builder.errors.WindowError` for a distance that cannot be, and for a
    geometry without a position on Earth.
    """
    if not 0 < metres <= _MOST_METRES:
        raise WindowError(
            f"A distance around an area is {metres:g} m: expected more than 0, and at most "
            f"{_MOST_METRES / 1000:,.0f} km."
        )
    try:
        parts = [*_parts(geometry)]
    except (RecursionError, TypeError) as error:
        raise WindowError(f"The shapes of the area cannot be read: {error}.") from error
    polygons: list[Any] = []
    for kind, places in parts:
        if kind == "Polygon":
            polygons.append([ring.tolist() for ring in places])
        polygons += (piece for line in places for piece in _along(line, metres))
        if len(polygons) > _MOST_PIECES:
            raise WindowError(
                f"The lines of the area have more than {_MOST_PIECES:,} pieces: simplify them."
            )
    if not polygons:
        raise WindowError("The area has no position: it is empty.")
    return {"type": "MultiPolygon", "coordinates": polygons}


def _parts(geometry: Any) -> Iterator[tuple[str, list[Floats]]]:
    """Each point, line and polygon, and its positions, shape (n, 2), degrees."""
    if not isinstance(geometry, Mapping):
        raise WindowError(f"{geometry!r} is no GeoJSON geometry.")
    kind = geometry.get("type")
    for name in ("features", "geometries"):
        for one in geometry.get(name) or ():
            yield from _parts(one)
    if kind == "Feature":
        yield from _parts(geometry.get("geometry"))
    if kind in ("FeatureCollection", "GeometryCollection", "Feature"):
        return
    places = geometry.get("coordinates")
    try:
        if kind == "Point":
            yield "Point", [_positions([places])]
        elif kind == "MultiPoint":
            yield from (("Point", [_positions([place])]) for place in places or ())
        elif kind == "LineString":
            yield "LineString", [_positions(places)]
        elif kind == "MultiLineString":
            yield from (("LineString", [_positions(line)]) for line in places or ())
        elif kind == "Polygon":
            yield "Polygon", [_positions(ring) for ring in places or ()]
        elif kind == "MultiPolygon":
            for rings in places or ():
                yield "Polygon", [_positions(ring) for ring in rings]
        else:
            raise WindowError(f"A {kind} is no geometry of GeoJSON.")
    except (TypeError, ValueError) as error:
        raise WindowError(f"The positions of a {kind} cannot be read: {error}.") from error


def _positions(places: Any) -> Floats:
    """Longitudes and latitudes, shape (n, 2); longitudes go on where they pass ±180."""
    found = np.array([[float(lon), float(lat)] for lon, lat, *_ in places])
    if not found.size or not np.isfinite(found).all() or (np.abs(found[:, 1]) > 90).any():
        raise WindowError(
            "An area holds a position that is not on Earth: positions are longitude, latitude, in "
            "degrees."
        )
    found[:, 0] = np.unwrap(found[:, 0], period=360)
    return found


def _along(line: Floats, metres: float) -> Iterator[list[list[list[float]]]]:
    """Polygons around a line, or around its only point."""
    import shapely

    if len(line) == 1:
        line = np.repeat(line, 2, axis=0)
    for start, end in pairwise(line):
        steps = max(1, int(np.ceil(_distance(start, end) / _PIECE)))
        places = np.linspace(start, end, steps + 1)
        for first, last in pairwise(places):
            middle = (first + last) / 2
            flat = [_onto_map(place, middle) for place in (first, last)]
            shape = shapely.LineString(flat) if np.any(first != last) else shapely.Point(flat[0])
            # A polygon in a circle lies within it: reach as far out as its edges.
            reach = metres / np.cos(np.pi / 4 / _QUARTER)
            ring = shapely.get_coordinates(shape.buffer(reach, quad_segs=_QUARTER))
            yield [_off_map(ring, middle).tolist()]


def _distance(start: Floats, end: Floats) -> float:
    """Metres from one place to another."""
    lon, lat = np.radians(end - start)
    cosines = np.cos(np.radians([start[1], end[1]])).prod()
    half = np.sin(lat / 2) ** 2 + cosines * np.sin(lon / 2) ** 2
    return float(2 * EARTH_RADIUS * np.arcsin(np.sqrt(min(1.0, half))))


def _onto_map(place: Floats, middle: Floats) -> tuple[float, float]:
    """Metres east and north of the middle, by distance and direction from it."""
    lon, lat = np.radians(place)
    lon0, lat0 = np.radians(middle)
    x = np.cos(lat) * np.sin(lon - lon0)
    y = np.cos(lat0) * np.sin(lat) - np.sin(lat0) * np.cos(lat) * np.cos(lon - lon0)
    away = _distance(middle, place)
    length = float(np.hypot(x, y)) or 1.0
    return away * float(x) / length, away * float(y) / length


def _off_map(flat: Floats, middle: Floats) -> Floats:
    """Longitude and latitude, degrees, of places on the map; the inverse."""
    lon0, lat0 = np.radians(middle)
    away = np.hypot(flat[:, 0], flat[:, 1])
    arc, length = away / EARTH_RADIUS, np.where(away == 0, 1.0, away)
    x, y = flat[:, 0] / length, flat[:, 1] / length
    sine = np.cos(arc) * np.sin(lat0) + y * np.sin(arc) * np.cos(lat0)
    lon = lon0 + np.arctan2(
        x * np.sin(arc), np.cos(lat0) * np.cos(arc) - y * np.sin(lat0) * np.sin(arc)
    )
    places: Floats = np.degrees(np.column_stack((lon, np.arcsin(np.clip(sine, -1, 1)))))
    places[:, 0] = (places[:, 0] + 180) % 360 - 180
    places[-1] = places[0]
    return places
