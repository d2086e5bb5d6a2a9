"""A box and an interval of time as photons: first roughly by segment, then exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.runs import Bools
from catalog_builder.window import Box, Interval, flat_boxes

Floats = NDArray[np.float64]
Times = NDArray[np.datetime64]

MARGIN_KM = 2.0
"""How far a photon may lie from its segment's reference photon.

20 m along the track, and across it as far as a range of heights of some 6 km shifts a beam that
points 5 degrees off nadir, 0.5 km; doubled twice.
"""

MARGIN_SECONDS = np.timedelta64(100, "ms")
"""Same in time: a segment is flown over in 3 ms."""

_KM_PER_DEGREE = 110.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The photons asked for; a bound that is None does not bind."""

    box: Box | None = None
    interval: Interval | None = None

    @property
    def everything(self) -> bool:
        """Whether nothing is left out."""
        return self.box is None and self.interval is None

    def near(self, lon: Floats, lat: Floats, times: Times) -> Bools:
        """Which segments, by the place and time of their reference photon, may hold such photons.

        Errs on the side of too many, by a margin of 2 km and 0.1 s.
        """
        keep = np.ones(len(times), dtype=np.bool_)
        if self.box is not None:
            west, south, east, north = self.box
            margin = MARGIN_KM / _KM_PER_DEGREE
            keep &= (lat >= south - margin) & (lat <= north + margin)
            half = ((east - west) % 360.0 if west > east else east - west) / 2
            away = np.abs((lon - (west + half) + 180.0) % 360.0 - 180.0)
            shrink = np.cos(np.radians(np.minimum(np.abs(lat) + margin, 89.9)))
            keep &= away <= half + margin / shrink
        if self.interval is not None:
            keep &= _between(times, self.interval, MARGIN_SECONDS)
        return keep

    def holds_place(self, lon: Floats, lat: Floats) -> Bools:
        """Which photons lie in the box, its edges included."""
        if self.box is None:
            return np.ones(len(lon), dtype=np.bool_)
        inside = np.zeros(len(lon), dtype=np.bool_)
        for west, south, east, north in flat_boxes(self.box):
            inside |= (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
        return inside

    def holds_time(self, times: Times) -> Bools:
        """Which photons lie in the interval, its ends included, whole microseconds compared."""
        if self.interval is None:
            return np.ones(len(times), dtype=np.bool_)
        return _between(times.astype("datetime64[us]"), self.interval, np.timedelta64(0, "us"))


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
