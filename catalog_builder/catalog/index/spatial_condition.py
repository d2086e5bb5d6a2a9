"""A spatial condition of a search, tested on the bounding boxes of rows and row groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from catalog_builder.geo.area import Area
from catalog_builder.geo.window import Box

Mask = NDArray[np.bool_]
Range = tuple[Any, Any]
"""Smallest and largest value of a column in a row group."""

_STRAY: Final = 0.25
"""Degrees of arc, 28 km, that a ground track may lie outside the box of its footprint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpatialCondition:
    """An area that a granule must meet."""

    area: Area
    precise: bool = False
    """Whether the ground tracks of beams, if known, must meet it instead of the footprint."""

    @property
    def bounds(self) -> tuple[Box, ...]:
        """Planar boxes: a granule whose box meets none of them does not meet the area."""
        return self.area.reach(_STRAY) if self.precise else self.area.bounds

    def crossed(self, sides: Sequence[NDArray[np.float64]]) -> Mask:
        """Granules that certainly meet the box, by their own boxes.

        A footprint is connected and reaches all four sides of its box. So it meets an area's box
        that contains all its longitudes and one of its latitudes, or all its latitudes and one of
        its longitudes.
        """
        west, south, east, north = sides
        if self.precise or self.area.wkb is not None:
            return np.zeros(len(west), dtype=bool)
        crosses = west > east
        within, to_180, from_180 = (np.zeros(len(west), dtype=bool) for _ in range(3))
        for w, _, e, _ in self.area.bounds:
            within |= (west >= w) & (east <= e)
            to_180 |= (west >= w) & (e == 180)
            from_180 |= (east <= e) & (w == -180)
        (_, s, _, n), *_ = self.area.bounds  # the parts of a box have the same latitudes
        across = np.where(crosses, to_180 & from_180, within)
        along = (south >= s) & (north <= n)
        return np.asarray((across | along) & boxes_meet(sides, self.area.bounds))

    def __str__(self) -> str:
        return f"{self.area.text}, precise=True" if self.precise else self.area.text


def reaches(known: Range | None, low: Any, high: Any) -> bool:
    """Whether values in the range ``known`` can lie in low..high; None is unknown, or open."""
    if known is None:
        return True
    smallest, largest = known
    return (low is None or largest >= low) and (high is None or smallest <= high)


def may_meet(sides: Sequence[Range | None], box: Box) -> bool:
    """Whether boxes with west, south, east, north in these ranges can meet a planar box."""
    wests, souths, easts, norths = sides
    west, south, east, north = box
    if not (reaches(norths, south, None) and reaches(souths, None, north)):
        return False
    if wests is None or easts is None:
        return True
    from_west, from_east = bool(wests[0] <= east), bool(easts[1] >= west)
    # Boxes whose west is never greater than their east do not cross ±180.
    may_cross = bool(wests[1] > easts[0])
    return (from_west and from_east) or (may_cross and (from_west or from_east))


def boxes_meet(sides: Sequence[NDArray[np.float64]], bounds: Sequence[Box]) -> Mask:
    """Boxes of items, perhaps across ±180, that meet at least one of some planar boxes."""
    west, south, east, north = sides
    crosses = west > east
    found = np.zeros(len(west), dtype=bool)
    for w, s, e, n in bounds:
        from_west, from_east = west <= e, east >= w
        beside = np.where(crosses, from_west | from_east, from_west & from_east)
        found |= beside & (south <= n) & (north >= s)
    return found
