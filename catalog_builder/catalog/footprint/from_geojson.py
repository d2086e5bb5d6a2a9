"""A footprint from GeoJSON that others wrote, if it is one: some write the box around a swath."""

from __future__ import annotations

from typing import Final

import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Polygon

from catalog_builder.catalog.footprint.bbox_union import cover
from catalog_builder.catalog.footprint.long_swaths import FARTHEST
from catalog_builder.catalog.footprint.raw_footprint import ring
from catalog_builder.catalog.footprint.swath import Footprint, as_geojson, footprint
from catalog_builder.errors import FootprintError
from catalog_builder.geo import orbit

_LONGEST: Final = 60.0
_WIDEST: Final = 0.5
"""Degrees of arc: the longest region is 33 long, a swath 0.11 wide. More is no granule's."""


def from_geojson(geometry: object, *, near: float) -> Footprint:
    """Footprint of a GeoJSON geometry that others wrote.

    A Polygon is taken as a record's ring is, so it may cross ±180 unsplit; a MultiPolygon as it
    is, for it is one that was split there. ``near`` is the argument of latitude, degrees, of the
    middle of the granule's region. Raises :class:`~catalog_builder.errors.FootprintError` for what
    is no swath along an ICESat-2 track, such as the box around one.
    """
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if not isinstance(geometry, dict) or kind not in ("Polygon", "MultiPolygon"):
        raise FootprintError(f"The geometry is {kind or 'missing'}: expected a polygon.")
    try:
        shape = shapely.geometry.shape(geometry)
    except (AttributeError, LookupError, TypeError, ValueError, shapely.GEOSException) as error:
        raise FootprintError(f"The {kind} cannot be read: {error!r}.") from error
    if not isinstance(shape, Polygon | MultiPolygon):
        raise FootprintError(f"The {kind} is a {shape.geom_type}.")
    parts = list(shape.geoms) if isinstance(shape, MultiPolygon) else [shape]
    if shape.is_empty or any(part.interiors for part in parts):
        raise FootprintError(f"The {kind} is empty or has holes.")
    if all(_is_box(part) for part in parts):
        raise FootprintError(f"The {kind} is a box: no swath.")
    _require_swath(str(kind), parts, near)
    if kind == "Polygon":
        return footprint(ring(*shapely.get_coordinates(shape).T, near=near))
    if not shape.is_valid:
        raise FootprintError(f"The polygons are not valid: {shapely.is_valid_reason(shape)}.")
    west, south, east, north = cover([part.bounds for part in parts], all_round=0.0)
    return Footprint(drawn=as_geojson(shape), bbox=(west, south, east, north), shape=shape)


def _require_swath(kind: str, parts: list[Polygon], near: float) -> None:
    """Raise FootprintError unless the parts, together, are long and narrow along a track."""
    lon, lat = shapely.get_coordinates(parts).T
    if not (np.isfinite(lon).all() and (np.abs(lat) <= 90).all() and (np.abs(lon) <= 360).all()):
        raise FootprintError(f"The {kind} leaves the Earth.")
    node = orbit.find_node(lon, lat, near)
    u, cross = orbit.to_orbit(lon, lat, node, near)
    if np.abs(cross).max() > FARTHEST:
        raise FootprintError(f"The {kind} lies off any ICESat-2 track.")
    length, area = float(np.ptp(u)), 0.0
    for part in parts:
        lon, lat = shapely.get_coordinates(part).T
        area += Polygon(np.column_stack(orbit.to_orbit(lon, lat, node, near))).area
    if length > _LONGEST or area > _WIDEST * length:
        raise FootprintError(
            f"The {kind} is {length:.0f} degrees long and {area / length:.1f} wide: no swath."
        )


def _is_box(shape: Polygon) -> bool:
    lon, lat = shapely.get_coordinates(shape).T
    return len(np.unique(lon)) <= 2 and len(np.unique(lat)) <= 2
