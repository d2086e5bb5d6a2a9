"""What a search of the item index asks for, tested on columns: no file is read here."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import index
from typing import TYPE_CHECKING, Any, Final, get_args

import numpy as np
from numpy.typing import NDArray

from catalog_builder.atl03 import REGIONS, TRACKS, GranuleName, OrbitState
from catalog_builder.errors import NotATL03Error, WindowError
from catalog_builder.geo.area import Area, parse_area
from catalog_builder.geo.window import Box, Interval, Moment, parse_box, parse_interval

if TYPE_CHECKING:
    import pyarrow as pa

    from catalog_builder.catalog.index.ground_tracks import GroundTracks

Mask = NDArray[np.bool_]
Range = tuple[Any, Any]
"""Smallest and largest value of a column in a row group."""

_RGT: Final = "sat:relative_orbit"
_CYCLE: Final = "sat:orbit_cycle"
_REGION: Final = "icesat2:region"
_REVISION: Final = "icesat2:revision"
_STATE: Final = "sat:orbit_state"
_HIGHEST: Final = {_RGT: TRACKS, _CYCLE: 99, _REGION: REGIONS, _REVISION: 99}
_SIDES: Final = ("xmin", "ymin", "xmax", "ymax")

_STRAY: Final = 0.25
"""Degrees of arc, 28 km, that a ground track may lie outside the box of its footprint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An area that a granule has to meet."""

    area: Area
    precise: bool = False
    """Whether the beams' ground tracks count, where they are known, rather than the footprint."""

    @property
    def bounds(self) -> tuple[Box, ...]:
        """Planar boxes; what meets none of them with its own box does not meet the area."""
        return self.area.reach(_STRAY) if self.precise else self.area.bounds

    def crossed(self, sides: Sequence[NDArray[np.float64]]) -> Mask:
        """Which granules meet a box for certain, by their own boxes.

        A footprint is in one piece, from the west of its box to the east and from the south to
        the north. So it meets a box that holds all its longitudes and one of its latitudes, or
        all its latitudes and one of its longitudes.
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
        (_, s, _, n), *_ = self.area.bounds  # of a box all have the same latitudes
        across = np.where(crosses, to_180 & from_180, within)
        along = (south >= s) & (north <= n)
        return np.asarray((across | along) & _boxes_meet(sides, self.area.bounds))

    def __str__(self) -> str:
        return f"{self.area.said}, precise=True" if self.precise else self.area.said


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Conditions that all must hold; none at all finds every item."""

    places: tuple[Place, ...] = ()
    """The footprint, or a ground track, meets each of these; touching is meeting."""
    intervals: tuple[Interval, ...] = ()
    """The granule's time, start to end, overlaps each of these."""
    values: tuple[tuple[str, int | str], ...] = ()
    """Column and the value it must have."""
    ids: frozenset[str] | None = None
    """The item is one of these; None is any."""
    limit: int | None = None
    """The most items to find, once all conditions hold; None is all."""

    @property
    def columns(self) -> list[str]:
        """Columns that :meth:`candidates` tests; none where there is no condition."""
        columns = list(dict.fromkeys(column for column, _ in self.values))
        if self.intervals:
            columns += ["start_datetime", "end_datetime"]
        if self.ids is not None:
            columns.append("id")
        if self.places:
            columns.append("bbox")
        return columns

    @property
    def precise(self) -> bool:
        """Whether ground tracks are asked for."""
        return any(place.precise for place in self.places)

    def __str__(self) -> str:
        """The conditions there are, in a line."""
        asked = [str(place) for place in self.places]
        asked += [f"datetime={_text(start)}/{_text(end)}" for start, end in self.intervals]
        asked += [f"{column}={value}" for column, value in self.values]
        if self.ids is not None:
            asked.append(f"ids={len(self.ids)}")
        if self.limit is not None:
            asked.append(f"limit={self.limit}")
        return ", ".join(asked)

    def narrowed(
        self,
        *,
        bbox: Sequence[float] | str | None = None,
        intersects: Any = None,
        interval: Moment | Sequence[Moment] = None,
        rgt: int | None = None,
        cycle: int | None = None,
        region: int | None = None,
        orbit_state: str | None = None,
        revision: int | None = None,
        precise: bool = False,
        ids: Collection[str] | None = None,
        limit: int | None = None,
    ) -> Search:
        """Search with more conditions; arguments as those of ``ItemIndex.search``.

        Raises :class:`~catalog_builder.errors.WindowError` for a condition that cannot be.
        """
        areas = [] if bbox is None else [Area.of_box(parse_box(bbox))]
        if intersects is not None:
            areas.append(parse_area(intersects))
        numbers = {_RGT: rgt, _CYCLE: cycle, _REGION: region, _REVISION: revision}
        asked: list[tuple[str, int | str]] = [
            (name, _number(name, number, high=_HIGHEST[name]))
            for name, number in numbers.items()
            if number is not None
        ]
        if orbit_state is not None:
            asked.append((_STATE, _orbit_state(orbit_state)))
        limits = [
            _number("limit", most, low=0) for most in (self.limit, limit) if most is not None
        ]
        if isinstance(ids, str):
            ids = [ids]
        return Search(
            places=(*self.places, *(Place(area=area, precise=bool(precise)) for area in areas)),
            intervals=(
                self.intervals if interval is None else (*self.intervals, parse_interval(interval))
            ),
            values=(*self.values, *asked),
            ids=(
                self.ids
                if ids is None
                else frozenset(ids) & (frozenset(ids) if self.ids is None else self.ids)
            ),
            limit=min(limits, default=None),
        )

    def groups(self, count: int, ranges: Callable[[str], Sequence[Range | None]]) -> list[int]:
        """Numbers of the row groups, of so many, that can hold a hit.

        ``ranges`` gives the smallest and largest value of a column in each of them, None where
        that is not known.
        """
        left = list(range(count))

        def keep(column: str, low: Any, high: Any) -> None:
            known = ranges(column)
            left[:] = [group for group in left if _meets(known[group], low, high)]

        for column, value in self.values:
            keep(column, value, value)
        for start, end in self.intervals:
            if start is not None:
                keep("end_datetime", start, None)
            if end is not None:
                keep("start_datetime", None, end)
        if self.places:
            sides = [ranges(f"bbox.{side}") for side in _SIDES]
            for place in self.places:
                bounds = place.bounds
                left = [g for g in left if any(_near([s[g] for s in sides], b) for b in bounds)]
        return left if self.ids is None else _groups_of_ids(self.ids, left, ranges)

    def candidates(self, keys: pa.Table) -> tuple[Mask, Mask]:
        """Rows for which all but the places holds, and whose box meets those.

        The second mask tells of which of these the places hold too, as far as boxes can tell.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        mask = np.ones(len(keys), dtype=bool)

        def keep(condition: Any) -> None:
            nonlocal mask
            mask &= pc.fill_null(condition, False).to_numpy()

        for column, value in self.values:
            keep(pc.equal(keys[column], value))
        for start, end in self.intervals:
            if start is not None:
                keep(pc.greater_equal(keys["end_datetime"], pa.scalar(start)))
            if end is not None:
                keep(pc.less_equal(keys["start_datetime"], pa.scalar(end)))
        if self.ids is not None:
            keep(pc.is_in(keys["id"], pa.array(sorted(self.ids), pa.string())))
        sure = mask
        if self.places:
            bbox = keys["bbox"].combine_chunks()
            sides = [pc.struct_field(bbox, s).to_numpy(zero_copy_only=False) for s in _SIDES]
            for place in self.places:
                mask = mask & _boxes_meet(sides, place.bounds)
                sure = sure & place.crossed(sides)
        return mask, sure

    def needs_footprints(self, tracks: GroundTracks | None) -> bool:
        """Whether :meth:`meets` looks at footprints of rows with such tracks."""
        told = tracks is not None and bool(tracks.known.all())
        return not (told and all(place.precise for place in self.places))

    def meets(self, footprints: NDArray[np.object_] | None, tracks: GroundTracks | None) -> Mask:
        """Which rows meet all places.

        By their footprints, WKB split at ±180, shape (rows,); precise places by the tracks, where
        a row has any. None stands for what is not needed, or not there.
        """
        import shapely

        shapes = None if footprints is None else shapely.from_wkb(footprints)
        met = []
        for place in self.places:
            if place.precise and tracks is not None:
                found = tracks.meet(place.area)
                if shapes is not None:
                    found[~tracks.known] = place.area.meets(shapes[~tracks.known])
            else:
                assert shapes is not None
                found = place.area.meets(shapes)
            met.append(found)
        return np.asarray(np.logical_and.reduce(met))


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


def _orbit_state(value: str) -> str:
    states = get_args(OrbitState)
    if value not in states:
        raise WindowError(f"{_STATE} is {value!r}: expected {', '.join(states)}.")
    return value


def _meets(known: Range | None, low: Any, high: Any) -> bool:
    """Whether a column that spans ``known`` reaches into low..high; None is open."""
    if known is None:
        return True
    smallest, largest = known
    return (low is None or largest >= low) and (high is None or smallest <= high)


def _near(sides: Sequence[Range | None], box: Box) -> bool:
    """Whether boxes whose west, south, east, north span ``sides`` can meet a planar box."""
    wests, souths, easts, norths = sides
    west, south, east, north = box
    if not (_meets(norths, south, None) and _meets(souths, None, north)):
        return False
    if wests is None or easts is None:
        return True
    from_west, from_east = bool(wests[0] <= east), bool(easts[1] >= west)
    # Where no box can have its west beyond its east, none crosses ±180.
    may_cross = bool(wests[1] > easts[0])
    return (from_west and from_east) or (may_cross and (from_west or from_east))


def _boxes_meet(sides: Sequence[NDArray[np.float64]], bounds: Sequence[Box]) -> Mask:
    """Which item boxes, that may cross ±180, meet at least one of some planar boxes."""
    west, south, east, north = sides
    crosses = west > east
    found = np.zeros(len(west), dtype=bool)
    for w, s, e, n in bounds:
        from_west, from_east = west <= e, east >= w
        beside = np.where(crosses, from_west | from_east, from_west & from_east)
        found |= beside & (south <= n) & (north >= s)
    return found


def _groups_of_ids(
    ids: Collection[str], groups: list[int], ranges: Callable[[str], Sequence[Range | None]]
) -> list[int]:
    """Those of the row groups that can hold one of the ids; an id tells its region."""
    by_region: dict[int | None, list[str]] = {}
    for granule in sorted(ids):
        try:
            region = GranuleName.parse(granule).region
        except NotATL03Error:
            region = None
        by_region.setdefault(region, []).append(granule)
    known_ids, known_regions = ranges("id"), ranges(_REGION)

    def may_hold(group: int) -> bool:
        for region, of_region in by_region.items():
            if region is not None and not _meets(known_regions[group], region, region):
                continue
            if (known := known_ids[group]) is None:
                return True
            place = bisect_left(of_region, known[0])
            if place < len(of_region) and of_region[place] <= known[1]:
                return True
        return False

    return [group for group in groups if may_hold(group)]
