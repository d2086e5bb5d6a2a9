"""A bounding box and a time interval: their forms as arguments, parsed and checked.

Searches of a catalog and openings of beams take the same boxes and times, so both parse them here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeAlias

from catalog_builder.errors import WindowError

Box: TypeAlias = tuple[float, float, float, float]
"""West, south, east, north, degrees; west > east crosses ±180 (RFC 7946, section 5.2)."""

Interval: TypeAlias = tuple[datetime | None, datetime | None]
"""First and last instant, both inside, UTC; None is open."""

Moment: TypeAlias = "str | date | datetime | None"

_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")
_TICK = timedelta(microseconds=1)


def parse_box(bbox: Sequence[float] | str) -> Box:
    """Check ``bbox``: west, south, east, north, degrees, as four numbers or ``"W,S,E,N"``.

    A point (west = east, south = north) is a box too. Raises
    :class:`~catalog_builder.errors.WindowError` with the value that cannot be.
    """
    try:
        parts = bbox.split(",") if isinstance(bbox, str) else list(bbox)
        west, south, east, north = (float(part) for part in parts)
    except (TypeError, ValueError) as error:
        raise WindowError(
            f"A box is four numbers, west, south, east, north, in degrees; not {bbox!r}."
        ) from error
    if not all(math.isfinite(number) for number in (west, south, east, north)):
        raise WindowError(f"The numbers of a box must be finite; not {bbox!r}.")
    for name, lon in (("west", west), ("east", east)):
        if not -180 <= lon <= 180:
            raise WindowError(
                f"The box's {name} is {lon}: longitudes go from -180 to 180. "
                "A box across ±180 has its west greater than its east: 175,-20,-175,-15."
            )
    if not -90 <= south <= north <= 90:
        raise WindowError(
            f"The box goes from south {south} to north {north}: "
            "latitudes go from -90 to 90, south first (the order is west, south, east, north)."
        )
    return west, south, east, north


def flat_boxes(box: Box) -> list[Box]:
    """The same part of Earth as boxes with west <= east, for planar tools.

    Two where the box crosses ±180. A side that lies on ±180 is also given at the other sign, for
    both are the same meridian.
    """
    west, south, east, north = box
    if west > east:
        return [(west, south, 180.0, north), (-180.0, south, east, north)]
    boxes = [box]
    if east == 180 and west > -180:
        boxes.append((-180.0, south, -180.0, north))
    if west == -180 and east < 180:
        boxes.append((180.0, south, 180.0, north))
    return boxes


def parse_interval(value: Moment | Sequence[Moment]) -> Interval:
    """Read a time or an interval of times: ``A/B``, ``../B``, ``A/..``, a pair, or one time.

    Times are RFC 3339 text, datetimes or dates; without a zone they are UTC. A year, a month or a
    day means all of it. Raises :class:`~catalog_builder.errors.WindowError`.
    """
    if isinstance(value, str):
        parts: list[Moment] = list(value.split("/"))
    elif isinstance(value, Sequence):
        parts = list(value)
    else:
        parts = [value]
    if len(parts) > 2:
        raise WindowError(f"An interval has two ends, A/B; not {value!r}.")
    start, end = _span(parts[0])[0], _span(parts[-1])[1]
    if start is None and end is None and len(parts) == 1:
        raise WindowError(f"{value!r} names no time; an open interval is A/.. or ../B.")
    if start is not None and end is not None and start > end:
        raise WindowError(f"The interval ends before it starts: {value!r}.")
    return start, end


def _span(moment: Moment) -> Interval:
    """First and last instant that a year, month, day or instant stands for."""
    if moment is None or moment in ("", ".."):
        return None, None
    if isinstance(moment, datetime):
        instant = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return instant.astimezone(UTC), instant.astimezone(UTC)
    if isinstance(moment, date):
        first = datetime.combine(moment, time(), UTC)
        return first, first + timedelta(days=1) - _TICK
    try:
        match = _DATE.fullmatch(moment.strip())
        if match is None:
            return _span(datetime.fromisoformat(moment.strip()))
        year, month, day = match.groups()
        first = datetime(int(year), int(month or 1), int(day or 1), tzinfo=UTC)
        if day:
            after = first + timedelta(days=1)
        elif month:
            after = (first + timedelta(days=31)).replace(day=1)
        else:
            after = first.replace(year=first.year + 1)
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        raise WindowError(
            f"{moment!r} is no time: expected 2019-01-31, 2019-01-31T12:00:00Z or an interval A/B."
        ) from error
    return first, after - _TICK
