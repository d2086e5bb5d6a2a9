"""Boxes on the globe: of records and of areas, and which of many meet one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_EARTH_RADIUS: Final = 6371000.0
_INCLINATION: Final = np.radians(92.0)
_TURN: Final = 91 / 1387
_SWATH: Final = 0.1
"""Degrees by which a track is widened: more than half a swath."""

_EDGE_LATITUDE: Final = 80.0
"""Beyond this latitude an edge, being a great circle, may lie well poleward of its ends."""

_BULGE: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """Degrees; runs eastward from ``west`` over ``width``, across ±180 if need be."""

    west: float
    south: float
    width: float
    """0 to 360."""
    north: float
    crosses: bool
    """Whether a longitude of the outline jumps from one side of ±180 to the other."""

    @classmethod
    def of_edges(cls, west: float, south: float, east: float, north: float) -> Box:
        """The box between these edges; ``west > east`` crosses ±180."""
        return cls(
            west=west,
            south=south,
            width=east - west + (360.0 if west > east else 0.0),
            north=north,
            crosses=west > east,
        )

    @classmethod
    def of_path(cls, lon: Sequence[float], lat: Sequence[float]) -> Box:
        """The box around points joined by their shortest ways, poles included if gone around."""
        path = unwrapped(lon)
        south, north = min(lat), max(lat)
        if north > _EDGE_LATITUDE:
            north = min(90.0, north + _BULGE)
        if south < -_EDGE_LATITUDE:
            south = max(-90.0, south - _BULGE)
        if lon[0] == lon[-1] and abs(path[-1] - path[0]) > 180.0:
            # The path goes once around a pole, and holds it.
            north, south = (90.0, south) if north > -south else (north, -90.0)
            return cls(west=-180.0, south=south, width=360.0, north=north, crosses=True)
        west = min(path)
        return cls(
            west=west,
            south=south,
            width=min(max(path) - west, 360.0),
            north=north,
            crosses=any(abs(here - there) > 180.0 for here, there in pairwise(lon)),
        )

    @classmethod
    def of_circle(cls, lon: float, lat: float, radius: float) -> Box:
        """The box around a circle; radius in metres."""
        reach = float(np.degrees(radius / _EARTH_RADIUS))
        south, north = max(lat - reach, -90.0), min(lat + reach, 90.0)
        if south <= -90.0 or north >= 90.0:
            return cls(west=-180.0, south=south, width=360.0, north=north, crosses=True)
        half = np.degrees(np.arcsin(np.sin(np.radians(reach)) / np.cos(np.radians(lat))))
        return cls(west=lon - half, south=south, width=2 * float(half), north=north, crosses=False)


def unwrapped(lon: Sequence[float]) -> list[float]:
    """Longitudes along a path, going on past ±180 instead of jumping."""
    # Plain Python: for a ring of thirty points numpy takes three times as long.
    steps = ((there - here + 180.0) % 360.0 - 180.0 for here, there in pairwise(lon))
    return list(accumulate(steps, initial=lon[0]))


EVERYWHERE: Final = Box(west=-180.0, south=-90.0, width=360.0, north=90.0, crosses=False)


def of_record(umm: Mapping[str, Any]) -> Box:
    """The box of a UMM-G or UMM-C record; everywhere if it names no place."""
    domain = umm.get("SpatialExtent", {}).get("HorizontalSpatialDomain", {})
    if orbit := domain.get("Orbit"):
        return _of_orbit(orbit)
    geometry = domain.get("Geometry", {})
    boxes = [
        Box.of_edges(
            r["WestBoundingCoordinate"],
            r["SouthBoundingCoordinate"],
            r["EastBoundingCoordinate"],
            r["NorthBoundingCoordinate"],
        )
        for r in geometry.get("BoundingRectangles", ())
    ]
    for polygon in geometry.get("GPolygons", ()):
        points = polygon["Boundary"]["Points"]
        boxes.append(
            Box.of_path([p["Longitude"] for p in points], [p["Latitude"] for p in points])
        )
    # Records of several shapes are rare and are searched for everywhere.
    return boxes[0] if len(boxes) == 1 else EVERYWHERE


def _of_orbit(orbit: Mapping[str, Any]) -> Box:
    """The box of a part of one revolution, from its ascending node and its two ends."""
    first = _flight(orbit["StartLatitude"], ascending=orbit["StartDirection"] == "A")
    last = _flight(orbit["EndLatitude"], ascending=orbit["EndDirection"] == "A")
    if last <= first:
        last += 360.0
    u = np.radians(np.linspace(first, last, max(3, int(last - first) + 1)))
    lat = np.degrees(np.arcsin(np.sin(_INCLINATION) * np.sin(u)))
    lon = orbit["AscendingCrossing"] + np.degrees(
        np.arctan2(np.cos(_INCLINATION) * np.sin(u), np.cos(u)) - _TURN * u
    )
    wrapped = (lon + 180.0) % 360.0 - 180.0
    path = Box.of_path(wrapped.tolist(), lat.tolist())
    wider = _SWATH / float(np.cos(np.radians(min(np.abs(lat).max(), 88.0))))
    return Box(
        west=path.west - wider,
        south=max(path.south - _SWATH, -90.0),
        width=min(path.width + 2 * wider, 360.0),
        north=min(path.north + _SWATH, 90.0),
        crosses=path.crosses,
    )


def _flight(latitude: float, *, ascending: bool) -> float:
    """Degrees of flight since the ascending node."""
    sine = np.sin(np.radians(latitude)) / np.sin(_INCLINATION)
    u = float(np.degrees(np.arcsin(np.clip(sine, -1.0, 1.0))))
    return u % 360.0 if ascending else 180.0 - u


class Boxes:
    """Many boxes, searched at once."""

    def __init__(self, boxes: Sequence[Box] | NDArray[np.float64]) -> None:
        """``boxes`` may be rows of west, south, width, north, and 1 where it crosses, else 0."""
        if isinstance(boxes, np.ndarray):
            columns = boxes
        else:
            columns = np.array(
                [(b.west, b.south, b.width, b.north, b.crosses) for b in boxes], dtype=np.float64
            ).reshape(-1, 5)
        self._west, self._south, self._width, self._north = columns[:, :4].T.copy()
        self._crosses = columns[:, 4] > 0

    def meet(self, box: Box, *, loose: bool) -> NDArray[np.bool_]:
        """Which of them meet this box; if ``loose``, all that cross ±180 lie all around."""
        east_of = (self._west - box.west) % 360.0 <= box.width
        west_of = (box.west - self._west) % 360.0 <= self._width
        found: NDArray[np.bool_] = east_of | west_of | (box.width >= 360.0)
        if loose:
            found |= self._crosses
        found &= (self._south <= box.north) & (self._north >= box.south)
        return found
