"""An area as users give it: a box, polygons in many forms, or a file of such."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from catalog_builder.errors import WindowError
from catalog_builder.extras import needing
from catalog_builder.geo.area import Area, parse_area
from catalog_builder.geo.window import parse_box

_JSON: Final = (".json", ".geojson")
_PARQUET: Final = (".parquet", ".geoparquet")
_DEGREES: Final = ("CRS84", "4326", "4979")


def read_area(value: Any) -> Area:
    """Read an area: a box, polygons, or the path of a file.

    A box is four numbers, west, south, east, north, or ``"W,S,E,N"``. Polygons are GeoJSON (a
    mapping or text), or anything with a ``__geo_interface__``: of shapely, or of geopandas, which
    is transformed to longitude and latitude from the CRS that it names. A file is GeoJSON, or of
    any format that geopandas reads. What names no CRS is in degrees.

    Raises :class:`~catalog_builder.errors.WindowError` for an area that cannot be, as
    :func:`~catalog_builder.geo.area.parse_area` and
    :func:`~catalog_builder.geo.window.parse_box` do, and for a file that cannot be read.
    """
    if isinstance(value, Area):
        return value
    if value is None:
        raise WindowError("No area is given: a box, a polygon, or a file with polygons.")
    if isinstance(value, os.PathLike) or (isinstance(value, str) and _is_file(value)):
        return _read_file(Path(value))
    if isinstance(value, str):
        return (
            parse_area(_in_degrees(_json(value)))
            if "{" in value
            else Area.of_box(parse_box(value))
        )
    if isinstance(value, Mapping):
        return parse_area(_in_degrees(value))
    if hasattr(value, "to_crs"):
        return _of_geopandas(value)
    if hasattr(value, "__geo_interface__"):
        return parse_area(value)
    if isinstance(value, Sequence) or hasattr(value, "__array__"):
        return Area.of_box(parse_box(list(value)))
    raise WindowError(f"{value!r} is no area: expected a box, a polygon, or a file with polygons.")


def _is_file(text: str) -> bool:
    try:
        parse_box(text)
    except WindowError:
        return "{" not in text and bool(Path(text).suffix) and not _numbers(text)
    return False


def _numbers(text: str) -> bool:
    return not any(letter.isalpha() for letter in text)


def _json(text: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise WindowError(f"The polygon is not JSON: {error}.") from error
    if not isinstance(value, Mapping):
        raise WindowError(f"A polygon is a GeoJSON object; not {text[:40]!r}.")
    return value


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


def _of_geopandas(value: Any) -> Area:
    if len(value) == 0:
        raise WindowError("The table of areas is empty.")
    shapes = value if value.crs is None else value.to_crs("OGC:CRS84")
    geometry = shapes.geometry
    if geometry.is_empty.all():
        raise WindowError("All shapes of the table are empty.")
    return parse_area(geometry[~geometry.is_empty & geometry.notna()])


def _read_file(path: Path) -> Area:
    try:
        if path.suffix.lower() in _JSON:
            return parse_area(_in_degrees(_json(path.read_text(encoding="utf-8"))))
    except (OSError, UnicodeDecodeError) as error:
        raise WindowError(f"No area can be read from {path}: {error}.") from error
    if not path.exists():
        raise WindowError(f"No area can be read from {path}: there is no such file.")
    with needing("geo", f"{path}, which is not GeoJSON,"):
        import geopandas
    try:
        is_table = path.suffix.lower() in _PARQUET
        table = geopandas.read_parquet(path) if is_table else geopandas.read_file(path)
    except Exception as error:  # of pyogrio, GDAL, ...: each format has its own
        raise WindowError(f"No area can be read from {path}: {error}.") from error
    return _of_geopandas(table)
