"""Items of granules all over the Earth, and a search of them without an index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
import shapely.affinity
from sample_items import make_item

ITEMS = {item["id"]: item for item in map(make_item, range(0, 4200, 7))}
"""600 granules of twenty days, all over the Earth; every second region, each at many places."""


POLAR = {item["id"]: item for item in map(make_item, range(3, 1400, 7))}
"""200 granules of regions 4 and 11, which turn at 88°."""


WORLD = ITEMS | POLAR


class BruteForce:
    """Which footprints meet a box, by another way: on a map that goes round thrice."""

    def __init__(self, items: dict[str, dict[str, Any]]) -> None:
        self.ids = np.array(list(items))
        shapes = np.array([shapely.geometry.shape(item["geometry"]) for item in items.values()])
        self.shapes = np.stack(
            [shapely.transform(shapes, lambda xy, by=by: xy + [by, 0]) for by in (-360, 0, 360)]  # noqa: RUF005 (numpy)
        )

    def __call__(self, box: Sequence[float]) -> set[str]:
        west, south, east, north = box
        if east < west:
            east += 360
        corners = [(west, south), (east, south), (east, north), (west, north)]
        return self.meeting(shapely.MultiPoint(corners).convex_hull)

    def meeting(self, area: shapely.Geometry) -> set[str]:
        """Those that meet an area whose longitudes go on beyond ±180."""
        return set(self.ids[shapely.intersects(area, self.shapes).any(axis=0)])
