"""Maps photons to segments, which hold different numbers of photons.

``geolocation/ph_index_beg`` is the 1-based number of a segment's first photon and
``geolocation/segment_ph_cnt`` how many photons follow; where a segment has no photon, the first
holds 0 or a fill value. Source: ICESat-2 ATL03 ATBD, section 3, and the attributes of the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.read.row_slices import Bools, Ints, RowSlices
from catalog_builder.errors import SegmentsError

NO_SEGMENT = -1
"""Segment number of a photon that is in no segment."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Segments:
    """A beam's photons in bins: each holds those of one segment, or those between two segments.

    Bin k holds the photons ``edges[k] <= photon < edges[k + 1]``. Every photon is in a bin, and no
    bin is empty.
    """

    edges: Ints
    """Photon numbers, 0-based, one more than there are bins."""
    segment: Ints
    """Number of each bin's segment, 0-based, or ``NO_SEGMENT``."""
    total: int
    """How many segments there are, those without photons included."""

    @classmethod
    def parse(
        cls,
        index_beg: NDArray[np.integer],
        count: NDArray[np.integer],
        photons: int,
        fill: Any = None,
    ) -> Segments:
        """Read ``ph_index_beg`` and ``segment_ph_cnt``, both of one value per segment.

        ``fill`` is the fill value of ``ph_index_beg``, where it is a number. Raises
        :class:`~catalog_builder.errors.SegmentsError` where segments overlap, run backwards, reach
        beyond the beam's last photon, or hold photons that begin nowhere.
        """
        if index_beg.ndim != 1 or index_beg.shape != count.shape:
            raise SegmentsError(
                f"ph_index_beg {index_beg.shape} and segment_ph_cnt {count.shape} must be of one "
                "value per segment: the file is damaged."
            )
        if {index_beg.dtype.kind, count.dtype.kind} - {*"iu"}:
            raise SegmentsError(
                f"ph_index_beg ({index_beg.dtype}) and segment_ph_cnt ({count.dtype}) must be "
                "whole numbers: the file is damaged."
            )
        if (negative := np.flatnonzero(count < 0)).size:
            raise SegmentsError(
                f"Segment {negative[0]} holds {count[negative[0]]} photons by segment_ph_cnt: the "
                "file is damaged."
            )
        holding = count > 0
        if isinstance(fill, int | float | np.number) and fill:
            holding &= index_beg != fill
        if (beyond := np.flatnonzero(holding & (index_beg <= 0))).size:
            raise SegmentsError(
                f"Segment {beyond[0]} holds {count[beyond[0]]} photons by segment_ph_cnt, but "
                f"ph_index_beg, which counts from 1, is {index_beg[beyond[0]]}."
            )
        number = np.flatnonzero(holding).astype(np.int64)
        start = index_beg[holding].astype(np.int64) - 1
        stop = start + count[holding].astype(np.int64)
        after = np.append(start[1:], photons)
        wrong = np.flatnonzero((stop > after) | (stop < start))
        if len(wrong):
            k = int(wrong[0])
            raise SegmentsError(
                f"Segment {number[k]} claims the photons {start[k] + 1} to {stop[k]}, but only "
                f"those up to {after[k]} are free ({photons} photons in all): "
                "ph_index_beg and segment_ph_cnt contradict each other."
            )
        # A gap before each segment and one at the end; empty bins are removed.
        edges = np.concatenate([[0], np.column_stack([start, stop]).ravel(), [photons]])
        segment = np.full(2 * len(number) + 1, NO_SEGMENT, dtype=np.int64)
        segment[1::2] = number
        some = np.diff(edges) > 0
        return cls(
            edges=np.append(edges[:-1][some], photons).astype(np.int64),
            segment=segment[some],
            total=len(index_beg),
        )

    @classmethod
    def unknown(cls, photons: int, total: int) -> Segments:
        """All photons in no segment: nothing is known of the segments."""
        edges = np.array([0, photons] if photons else [0], np.int64)
        return cls(edges=edges, segment=np.full(len(edges) - 1, NO_SEGMENT), total=total)

    @property
    def photons(self) -> int:
        """How many photons there are."""
        return int(self.edges[-1])

    def holding(self, candidate: Bools) -> RowSlices:
        """The photons of these segments (one boolean a segment), and those in no segment.

        A segment without photons is ignored, whatever its position.
        """
        keep = self.segment == NO_SEGMENT
        keep[~keep] = candidate[self.segment[~keep]]
        return RowSlices.of_mask(keep, self.edges)

    def repeats(self, photons: RowSlices) -> tuple[Ints, Ints]:
        """The segments of these photons in order, and how many of the photons are in each.

        ``numpy.repeat`` of the two gives the segment of every photon.
        """
        numbers, counts = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for start, stop in photons:
            first = int(np.searchsorted(self.edges, start, side="right")) - 1
            last = int(np.searchsorted(self.edges, stop, side="left"))
            numbers.append(self.segment[first:last])
            edges: Ints = np.clip(self.edges[first : last + 1], start, stop)
            counts.append(edges[1:] - edges[:-1])
        return np.concatenate(numbers), np.concatenate(counts)

    def remaining(self, photons: RowSlices) -> RowSlices:
        """The segments that hold at least one of these photons."""
        numbers = np.unique(self.repeats(photons)[0])
        return RowSlices.of_rows(numbers[numbers != NO_SEGMENT])
