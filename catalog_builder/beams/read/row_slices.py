"""Rows of an array as sorted slices that do not touch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_LONG: Final = 64
"""Mean rows a slice from which on slices are copied one by one instead of row by row."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowSlices:
    """Rows ``start[k] <= row < stop[k]`` for each k, increasing; no two touch, none is empty."""

    start: Ints
    """First row of each slice, 0-based."""
    stop: Ints
    """The row after the last one of each slice."""

    @classmethod
    def whole(cls, rows: int) -> RowSlices:
        """All rows of an array of this length."""
        return cls.of_mask(np.array([True]), np.array([0, rows]))

    @classmethod
    def of_mask(cls, keep: Bools, edges: Ints) -> RowSlices:
        """The rows of the bins that are kept: bin k holds ``edges[k] <= row < edges[k + 1]``."""
        keep = keep & (np.diff(edges) > 0)
        start, stop = edges[:-1][keep], edges[1:][keep]
        apart = start[1:] != stop[:-1]
        first, last = np.ones(len(start), np.bool_), np.ones(len(start), np.bool_)
        first[1:], last[:-1] = apart, apart
        return cls(start=start[first], stop=stop[last])

    @classmethod
    def of_rows(cls, rows: Ints) -> RowSlices:
        """These rows, which increase."""
        apart = np.diff(rows) != 1
        first, last = np.ones(len(rows), np.bool_), np.ones(len(rows), np.bool_)
        first[1:], last[:-1] = apart, apart
        return cls(start=rows[first], stop=rows[last] + 1)

    @classmethod
    def of_ranges(cls, first: Ints, last: Ints) -> RowSlices:
        """All rows from ``first[k]`` to ``last[k]``, both included, of ranges that may overlap."""
        order = np.argsort(first, kind="stable")
        start, stop = first[order], np.maximum.accumulate(last[order]) + 1
        apart = start[1:] > stop[:-1]
        begins, ends = np.ones(len(start), np.bool_), np.ones(len(start), np.bool_)
        begins[1:], ends[:-1] = apart, apart
        return cls(start=start[begins], stop=stop[ends])

    def __len__(self) -> int:
        """How many slices there are."""
        return len(self.start)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Start and stop of each slice."""
        return zip(self.start.tolist(), self.stop.tolist(), strict=True)

    @property
    def rows(self) -> int:
        """How many rows there are in all."""
        return int((self.stop - self.start).sum())

    def numbers(self) -> Ints:
        """The number of every row, increasing."""
        lengths = self.stop - self.start
        before = np.cumsum(lengths) - lengths
        numbers: Ints = np.arange(self.rows) + np.repeat(self.start - before, lengths)
        return numbers

    def where(self, keep: Bools) -> RowSlices:
        """Those of the rows for which ``keep``, one value for each of them, is true."""
        lengths = self.stop - self.start
        before = np.cumsum(lengths) - lengths
        last = before + lengths - 1
        # Runs of true values, cut where a slice ends: rows are not numbered one by one.
        begins, ends = keep.copy(), keep.copy()
        begins[1:] &= ~keep[:-1]
        begins[before] = keep[before]
        ends[:-1] &= ~keep[1:]
        ends[last] = keep[last]
        first, final = np.flatnonzero(begins), np.flatnonzero(ends)
        shift = (self.start - before)[np.searchsorted(before, first, side="right") - 1]
        return RowSlices(start=first + shift, stop=final + shift + 1)

    def part(self, first: int, last: int) -> RowSlices:
        """The rows from the ``first``-th up to but not including the ``last``-th of these."""
        lengths = self.stop - self.start
        before = np.cumsum(lengths) - lengths
        start = self.start + np.clip(first - before, 0, lengths)
        stop = self.start + np.clip(last - before, 0, lengths)
        some = start < stop
        return RowSlices(start=start[some], stop=stop[some])

    def positions(self, rows: RowSlices) -> Ints:
        """Position among these rows of each row of ``rows``, a subset of them."""
        lengths = self.stop - self.start
        before = np.cumsum(lengths) - lengths
        run = np.searchsorted(self.start, rows.start, side="right") - 1
        shift = (before - self.start)[run]
        positions: Ints = rows.numbers() + np.repeat(shift, rows.stop - rows.start)
        return positions

    def take(
        self, values: NDArray[Any], rows: RowSlices, keep: Bools | None = None
    ) -> NDArray[Any]:
        """Of ``values``, one for each of these rows, those of ``rows``, a subset of them.

        ``keep`` tells them as a mask, where there is one: as for :meth:`where`.
        """
        # Slices so short that rows are copied one by one.
        if len(rows) * _LONG > rows.rows:
            return values[self.positions(rows) if keep is None else keep]
        run = np.searchsorted(self.start, rows.start, side="right") - 1
        lengths = self.stop - self.start
        before = np.cumsum(lengths) - lengths
        first = rows.start - self.start[run] + before[run]
        spans = zip(first.tolist(), (first + rows.stop - rows.start).tolist(), strict=True)
        return np.concatenate([values[:0], *(values[a:b] for a, b in spans)])

    def same(self, other: RowSlices) -> bool:
        """Whether these are the same rows."""
        return np.array_equal(self.start, other.start) and np.array_equal(self.stop, other.stop)

    def within(self, start: int, stop: int) -> RowSlices:
        """The slices between these two rows, neither of which may cut one."""
        first, last = np.searchsorted(self.start, [start, stop])
        return RowSlices(start=self.start[first:last], stop=self.stop[first:last])

    def joined(self, gap: int) -> RowSlices:
        """Fewer, longer slices: those no more than ``gap`` rows apart become one."""
        if len(self) == 0:
            return self
        apart = self.start[1:] - self.stop[:-1] > gap
        return RowSlices(
            start=np.concatenate([self.start[:1], self.start[1:][apart]]),
            stop=np.concatenate([self.stop[:-1][apart], self.stop[-1:]]),
        )
