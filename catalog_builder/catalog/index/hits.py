"""The rows of an index that a search finds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from catalog_builder.catalog.index.ground_tracks import TRACKS, GroundTracks
from catalog_builder.catalog.index.search import Search
from catalog_builder.catalog.index.snapshot import Snapshot
from catalog_builder.catalog.stac.layout import INDEX

if TYPE_CHECKING:
    import pyarrow as pa

Rows = NDArray[np.int64]
"""Numbers of rows within a row group, shape (rows,)."""

_FIRST: Final = 1
"""Row groups that a search with a limit reads first."""


def find_rows(search: Search, snapshot: Snapshot) -> dict[int, Rows]:
    """The rows that a search finds in one version of an index, by row group, in order.

    Where they are sorted, which needs all of them, the limit is left to who sorts.
    Raises :class:`~catalog_builder.errors.CatalogError` if the index cannot be read.
    """
    left = search.limit if search.sortby is None else None
    found: dict[int, Rows] = {}
    if search.limit == 0:
        return found
    with snapshot.location.reading(INDEX):  # rows may hold what no footprint or track is
        for group, rows in _find(search, snapshot):
            found[group] = rows if left is None else rows[:left]
            if left is not None:
                left -= len(found[group])
                if left == 0:
                    break
    return found


def row_tables(
    snapshot: Snapshot,
    rows: dict[int, Rows],
    columns: list[str] | None,
    *,
    slowly: bool = False,
) -> Iterator[pa.Table]:
    """Some rows, a table for each row group."""
    for group, table in snapshot.read_each(list(rows), columns, slowly=slowly):
        yield table if len(rows[group]) == len(table) else table.take(rows[group])


def _find(search: Search, snapshot: Snapshot) -> Iterator[tuple[int, Rows]]:
    """Row groups with hits, in order, and their rows that are hits."""
    groups = search.groups(snapshot.groups, snapshot.ranges)
    if not search.columns:
        yield from ((group, np.arange(snapshot.rows(group))) for group in groups)
        return
    # With a limit the first groups may be enough; else all keys are fetched at once.
    count = len(groups) if search.limit is None or search.sortby else _FIRST
    while groups:
        yield from _find_in(search, snapshot, groups[:count])
        groups, count = groups[count:], count * 2


def _find_in(search: Search, snapshot: Snapshot, groups: list[int]) -> Iterator[tuple[int, Rows]]:
    # Ids are needed next, and lie beside the other keys.
    keys = snapshot.read(groups, list(dict.fromkeys([*search.columns, "id"])))
    counts = np.cumsum([snapshot.rows(group) for group in groups])[:-1]
    candidates, sure = search.candidates(keys)
    found = dict(zip(groups, np.split(candidates, counts), strict=True))
    unsure = dict(zip(groups, np.split(candidates & ~sure, counts), strict=True))
    rows = {group: np.flatnonzero(mask) for group, mask in unsure.items() if mask.any()}
    for group, met in _meeting(search, snapshot, rows):
        found[group][rows[group][~met]] = False
    for group, mask in found.items():
        if mask.any():
            yield group, np.flatnonzero(mask)


def _meeting(
    search: Search, snapshot: Snapshot, rows: dict[int, Rows]
) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """Which of some rows of row groups meet all areas, by their own shapes."""
    tracks = _tracks(snapshot, rows) if search.precise else {}
    by_footprint = [group for group in rows if search.needs_footprints(tracks.get(group))]
    for group in rows.keys() - set(by_footprint):
        yield group, search.meets(None, tracks[group])
    for group, table in snapshot.read_each(by_footprint, ["geometry"]):
        footprints = table["geometry"].take(rows[group]).to_numpy()
        yield group, search.meets(footprints, tracks.get(group))


def _tracks(snapshot: Snapshot, rows: dict[int, Rows]) -> dict[int, GroundTracks]:
    """Ground tracks of some rows of row groups; empty if the index has none."""
    if TRACKS not in snapshot.schema.names:
        return {}
    return {
        group: GroundTracks(table[TRACKS].take(rows[group]))
        for group, table in snapshot.read_each(list(rows), [TRACKS])
    }
