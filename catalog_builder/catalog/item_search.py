"""What a search of the item index asks for, tested on columns: no file is read here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import index
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from catalog_builder.atl03 import REGIONS, TRACKS
from catalog_builder.errors import WindowError
from catalog_builder.window import Box, Interval, Moment, flat_boxes, parse_box, parse_interval

if TYPE_CHECKING:
    import pyarrow as pa

Mask = NDArray[np.bool_]
Range = tuple[Any, Any]
"""Smallest and largest value of a column in a row group."""

_RGT: Final = "sat:relative_orbit"
_CYCLE: Final = "sat:orbit_cycle"
_REGION: Final = "icesat2:region"
_HIGHEST: Final = {_RGT: TRACKS, _CYCLE: 99, _REGION: REGIONS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Conditions that all must hold; none at all finds every item."""

    boxes: tuple[Box, ...] = ()
    """The footprint meets each of these; touching is meeting."""
    intervals: tuple[Interval, ...] = ()
    """The granule's time, start to end, overlaps each of these."""
    numbers: tuple[tuple[str, int], ...] = ()
    """Column and the value it must have."""
    ids: frozenset[str] | None = None
    """The item is one of these; None is any."""
    limit: int | None = None
    """The most items to find, once all conditions hold; None is all."""

    @property
    def columns(self) -> list[str]:
        """Columns that :meth:`candidates` tests; none where there is no condition."""
        columns = [column for column, _ in self.numbers]
        if self.intervals:
            columns += ["start_datetime", "end_datetime"]
        if self.ids is not None:
            columns.append("id")
        if self.boxes:
            columns.append("bbox")
        return columns

    def __str__(self) -> str:
        """The conditions there are, in a line."""
        asked = [f"bbox={list(box)}" for box in self.boxes]
        asked += [f"datetime={_text(start)}/{_text(end)}" for start, end in self.intervals]
        asked += [f"{column}={value}" for column, value in self.numbers]
        if self.ids is not None:
            asked.append(f"ids={len(self.ids)}")
        if self.limit is not None:
            asked.append(f"limit={self.limit}")
        return ", ".join(asked)

    def narrowed(
        self,
        *,
        bbox: Sequence[float] | str | None = None,
        interval: Moment | Sequence[Moment] = None,
        rgt: int | None = None,
        cycle: int | None = None,
        region: int | None = None,
        ids: Collection[str] | None = None,
        limit: int | None = None,
    ) -> Search:
        """Search with more conditions; arguments as those of ``ItemIndex.search``.

        Raises :class:`~catalog_builder.errors.WindowError` for a condition that cannot be.
        """
        numbers = {_RGT: rgt, _CYCLE: cycle, _REGION: region}
        asked = [
            (name, _number(name, number, high=_HIGHEST[name]))
            for name, number in numbers.items()
            if number is not None
        ]
        limits = [
            _number("limit", most, low=0) for most in (self.limit, limit) if most is not None
        ]
        if isinstance(ids, str):
            ids = [ids]
        return Search(
            boxes=self.boxes if bbox is None else (*self.boxes, parse_box(bbox)),
            intervals=(
                self.intervals if interval is None else (*self.intervals, parse_interval(interval))
            ),
            numbers=(*self.numbers, *asked),
            ids=(
                self.ids
                if ids is None
                else frozenset(ids) & (frozenset(ids) if self.ids is None else self.ids)
            ),
            limit=min(limits, default=None),
        )

    def may_be_in(self, ranges: Callable[[str], Range | None]) -> bool:
        """Whether a row group can hold a hit.

        ``ranges`` gives the smallest and largest value of a column in it, None where not known.
        """
        for column, value in self.numbers:
            if not _meets(ranges(column), value, value):
                return False
        for start, end in self.intervals:
            if start is not None and not _meets(ranges("end_datetime"), start, None):
                return False
            if end is not None and not _meets(ranges("start_datetime"), None, end):
                return False
        # Longitudes do not tell: a box across ±180 has its west greater than its east.
        for _, south, _, north in self.boxes:
            if not _meets(ranges("bbox.ymax"), south, None):
                return False
            if not _meets(ranges("bbox.ymin"), None, north):
                return False
        ids = ranges("id")
        return self.ids is None or any(_meets(ids, each, each) for each in self.ids)

    def candidates(self, keys: pa.Table) -> Mask:
        """Rows for which all but the footprint itself holds: its box stands in for it."""
        import pyarrow as pa
        import pyarrow.compute as pc

        mask = np.ones(len(keys), dtype=bool)

        def keep(condition: Any) -> None:
            nonlocal mask
            mask &= pc.fill_null(condition, False).to_numpy()

        for column, value in self.numbers:
            keep(pc.equal(keys[column], value))
        for start, end in self.intervals:
            if start is not None:
                keep(pc.greater_equal(keys["end_datetime"], pa.scalar(start)))
            if end is not None:
                keep(pc.less_equal(keys["start_datetime"], pa.scalar(end)))
        if self.ids is not None:
            keep(pc.is_in(keys["id"], pa.array(sorted(self.ids), pa.string())))
        if self.boxes:
            bbox = keys["bbox"].combine_chunks()
            sides = [
                pc.struct_field(bbox, name).to_numpy(zero_copy_only=False)
                for name in ("xmin", "ymin", "xmax", "ymax")
            ]
            for box in self.boxes:
                mask &= _box_meets(sides, box)
        return mask

    def meets(self, geometries: NDArray[np.object_]) -> Mask:
        """Which footprints, split at ±180, meet every box."""
        from catalog_builder.catalog.footprint import meet_box

        mask = np.ones(len(geometries), dtype=bool)
        for box in self.boxes:
            mask &= meet_box(geometries, box)
        return mask


def _text(time: datetime | None) -> str:
    return ".." if time is None else time.isoformat(timespec="seconds").replace("+00:00", "Z")


def _number(name: str, value: int, *, low: int = 1, high: int | None = None) -> int:
    expected = f"{low} or more" if high is None else f"{low} to {high}"
    try:
        number = index(value)
    except TypeError as error:
        raise WindowError(f"{name} is {value!r}: expected a whole number, {expected}.") from error
    if number < low or (high is not None and number > high):
        raise WindowError(f"{name} is {value}: expected {expected}.")
    return number


def _meets(known: Range | None, low: Any, high: Any) -> bool:
    """Whether a column that spans ``known`` reaches into low..high; None is open."""
    if known is None:
        return True
    smallest, largest = known
    return (low is None or largest >= low) and (high is None or smallest <= high)


def _box_meets(sides: Iterable[NDArray[np.float64]], box: Box) -> Mask:
    """Which item boxes meet the box; either may cross ±180."""
    west, south, east, north = sides
    crosses = west > east
    found = np.zeros(len(west), dtype=bool)
    for w, _, e, _ in flat_boxes(box):
        plain = (west <= e) & (east >= w)
        found |= np.where(crosses, (west <= e) | (east >= w), plain)
    return np.asarray(found & (south <= box[3]) & (north >= box[1]))
