"""An area as users give it: a box, shapes in many forms, files, and what lies around them."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from catalog_builder.errors import WindowError
from catalog_builder.extras import needing
from catalog_builder.geo.area import Area, parse_area, read_geometry
from catalog_builder.geo.surroundings import surroundings
from catalog_builder.geo.window import Box, parse_box
from catalog_builder.system_files import require_file

_JSON: Final = (".json", ".geojson")
_PARQUET: Final = (".parquet", ".geoparquet")
_DEGREES: Final = ("CRS84", "4326", "4979")
_WKT: Final = re.compile(
    r"(?:SRID=\d+;)?\s*(?:(?:MULTI)?(?:POINT|LINESTRING|POLYGON)|GEOMETRYCOLLECTION)\b", re.I
)
_AROUND: Final = re.compile(r"(?P<shape>.*?)\s*\+\s*(?P<number>[\d.]+)\s*(?P<unit>k?m)\s*", re.S)
_ADDRESS: Final = re.compile(r"[a-z][a-z0-9+.-]+:/", re.I)
_UNITS: Final = {"m": 1.0, "km": 1000.0}


def read_area(value: Any) -> Area:
    """Read an area: a box, polygons, what lies within a distance of any shape, or a file.

    A box is four numbers, west, south, east, north, or ``"W,S,E,N"``. Shapes are GeoJSON (a
    mapping or text), WKT, or anything with a ``__geo_interface__``: of shapely, or of geopandas,
    which is transformed to longitude and latitude from the CRS that it names. A file is GeoJSON,
    GeoParquet, or of any format that geopandas reads. What names no CRS is in degrees.

    Points and lines, and polygons too, are given with a distance: the shape and metres, as in
    ``((-134.5, 58.6), 5000)`` or ``(glacier, 500)``, or as text, ``"-134.5,58.6 + 5 km"``,
    ``"centreline.geojson + 500 m"``.

    Raises :class:`~catalog_builder.errors.WindowError` for an area that cannot be, as
    :func:`~catalog_builder.geo.area.parse_area` and
    :func:`~catalog_builder.geo.window.parse_box` do, and for a file that cannot be read;
    :class:`~catalog_builder.errors.MissingExtraError` for a file that takes geopandas.
    """
    if isinstance(value, Area):
        return value
    shape = read_shape(value)
    return parse_area(shape) if isinstance(shape, dict) else Area.of_box(shape)


def read_shape(value: Any) -> Box | dict[str, Any]:
    """As :func:`read_area`, but plain values: a box, or a GeoJSON Polygon or MultiPolygon.

    The rings of polygons are not checked yet.
    """
    if value is None:
        raise WindowError("No area is given: a box, a polygon, or a file with polygons.")
    found = _with_distance(value)
    if found is None:
        shape = _shape(value)
        return shape if isinstance(shape, tuple) else read_geometry(_areal(shape))
    inner, metres = found
    shape = _place(inner)
    if isinstance(shape, tuple):
        west, south, east, north = shape
        east += 360.0 * (west > east)
        if west == east and south == north:
            shape = {"type": "Point", "coordinates": [west, south]}
        else:
            corners = [[west, south], [east, south], [east, north], [west, north], [west, south]]
            shape = {"type": "Polygon", "coordinates": [corners]}
    return surroundings(shape, metres)


def _with_distance(value: Any) -> tuple[Any, float] | None:
    """The shape and the metres around it; None of what is given without a distance."""
    if isinstance(value, str):
        found = None if "{" in value else _AROUND.fullmatch(value)
        if found is None:
            return None
        try:
            return found["shape"], float(found["number"]) * _UNITS[found["unit"].lower()]
        except ValueError as error:
            raise WindowError(f"{found['number']} is no distance: write 500 m, 5 km.") from error
    if isinstance(value, Sequence) and not isinstance(value, bytes) and len(value) == 2:
        shape, metres = value
        plain = isinstance(shape, str | os.PathLike | Mapping | Sequence)
        if plain or hasattr(shape, "__geo_interface__") or hasattr(shape, "to_crs"):
            try:
                return shape, float(metres)
            except (TypeError, ValueError) as error:
                raise WindowError(
                    f"{metres!r} is no distance around an area: expected metres."
                ) from error
    return None


def _place(value: Any) -> Box | Mapping[str, Any]:
    """As :func:`_shape`, and a point: longitude and latitude, degrees."""
    parts = value.split(",") if isinstance(value, str) else value
    if isinstance(parts, Sequence) and len(parts) == 2:
        try:
            lon, lat = map(float, parts)
        except (TypeError, ValueError):
            return _shape(value)
        if not (math.isfinite(lon) and math.isfinite(lat)):
            raise WindowError(f"{value!r} is no point: expected longitude, latitude in degrees.")
        return {"type": "Point", "coordinates": [lon, lat]}
    return _shape(value)


def _shape(value: Any) -> Box | Mapping[str, Any]:
    """The box, or GeoJSON in degrees with shapes of any kind."""
    if isinstance(value, os.PathLike):
        return _read_file(Path(value))
    if isinstance(value, str):
        if "{" in value:
            return _in_degrees(_json(value))
        if _WKT.match(value.strip()):
            return _of_wkt(value.strip())
        return _read_file(Path(value)) if _is_file(value) else parse_box(value)
    if isinstance(value, Mapping):
        return _in_degrees(value)
    if hasattr(value, "to_crs"):
        return _of_geopandas(value)
    if hasattr(value, "__geo_interface__"):
        return dict(value.__geo_interface__)
    if isinstance(value, Sequence) or hasattr(value, "__array__"):
        return parse_box(list(value))
    raise WindowError(f"{value!r} is no area: expected a box, a polygon, or a file with polygons.")


def _areal(shape: Mapping[str, Any]) -> Mapping[str, Any]:
    """The shape; raises where it is a point or a line, of which no distance is given."""
    kind = str(shape.get("type"))
    if kind.endswith(("Point", "LineString")):
        raise WindowError(
            f"A {kind} has no area: give a distance around it too, as in (shape, 500) for 500 m, "
            "or as text 'shape + 500 m'."
        )
    return shape


def _is_file(text: str) -> bool:
    try:
        parse_box(text)
    except WindowError:
        return bool(Path(text).suffix) and any(letter.isalpha() for letter in text)
    return False


def _json(text: str, what: str = "The polygon") -> Mapping[str, Any]:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise WindowError(f"{what} is not JSON: {error}.") from error
    if not isinstance(value, Mapping):
        raise WindowError(f"A polygon is a GeoJSON object; not {text[:40]!r}.")
    return value


def _of_wkt(text: str) -> Mapping[str, Any]:
    import shapely

    srid, found, rest = text.partition(";")
    if found and srid.upper().removeprefix("SRID=") not in _DEGREES:
        raise WindowError(f"The WKT is in {srid}: give longitude and latitude in degrees (4326).")
    try:
        shape = shapely.from_wkt(rest if found else text)
    except shapely.errors.ShapelyError as error:
        raise WindowError(f"{text[:80]!r} is not WKT: {error}.") from error
    return dict(shapely.geometry.mapping(shape))


def _in_degrees(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """The value; raises where an old GeoJSON names another CRS than longitude and latitude."""
    crs = value.get("crs")
    name = str((crs.get("properties") or {}).get("name", "")) if isinstance(crs, Mapping) else ""
    if name and not name.endswith(_DEGREES):
        raise WindowError(
            f"The GeoJSON is in {name}: read it with geopandas, which transforms it "
            "(geopandas.read_file), or give longitude and latitude in degrees."
        )
    return value


def _of_geopandas(value: Any) -> Mapping[str, Any]:
    if len(value) == 0:
        raise WindowError("The table of areas is empty.")
    shapes = value if value.crs is None else value.to_crs("OGC:CRS84")
    geometry = shapes.geometry
    if geometry.is_empty.all():
        raise WindowError("All shapes of the table are empty.")
    kept: Mapping[str, Any] = geometry[~geometry.is_empty & geometry.notna()].__geo_interface__
    return kept


def _read_file(path: Path) -> Mapping[str, Any]:
    if _ADDRESS.match(str(path)):
        raise WindowError(
            f"No area can be read from {str(path).partition('?')[0]}: an area is read from a file "
            "of this machine, so download it first."
        )
    try:
        # Formats of geopandas may be folders: of shapefiles, a .gdb.
        require_file(path, folder=path.suffix.lower() not in _JSON)
        if path.suffix.lower() in _JSON:
            return _in_degrees(_json(path.read_text(encoding="utf-8"), str(path)))
    except FileNotFoundError as error:
        raise WindowError(f"No area can be read from {path}: there is no such file.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise WindowError(f"No area can be read from {path}: {error}.") from error
    with needing("geo", f"{path}, which is not GeoJSON,"):
        import geopandas
    try:
        is_table = path.suffix.lower() in _PARQUET
        table = geopandas.read_parquet(path) if is_table else geopandas.read_file(path)
    except Exception as error:  # of pyogrio, GDAL, ...: each format has its own
        raise WindowError(f"No area can be read from {path}: {error}.") from error
    return _of_geopandas(table)
