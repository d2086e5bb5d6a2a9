"""The conditions of a search, tested on columns of the index; no file is read here."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from catalog_builder.catalog.index.schema import SIDES
from catalog_builder.catalog.index.spatial_condition import (
    Mask,
    Range,
    SpatialCondition,
    boxes_meet,
    may_meet,
    reaches,
)
from catalog_builder.errors import ProductError
from catalog_builder.geo.area import Area, parse_area
from catalog_builder.geo.window import Interval, parse_interval
from catalog_builder.products.granule_name import GranuleName

if TYPE_CHECKING:
    import pyarrow as pa

    from catalog_builder.catalog.index.ground_tracks import GroundTracks
    from catalog_builder.catalog.index.search_arguments import SearchArguments, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Conditions that must all hold; without any, every item is found."""

    spatial: tuple[SpatialCondition, ...] = ()
    """The footprint, or a ground track, must meet or touch each of these."""
    intervals: tuple[Interval, ...] = ()
    """The granule's time, start to end, must overlap each of these."""
    values: tuple[tuple[str, Value], ...] = ()
    """Column and the value it must have, or the values of which it must have one."""
    ids: frozenset[str] | None = None
    """The item must be one of these; None is any."""
    collections: tuple[frozenset[str], ...] = ()
    """The item must be in a collection of each of these: by its id, or by its product."""
    limit: int | None = None
    """The most items to find, once all conditions hold; None is all."""
    sortby: str | None = None
    """``datetime`` or ``-datetime``, the order of what is found; None is that of the index."""

    @property
    def columns(self) -> list[str]:
        """Columns that :meth:`candidates` tests; empty without conditions."""
        columns = list(dict.fromkeys(column for column, _ in self.values))
        if self.intervals:
            columns += ["start_datetime", "end_datetime"]
        if self.ids is not None:
            columns.append("id")
        if self.collections:
            columns.append("collection")
        if self.spatial:
            columns.append("bbox")
        return columns

    @property
    def precise(self) -> bool:
        """Whether ground tracks must meet one of the areas."""
        return any(condition.precise for condition in self.spatial)

    def __str__(self) -> str:
        """The conditions, in one line."""
        conditions = [str(condition) for condition in self.spatial]
        conditions += [f"datetime={_text(start)}/{_text(end)}" for start, end in self.intervals]
        conditions += [f"{column}={_listed(value)}" for column, value in self.values]
        if self.ids is not None:
            conditions.append(f"ids={len(self.ids)}")
        conditions += [f"collections={'|'.join(sorted(some))}" for some in self.collections]
        if self.limit is not None:
            conditions.append(f"limit={self.limit}")
        if self.sortby is not None:
            conditions.append(f"sortby={self.sortby}")
        return ", ".join(conditions)

    def narrowed(self, arguments: SearchArguments) -> Search:
        """Add conditions to this search.

        Raises :class:`~catalog_builder.errors.WindowError` for impossible polygons.
        """
        areas = [] if arguments.bbox is None else [Area.of_box(arguments.bbox)]
        if arguments.intersects is not None:
            areas.append(parse_area(arguments.intersects))
        spatial = [SpatialCondition(area=area, precise=arguments.precise) for area in areas]
        intervals = [] if arguments.datetime is None else [parse_interval(arguments.datetime)]
        ids = self.ids
        if arguments.ids is not None:
            ids = frozenset(arguments.ids) if ids is None else ids & frozenset(arguments.ids)
        return Search(
            spatial=(*self.spatial, *spatial),
            intervals=(*self.intervals, *intervals),
            values=(*self.values, *arguments.values),
            ids=ids,
            collections=(
                *self.collections,
                *([frozenset(arguments.collections)] if arguments.collections else []),
            ),
            limit=min(
                (most for most in (self.limit, arguments.limit) if most is not None), default=None
            ),
            sortby=arguments.sortby or self.sortby,
        )

    def groups(self, count: int, ranges: Callable[[str], Sequence[Range | None]]) -> list[int]:
        """Numbers of the row groups, of ``count``, that can contain a hit.

        ``ranges`` gives the smallest and largest value of a column in each row group, or None if
        unknown.
        """
        left = list(range(count))

        def keep(column: str, low: Any, high: Any) -> None:
            known = ranges(column)
            left[:] = [group for group in left if reaches(known[group], low, high)]

        for column, value in self.values:
            known, some = ranges(column), value if isinstance(value, tuple) else (value,)
            left = [group for group in left if any(reaches(known[group], v, v) for v in some)]
        for start, end in self.intervals:
            if start is not None:
                keep("end_datetime", start, None)
            if end is not None:
                keep("start_datetime", None, end)
        if self.spatial:
            sides = [ranges(f"bbox.{side}") for side in SIDES]
            for condition in self.spatial:
                bounds = condition.bounds
                left = [g for g in left if any(may_meet([s[g] for s in sides], b) for b in bounds)]
        return left if self.ids is None else _groups_of_ids(self.ids, left, ranges)

    def candidates(self, keys: pa.Table) -> tuple[Mask, Mask]:
        """Rows that meet all other conditions and whose box meets all areas, shape (rows,).

        The second mask marks those of them that certainly meet the areas, by their box alone.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        mask = np.ones(len(keys), dtype=bool)

        def keep(condition: Any) -> None:
            nonlocal mask
            mask &= pc.fill_null(condition, False).to_numpy()

        for column, value in self.values:
            some = value if isinstance(value, tuple) else (value,)
            keep(pc.is_in(keys[column], pa.array(some, keys[column].type)))
        for start, end in self.intervals:
            if start is not None:
                keep(pc.greater_equal(keys["end_datetime"], pa.scalar(start)))
            if end is not None:
                keep(pc.less_equal(keys["start_datetime"], pa.scalar(end)))
        if self.ids is not None:
            keep(pc.is_in(keys["id"], pa.array(sorted(self.ids), pa.string())))
        for names in self.collections:
            wanted = "|".join(f"{re.escape(one)}(_[0-9]+)?" for one in sorted(names))
            keep(pc.match_substring_regex(keys["collection"], f"(?i)^({wanted})$"))
        sure = mask
        if self.spatial:
            bbox = keys["bbox"].combine_chunks()
            sides = [pc.struct_field(bbox, s).to_numpy(zero_copy_only=False) for s in SIDES]
            for condition in self.spatial:
                mask = mask & boxes_meet(sides, condition.bounds)
                sure = sure & condition.crossed(sides)
        return mask, sure

    def needs_footprints(self, tracks: GroundTracks | None) -> bool:
        """Whether :meth:`meets` needs the footprints of rows with these tracks."""
        all_known = tracks is not None and bool(tracks.known.all())
        return not (all_known and all(condition.precise for condition in self.spatial))

    def meets(self, footprints: NDArray[np.object_] | None, tracks: GroundTracks | None) -> Mask:
        """Rows that meet all areas, shape (rows,).

        ``footprints`` are WKB split at ±180, shape (rows,), or None if not needed. For precise
        areas ``tracks`` count instead in rows that have some; None if there are none.
        """
        import shapely

        shapes = None if footprints is None else shapely.from_wkb(footprints)
        met = []
        for condition in self.spatial:
            if condition.precise and tracks is not None:
                found = tracks.meet(condition.area)
                if shapes is not None:
                    found[~tracks.known] = condition.area.meets(shapes[~tracks.known])
            else:
                assert shapes is not None
                found = condition.area.meets(shapes)
            met.append(found)
        return np.asarray(np.logical_and.reduce(met))


def _text(time: datetime | None) -> str:
    return ".." if time is None else time.isoformat(timespec="seconds").replace("+00:00", "Z")


def _groups_of_ids(
    ids: Collection[str], groups: list[int], ranges: Callable[[str], Sequence[Range | None]]
) -> list[int]:
    """Row groups that can contain one of the ids, by their ranges of ids and of regions."""
    by_region: dict[int | None, list[str]] = {}
    for granule in sorted(ids):
        try:
            region = GranuleName.parse(granule).region
        except ProductError:
            region = None
        by_region.setdefault(region, []).append(granule)
    known_ids, known_regions = ranges("id"), ranges("icesat2:region")

    def may_hold(group: int) -> bool:
        for region, of_region in by_region.items():
            if region is not None and not reaches(known_regions[group], region, region):
                continue
            if (known := known_ids[group]) is None:
                return True
            index = bisect_left(of_region, known[0])
            if index < len(of_region) and of_region[index] <= known[1]:
                return True
        return False

    return [group for group in groups if may_hold(group)]


def _listed(value: Value) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
