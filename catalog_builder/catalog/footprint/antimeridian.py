"""Rings and shapes across ±180 are split there (RFC 7946, section 3.1.9)."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from catalog_builder.catalog.footprint.densify import DIGITS
from catalog_builder.catalog.footprint.ragged_rings import RaggedRings

Mask = NDArray[np.bool_]


def halves(rings: RaggedRings) -> tuple[RaggedRings, RaggedRings, Mask]:
    """Closed rings whose longitudes go on beyond 180, each cut in two there.

    Returns the halves before 180, those beyond it, and which of the rings they are of: those that
    cross it once there and once back.
    """
    beyond, owner = rings.x > 180.0, rings.owner
    begin = np.flatnonzero((beyond[:-1] != beyond[1:]) & (owner[:-1] == owner[1:]))
    plain = np.bincount(owner[begin], minlength=len(rings)) == 2
    plain &= ~rings.any(rings.x == 180.0)
    begin = begin[plain[owner[begin]]]
    end = begin + 1
    share = (180.0 - rings.x[begin]) / (rings.x[end] - rings.x[begin])
    lat = (rings.y[begin] + share * (rings.y[end] - rings.y[begin])).round(DIGITS)
    # Put the points at 180 into the rings: both halves have them, and in the same order.
    crossed = RaggedRings(
        np.insert(rings.x, end, 180.0), np.insert(rings.y, end, lat), rings.counts + 2 * plain
    )
    shared, beyond = np.insert(np.zeros_like(beyond), end, True), np.insert(beyond, end, False)
    plain[plain] = lat[::2] != lat[1::2]
    wanted = plain[crossed.owner]
    wanted[crossed.starts + crossed.counts - 1] = False  # the closing vertices
    first = crossed.only(wanted & ~beyond, plain).closed()
    second = crossed.only(wanted & (beyond | shared), plain).closed()
    return first, RaggedRings((second.x - 360.0).round(DIGITS), second.y, second.counts), plain


def split(shape: Polygon | MultiPolygon) -> Polygon | MultiPolygon:
    """The shape, whose longitudes begin in -180 to 180 and may go on beyond, split at 180."""
    if shape.bounds[2] <= 180.0:
        return shape
    before = shape.intersection(shapely.box(-180.0, -90.0, 180.0, 90.0))
    beyond = shape.intersection(shapely.box(180.0, -90.0, 540.0, 90.0))
    beyond = shapely.transform(beyond, lambda points: points - (360.0, 0.0))
    parts = [*_polygons(before), *_polygons(beyond)]
    return shapely.set_precision(MultiPolygon(parts), 10.0**-DIGITS)


def _polygons(shape: BaseGeometry) -> list[Polygon]:
    """The polygons of a shape, without the lines and points where it only touches a border."""
    parts = getattr(shape, "geoms", [shape])
    return [part for part in parts if isinstance(part, Polygon) and part.area > 0]
