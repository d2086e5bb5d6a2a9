"""Joins rows of a sibling to the photons of a beam: integer arithmetic on whole arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.columns.photon_columns import SelectedRows
from catalog_builder.beams.read.row_slices import Ints, RowSlices
from catalog_builder.errors import BeamError, PairError
from catalog_builder.products.atl03 import COUNT, INDEX_BEG

SEGMENT_ID: Final = "geolocation/segment_id"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JoinedRows:
    """Rows of a sibling, and the photons that they name."""

    rows: Ints | slice
    """Places of the rows among those that were read; a slice where it is all of them."""
    photons: Ints
    """Place among the selected photons of each row's."""
    without_segment: int = 0
    """Rows near the selection whose segment the ATL03 file lacks."""
    beyond: int = 0
    """Rows that name a photon which its segment, or the beam, has not."""

    @classmethod
    def none(cls) -> JoinedRows:
        """No row."""
        return cls(rows=np.empty(0, np.int64), photons=np.empty(0, np.int64))


def join_by_place(rows: SelectedRows, place: NDArray[Any]) -> JoinedRows:
    """Join rows that name photons by their places in the beam, from 0."""
    place = place.astype(np.int64)
    beyond = int(np.count_nonzero((place < 0) | (place >= rows.beam.photons)))
    return _selected(rows, place, beyond=beyond)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SegmentRuns:
    """Rows that name photons by segment and place in it, run by run of one segment.

    All that is known of them before the photons are: some ten rows are a run.
    """

    listed: Ints
    """The segment of each run; they increase."""
    lengths: Ints
    """How many rows it has."""
    place: NDArray[Any]
    """Of each row: which photon of its segment it is, from 1;"""
    lowest: NDArray[Any]
    """the least of each run, and the most."""
    highest: NDArray[Any]

    @classmethod
    def of(cls, segment: NDArray[Any], place: NDArray[Any], href: str) -> SegmentRuns:
        """The runs of rows that are sorted by segment; BeamError where they are not."""
        begins = np.flatnonzero(segment[1:] != segment[:-1]) + 1
        starts = np.concatenate([np.zeros(min(len(segment), 1), begins.dtype), begins])
        listed = segment[starts].astype(np.int64)
        if np.any(np.diff(listed) < 0):
            raise BeamError(f"Segments of the photons of {href} decrease: the file is damaged.")
        return cls(
            listed=listed,
            lengths=np.diff(starts, append=len(segment)),
            place=place,
            lowest=np.minimum.reduceat(place, starts) if len(place) else place,
            highest=np.maximum.reduceat(place, starts) if len(place) else place,
        )


def join_by_segment(rows: SelectedRows, runs: SegmentRuns) -> JoinedRows:
    """Join rows that name photons by segment and place in it.

    There may be more of them than those of the selection.
    """
    ids, first, count = segments_of(rows)
    listed, lengths, place = runs.listed, runs.lengths, runs.place
    if not len(ids) or not len(listed):
        return JoinedRows.none()
    at = np.minimum(np.searchsorted(ids, listed), len(ids) - 1)
    there = ids[at] == listed
    missing = ~there & (listed >= ids[0]) & (listed <= ids[-1])
    if rows.photons.rows == rows.beam.photons:
        missing = ~there
    without = 0
    if missing.any():
        every = rows.beam.read(SEGMENT_ID, RowSlices.whole(rows.beam.segment_count))
        lacking = missing & ~np.isin(listed, every)
        without = int(lengths[lacking].sum())
    before = np.where(there, first[at] - 1, 0)
    most = np.where(there, count[at], 0)
    named: Ints = np.repeat(before, lengths)
    named += place.astype(np.int64, copy=False) if place.dtype.kind == "u" else place
    beyond = 0
    odd = (runs.lowest < 1) | (runs.highest > most)
    if odd.any():  # of segments that are missing too
        of_segment = np.repeat(there, lengths)
        wrong = (place < 1) | (place > np.repeat(most, lengths))
        beyond = int(np.count_nonzero(wrong & of_segment))
        named[wrong | ~of_segment] = -1
    found = _selected(rows, named, beyond=beyond)
    return JoinedRows(
        rows=found.rows, photons=found.photons, without_segment=without, beyond=beyond
    )


def segments_of(rows: SelectedRows) -> tuple[Ints, Ints, Ints]:
    """Id, first photon (counted from 0) and number of photons of the segments.

    Raises :class:`~catalog_builder.errors.PairError` where the file does not say which photons its
    segments hold.
    """
    beam = rows.beam
    ids, index, count = (
        rows.read(beam.variable(path)).astype(np.int64) for path in (SEGMENT_ID, INDEX_BEG, COUNT)
    )
    first = index - 1
    if rows.segment_of is None:  # what ph_index_beg says cannot be: the counts may be right
        count = np.maximum(count, 0)
        first = np.cumsum(count) - count
        if int(count.sum()) != beam.photons:
            raise PairError(
                f"{beam.attributes()['granule']} {beam.attributes()['beam']} does not say which "
                "photons its segments hold: classes cannot be joined."
            )
    if np.any(np.diff(ids) <= 0):
        some = count > 0  # those without photons may have no number
        ids, first, count = ids[some], first[some], count[some]
    if np.any(np.diff(ids) <= 0):
        raise PairError(f"{SEGMENT_ID} of {beam.attributes()['granule']} does not increase.")
    return ids, first, count


def _selected(rows: SelectedRows, named: Ints, *, beyond: int) -> JoinedRows:
    """Of the rows, those that name a photon of the selection."""
    photons = rows.photons
    if len(photons) <= 1:
        start, stop = (int(photons.start[0]), int(photons.stop[0])) if len(photons) else (0, 0)
        if len(named) and named.min() >= start and named.max() < stop:
            return JoinedRows(
                rows=slice(None), photons=named - start if start else named, beyond=beyond
            )
        inside = (named >= start) & (named < stop)
        at = named[inside] - start
    else:
        run = np.searchsorted(photons.start, named, side="right") - 1
        inside = (run >= 0) & (named < photons.stop[run])
        lengths = photons.stop - photons.start
        shift = np.cumsum(lengths) - lengths - photons.start
        at = named[inside] + shift[run[inside]]
    return JoinedRows(rows=np.flatnonzero(inside), photons=at, beyond=beyond)
