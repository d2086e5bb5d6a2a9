"""Finds the rows of ATL08's photons that belong to some segments."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.read.row_slices import RowSlices
from catalog_builder.errors import BeamError
from catalog_builder.products.product import SegmentJoin
from catalog_builder.siblings.sibling_reader import SiblingReader, require_number


def rows_of_segments(
    beam: SiblingReader, join: SegmentJoin, first: NDArray[Any], last: NDArray[Any]
) -> RowSlices:
    """Rows whose segment lies in one of the ranges from ``first[k]`` to ``last[k]``.

    The ranges increase and do not overlap. Rows are sorted by segment, and the land segments count
    theirs: so only rows near the ranges are read. (``ph_ndx_beg`` is not used: there are files in
    which it is wrong, and whose counts are right.)
    """
    if not len(first):
        return RowSlices.whole(0)
    near, segment = rows_near_segments(beam, join, int(first.min()), int(last.max()))
    if np.any(np.diff(segment) < 0):
        raise BeamError(f"{join.segment} of {beam.href} decreases: the file is damaged.")
    place = np.searchsorted(first, segment, side="right") - 1
    inside = place >= 0
    inside[inside] = segment[inside] <= last[place[inside]]
    return near.where(inside)


def rows_near_segments(
    beam: SiblingReader, join: SegmentJoin, lowest: int, highest: int
) -> tuple[RowSlices, NDArray[Any]]:
    """Rows among which are all whose segment is between these two, and their segments."""
    require_number(beam.variable(join.segment), beam.href)
    near = _near(beam, join, lowest, highest)
    segment = beam.read(join.segment, near)
    if _misses_some(segment, near, lowest, highest, total := _rows(beam, join)):
        near = RowSlices.whole(total)
        segment = beam.read(join.segment, near)
    return near, segment


def _rows(beam: SiblingReader, join: SegmentJoin) -> int:
    return (beam.shape(join.segment) or (0,))[0]


def _near(beam: SiblingReader, join: SegmentJoin, first: int, last: int) -> RowSlices:
    """Rows of the land segments from one segment to another, and one more on either side.

    All rows where the land segments do not count them.
    """
    total = _rows(beam, join)
    paths = (join.first, join.last, join.count)
    for path in paths:
        require_number(beam.variable(path), beam.href)
    lands = RowSlices.whole((beam.shape(join.first) or (0,))[0])
    begin, end, count = (beam.read(path, lands) for path in paths)
    edges = np.concatenate([[0], np.cumsum(count.astype(np.int64))])
    some = np.flatnonzero((end >= first) & (begin <= last))
    if np.any(count < 0) or edges[-1] != total or not len(some):
        return RowSlices.whole(total)
    start, stop = int(edges[some[0]]) - 1, int(edges[some[-1] + 1]) + 1
    return RowSlices.of_rows(np.arange(max(start, 0), min(stop, total), dtype=np.int64))


def _misses_some(
    segment: NDArray[Any], near: RowSlices, first: int, last: int, total: int
) -> bool:
    """Whether rows of the segments may lie outside those that were read."""
    if near.rows in (0, total):
        return False
    ((start, stop),) = near
    return bool((start > 0 and segment[0] >= first) or (stop < total and segment[-1] <= last))
