"""Areas that a search names, as the stand-in CMR reads them: boxes, polygons, circles, points.

Source of grammar and messages: CMR's spatial library, ``cmr.spatial.codec`` and
``cmr.spatial.messages`` at https://github.com/nasa/Common-Metadata-Repository.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Final

from earthdata_standin.extents import Box, unwrapped

_NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
"""CMR's decimal number: digits before and after the point, no exponent, no blanks."""


def _numbers(kind: str, text: str, valid: Callable[[int], bool]) -> list[float]:
    parts = text.split(",")
    if not valid(len(parts)) or not all(map(_NUMBER.fullmatch, parts)):
        raise ValueError(f"[{text}] is not a valid URL encoded {kind}")
    return [float(part) for part in parts]


def _points(lon: list[float], lat: list[float]) -> tuple[list[float], list[float]]:
    for value in lon:
        if not -180.0 <= value <= 180.0:
            raise ValueError(f"Point longitude [{value:g}] must be within -180.0 and 180.0")
    for value in lat:
        if not -90.0 <= value <= 90.0:
            raise ValueError(f"Point latitude [{value:g}] must be within -90 and 90.0")
    return lon, lat


def _bounding_box(text: str) -> Box:
    west, south, east, north = _numbers("bounding_box", text, lambda count: count == 4)
    _points([west, east], [south, north])
    if south > north:
        raise ValueError(
            f"The bounding rectangle north value [{north:g}] was less than the south value "
            f"[{south:g}]",
        )
    return Box.of_edges(west, south, east, north)


def _polygon(text: str) -> Box:
    numbers = _numbers("polygon", text, lambda count: count >= 8 and count % 2 == 0)
    lon, lat = _points(numbers[::2], numbers[1::2])
    if (lon[0], lat[0]) != (lon[-1], lat[-1]):
        raise ValueError(
            "Polygon boundary was not closed. The last point must be equal to the first point."
        )
    box = Box.of_path(lon, lat)
    corners = pairwise(zip(unwrapped(lon), lat, strict=True))
    area = sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in corners)
    if box.width < 360.0 and area < 0:
        raise ValueError(
            "The polygon boundary points are listed in the wrong order (clockwise vs counter "
            "clockwise). Please see the API documentation for the correct order.",
        )
    return box


def _circle(text: str) -> Box:
    lon, lat, radius = _numbers("circle", text, lambda count: count == 3)
    _points([lon], [lat])
    if not 10.0 <= radius <= 6_000_000.0:
        raise ValueError(f"Circle radius must be between 10 and 6000000, but was {radius:g}.")
    return Box.of_circle(lon, lat, radius)


def _line(text: str) -> Box:
    numbers = _numbers("line", text, lambda count: count >= 4 and count % 2 == 0)
    return Box.of_path(*_points(numbers[::2], numbers[1::2]))


def _point(text: str) -> Box:
    lon, lat = _numbers("point", text, lambda count: count == 2)
    _points([lon], [lat])
    return Box.of_edges(lon, lat, lon, lat)


AREAS: Final[dict[str, Callable[[str], Box]]] = {
    "bounding_box": _bounding_box,
    "circle": _circle,
    "line": _line,
    "point": _point,
    "polygon": _polygon,
}
"""How the parameters that name an area are read; ValueError in CMR's words."""
