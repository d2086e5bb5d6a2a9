"""Selects photons by box and time: first roughly by segment or chunk, then exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.read.delta_time import to_times
from catalog_builder.beams.read.row_slices import Bools
from catalog_builder.geo.area import Area
from catalog_builder.geo.area_input import read_area
from catalog_builder.geo.window import Box, Interval, Moment, parse_box, parse_interval

if TYPE_CHECKING:
    from catalog_builder.beams.references.chunk_positions import ChunkPositions

Floats = NDArray[np.float64]
Times = NDArray[np.datetime64]

MARGIN_KM = 2.0
"""How far a photon may lie from its segment's reference photon.

20 m along the track, and across it as far as a range of heights of some 6 km shifts a beam that
points 5 degrees off nadir, 0.5 km; doubled twice.
"""

MARGIN_SECONDS = np.timedelta64(100, "ms")
"""The same in time: a segment is flown over in 3 ms."""

_KM_PER_DEGREE = 110.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """A part of Earth and an interval of time; None for no limit."""

    area: Area | None = None
    interval: Interval | None = None

    @classmethod
    def parse(cls, bbox: Any, datetime: Moment | Sequence[Moment]) -> Selection:
        """Read a box, or polygons, and a time or interval, as users give them.

        Raises :class:`~catalog_builder.errors.WindowError` for a box or time that cannot be.
        """
        return cls(
            area=None if bbox is None else _area(bbox),
            interval=None if datetime is None else parse_interval(datetime),
        )

    @property
    def everything(self) -> bool:
        """Whether nothing is left out."""
        return self.area is None and self.interval is None

    def near(self, lon: Floats, lat: Floats, times: Times) -> Bools:
        """Which segments may hold such photons, by the place and time of their reference photons.

        Includes those within 2 km and 0.1 s, and those without a place or time.
        """
        keep = np.ones(len(times), dtype=np.bool_)
        if self.area is not None:
            on_earth = (np.abs(lat) <= 90.0) & (np.abs(lon) <= 360.0)
            keep &= near_area(self.area, lon, lon, lat, lat) | ~on_earth
        if self.interval is not None:
            keep &= _between(times, self.interval, MARGIN_SECONDS) | np.isnat(times)
        return keep

    def near_chunks(self, chunks: ChunkPositions) -> Bools:
        """Which chunks may hold such photons, with the margins of :meth:`near`."""
        return chunks.unplaced | self.near_boxes(
            (chunks.west, chunks.south, chunks.east, chunks.north), chunks.start, chunks.end
        )

    def near_boxes(
        self, boxes: tuple[Floats, Floats, Floats, Floats], start: Floats, end: Floats
    ) -> Bools:
        """Which boxes may hold such photons, flown from ``start`` to ``end``; as :meth:`near`.

        West, south, east, north, degrees, and seconds; what is NaN is not near.
        """
        west, south, east, north = boxes
        keep = np.ones(len(start), dtype=np.bool_)
        if self.area is not None:
            keep &= near_area(self.area, west, east, south, north)
        if self.interval is not None:
            first, last = self.interval
            keep &= _between(to_times(end), (first, None), MARGIN_SECONDS)
            keep &= _between(to_times(start), (None, last), MARGIN_SECONDS)
        return keep

    def holds_place(self, lon: Floats, lat: Floats) -> Bools:
        """Which photons lie in the area, its edges included."""
        if self.area is None:
            return np.ones(len(lon), dtype=np.bool_)
        return self.area.holds(lon, lat)

    def holds_time(self, times: Times) -> Bools:
        """Which photons lie in the interval, its ends included, whole microseconds compared."""
        if self.interval is None:
            return np.ones(len(times), dtype=np.bool_)
        return _between(times.astype("datetime64[us]"), self.interval, np.timedelta64(0, "us"))


def near_area(area: Area, west: Floats, east: Floats, south: Floats, north: Floats) -> Bools:
    """Which boxes, degrees, lie within 2 km of an area; any with west > east crosses ±180."""
    keep = np.zeros(len(west), dtype=np.bool_)
    for bounds in area.bounds:
        keep |= _near_box(bounds, west, east, south, north)
    if area.wkb is None or not keep.any():
        return keep
    import shapely

    some = np.flatnonzero(keep)
    margin = MARGIN_KM / _KM_PER_DEGREE
    low, high = south[some] - margin, north[some] + margin
    shrink = np.cos(np.radians(np.minimum(np.maximum(np.abs(low), np.abs(high)), 89.9)))
    halves = _width(west[some], east[some]) / 2
    middle, halves = west[some] + halves, np.minimum(halves + margin / shrink, 180.0)
    met = np.zeros(len(some), dtype=np.bool_)
    for turn in (-360.0, 0.0, 360.0):
        x = middle + turn
        seen = np.flatnonzero((x - halves <= 180) & (x + halves >= -180) & ~met)
        left, right = x[seen] - halves[seen], x[seen] + halves[seen]
        met[seen] = area.meets(shapely.box(left, low[seen], right, high[seen]))
    keep[some] = met
    return keep


def _near_box(box: Box, west: Floats, east: Floats, south: Floats, north: Floats) -> Bools:
    """Which boxes lie within the margin of this one; any may cross ±180."""
    margin = MARGIN_KM / _KM_PER_DEGREE
    keep: Bools = (north >= box[1] - margin) & (south <= box[3] + margin)
    half = _width(np.float64(box[0]), np.float64(box[2])) / 2
    halves = _width(west, east) / 2
    away = np.abs((west + halves - (box[0] + half) + 180.0) % 360.0 - 180.0)
    farthest = np.maximum(np.abs(south), np.abs(north)) + margin
    shrink = np.cos(np.radians(np.minimum(farthest, 89.9)))
    keep &= away <= half + halves + margin / shrink
    return keep


def _width(west: Any, east: Any) -> Any:
    """Degrees from a western to an eastern end."""
    return np.where(west > east, (east - west) % 360.0, east - west)


def _between(times: Times, interval: Interval, margin: np.timedelta64) -> Bools:
    start, end = (
        None if bound is None else np.datetime64(bound.replace(tzinfo=None)) for bound in interval
    )
    keep = ~np.isnat(times)
    if start is not None:
        keep &= times >= start - margin
    if end is not None:
        keep &= times <= end + margin
    return keep


def _area(bbox: Any) -> Area:
    """A box; or polygons, as GeoJSON or anything that tells it."""
    if isinstance(bbox, Mapping) or hasattr(bbox, "__geo_interface__"):
        return read_area(bbox)
    return Area.of_box(parse_box(bbox))
