"""Where and when, as a caller says it: a bounding box and a span of time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from catalog_builder.errors import ExtentError

Bools: TypeAlias = NDArray[np.bool_]
BoxLike: TypeAlias = "Box | Sequence[float]"
Instant: TypeAlias = "str | date | datetime | np.datetime64 | None"
IntervalLike: TypeAlias = "Interval | Instant | Sequence[Instant]"

_PARTIAL_DATE: Final = re.compile(r"\d{4}(-\d{2}){0,2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A bounding box, edges included, degrees; it crosses ±180 where west > east."""

    west: float
    south: float
    east: float
    north: float

    @classmethod
    def parse(cls, bbox: BoxLike) -> Box:
        """Read ``[west, south, east, north]``; :class:`~catalog_builder.errors.ExtentError`."""
        if isinstance(bbox, Box):
            return bbox
        try:
            west, south, east, north = (float(edge) for edge in bbox)
        except (TypeError, ValueError) as error:
            raise ExtentError(
                f"bbox {bbox!r} is not four numbers: west, south, east, north, in degrees."
            ) from error
        if not (-180 <= west <= 180 and -180 <= east <= 180):
            raise ExtentError(
                f"bbox {bbox!r}: longitudes go from -180 to 180. "
                "A box across ±180 has west > east: [177, -19, -179, -16]."
            )
        if not -90 <= south <= north <= 90:
            raise ExtentError(f"bbox {bbox!r}: latitudes go from -90 to 90, south before north.")
        return cls(west=west, south=south, east=east, north=north)

    @property
    def crosses(self) -> bool:
        """Whether the box reaches across ±180."""
        return self.west > self.east

    def holds(self, lon: ArrayLike, lat: ArrayLike) -> Bools:
        """Which points, longitudes from -180 to 180, lie inside or on an edge."""
        lon, lat = np.asarray(lon), np.asarray(lat)
        if self.crosses:
            inside = (lon >= self.west) | (lon <= self.east)
        else:
            inside = (lon >= self.west) & (lon <= self.east)
            # -180 and 180 are one meridian, by two names.
            inside |= ((self.west == -180) | (self.east == 180)) & (np.abs(lon) == 180)
        return np.asarray(inside & (lat >= self.south) & (lat <= self.north), dtype=np.bool_)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A span of time, UTC, both ends included; None where it is open."""

    start: np.datetime64 | None = None
    end: np.datetime64 | None = None

    @classmethod
    def parse(cls, span: IntervalLike) -> Interval:
        """Read an instant, ``A/B``, or a pair; ``..`` and None leave an end open.

        A year, month or day without a time means the whole of it; a time without an offset is
        UTC. Raises :class:`~catalog_builder.errors.ExtentError`.
        """
        if isinstance(span, Interval):
            return span
        ends: Sequence[Instant]
        if isinstance(span, str):
            ends = span.split("/")
        elif isinstance(span, (date, np.datetime64)) or span is None:
            ends = [span]
        else:
            ends = list(span) if isinstance(span, Sequence) else []
        if len(ends) == 1:
            ends = [ends[0], ends[0]]
        if len(ends) != 2:
            raise ExtentError(f"datetime {span!r} is not an instant, A/B, A/.. or ../B.")
        start, end = _span(ends[0])[0], _span(ends[1])[1]
        if start is not None and end is not None and start > end:
            raise ExtentError(f"datetime {span!r} ends before it starts.")
        return cls(start=start, end=end)

    def holds(self, times: NDArray[np.datetime64]) -> Bools:
        """Which of these times lie inside; NaT never does."""
        inside = ~np.isnat(times)
        if self.start is not None:
            inside &= times >= self.start
        if self.end is not None:
            inside &= times <= self.end
        return inside


def _span(instant: Instant) -> tuple[np.datetime64 | None, np.datetime64 | None]:
    """First and last nanosecond of an instant, or of the whole day, month or year named."""
    if instant is None or (isinstance(instant, str) and instant.strip() in ("", "..")):
        return None, None
    if isinstance(instant, date) and not isinstance(instant, datetime):
        instant = instant.isoformat()
    try:
        if isinstance(instant, str) and _PARTIAL_DATE.fullmatch(instant.strip()):
            whole = np.datetime64(instant.strip())
            last = (whole + 1).astype("datetime64[ns]") - np.timedelta64(1, "ns")
            return whole.astype("datetime64[ns]"), last
        if isinstance(instant, str):
            instant = datetime.fromisoformat(instant.strip())
        if isinstance(instant, datetime) and instant.tzinfo is not None:
            instant = instant.astimezone(UTC).replace(tzinfo=None)
        moment = np.datetime64(instant).astype("datetime64[ns]")
    except (TypeError, ValueError) as error:
        raise ExtentError(
            f"datetime {instant!r} is not a time such as 2019-06-30 or 2019-06-30T12:00:00Z."
        ) from error
    if np.isnat(moment):
        raise ExtentError("datetime NaT is not a time; use None or '..' for an open end.")
    return moment, moment
