"""A bounding box and a time interval: their forms as arguments, parsed and checked.

Searches of a catalog and openings of beams take the same boxes and times, so both parse them here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime
from types import NoneType
from typing import Any, TypeAlias

from catalog_builder.errors import WindowError
from catalog_builder.geo.moment import Interval as Interval
from catalog_builder.geo.moment import Moment as Moment
from catalog_builder.geo.moment import read_moment

Box: TypeAlias = tuple[float, float, float, float]
"""West, south, east, north, degrees; west > east crosses ±180 (RFC 7946, section 5.2)."""


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


def box_around(boxes: Sequence[Box]) -> Box:
    """The smallest box that holds some of west <= east; its own west > east across ±180."""
    spans = sorted((west, east) for west, _, east, _ in boxes)
    south, north = min(box[1] for box in boxes), max(box[3] for box in boxes)
    # The widest part of the circle that they leave free lies outside.
    west, reached = spans[0][0], max(east for _, east in spans)
    widest, farthest = west + 360.0 - reached, spans[0][1]
    for start, end in spans[1:]:
        if start - farthest > widest:
            widest, west, reached = start - farthest, start, farthest
        farthest = max(farthest, end)
    if reached == -180 < west:
        reached = 180.0
    return -180.0 if west == 180 > reached else west, south, reached, north


def parse_interval(value: Moment | Sequence[Moment]) -> Interval:
    """Read a time or an interval of times: ``A/B``, ``../B``, ``A/..``, a pair, or one time.

    Times are what :func:`~catalog_builder.geo.moment.read_moment` reads; without a zone they are
    UTC. A year, month, week, day, hour or minute means all of it. A pair is a list, a tuple, a
    slice, an array or an index of pandas. Raises :class:`~catalog_builder.errors.WindowError`.
    """
    parts = _ends(value)
    if not 0 < len(parts) <= 2:
        raise WindowError(f"An interval has two ends, A/B; not {len(parts)}: {str(value)[:200]}.")
    start, end = read_moment(parts[0])[0], read_moment(parts[-1])[1]
    if start is None and end is None and len(parts) == 1:
        raise WindowError(f"{value!r} names no time; an open interval is A/.. or ../B.")
    if start is not None and end is not None and start > end:
        raise WindowError(f"The interval ends before it starts: {str(value)[:200]}.")
    return start, end


def interval_text(value: Moment | Sequence[Moment]) -> str:
    """A time or an interval as text that :func:`parse_interval` reads to the same.

    Raises :class:`~catalog_builder.errors.WindowError` as that does.
    """
    interval, ends = parse_interval(value), _ends(value)
    if any(type(end) not in (str, date, datetime, NoneType) for end in ends):
        ends = list(interval)
    return "/".join(
        ".." if end is None else end if isinstance(end, str) else end.isoformat() for end in ends
    )


def _ends(value: Moment | Sequence[Moment]) -> list[Moment]:
    """The ends of an interval, or the one time."""
    if isinstance(value, str):
        return list(value.split("/"))
    if isinstance(value, slice):
        if value.step is not None:
            raise WindowError(f"An interval has no step: {value!r}.")
        return [value.start, value.stop]
    if isinstance(value, bytes | bytearray):
        return [value]
    if isinstance(value, Sequence):
        return list(value)
    # An array of NumPy or of xarray, or an index of pandas.
    found: Any = getattr(value, "values", value) if hasattr(value, "dims") else value
    if getattr(found, "ndim", 0) == 1:
        return list(found)
    if getattr(found, "shape", None) == ():
        return [found[()]]
    return [value]
