"""Reads where a granule lies from its record: one ring or several, or a stretch of its orbit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from catalog_builder.catalog.cmr.umm_g import HorizontalSpatialDomain, Point
from catalog_builder.catalog.footprint.long_swaths import LONGEST
from catalog_builder.catalog.footprint.raw_footprint import (
    RawFootprint,
    orbit_extent,
    ring,
    rings_of_revolutions,
)
from catalog_builder.errors import RecordError
from catalog_builder.geo.orbit import PERIOD
from catalog_builder.products.granule_name import GranuleName


def record_footprint(
    domain: HorizontalSpatialDomain, name: GranuleName, lasting: timedelta
) -> RawFootprint:
    """Raw footprint from ``Geometry/GPolygons`` (cloud) or ``Orbit`` (on premises).

    ``lasting`` is the time from start to end. Raises
    :class:`~catalog_builder.errors.RecordError` where there is no footprint to be had, and
    :class:`~catalog_builder.errors.FootprintError` for one that follows no orbit.
    """
    # Where granules may be of a revolution or more, places alone do not tell of how many.
    by_region = name.product.extent == "region"
    flown = 0.0 if by_region else lasting.total_seconds() * 360.0 / PERIOD
    extent, geometry = domain.orbit, domain.geometry
    if extent is not None:
        return orbit_extent(
            ascending_crossing=extent.ascending_crossing,
            start_latitude=extent.start_latitude,
            start_direction=extent.start_direction,
            end_latitude=extent.end_latitude,
            end_direction=extent.end_direction,
            flown=flown,
        )
    if geometry is None:
        raise RecordError(
            "The record lacks umm.SpatialExtent.HorizontalSpatialDomain.Geometry and Orbit."
        )
    polygons = geometry.g_polygons or ()
    if flown > LONGEST and polygons and all(one.exclusive_zone is None for one in polygons):
        return rings_of_revolutions(
            [_corners(one.boundary.points) for one in polygons], rgt=name.rgt, flown=flown
        )
    if len(polygons) != 1 or polygons[0].exclusive_zone is not None:
        raise RecordError(
            f"The footprint is {len(polygons)} polygons in {', '.join(geometry.kinds)}: "
            "expected one without holes."
        )
    return ring(*_corners(polygons[0].boundary.points), near=name.middle)


def _corners(points: Sequence[Point]) -> tuple[list[float], list[float]]:
    """Longitudes and latitudes."""
    return [point.longitude for point in points], [point.latitude for point in points]
