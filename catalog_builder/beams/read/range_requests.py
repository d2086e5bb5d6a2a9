"""Joins blocks of a file into ranges of bytes, a request each: few, even, with little waste."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from catalog_builder.beams.read.row_slices import Bools, Ints

_MIB: Final = 2**20

GAP: Final = 256 * 1024
"""Bytes between two blocks up to which one request fetches both, while little is wasted in all."""

SMALLEST_REQUEST: Final = _MIB
"""Bytes. Nothing is split below this: 2 MiB take about as long as the wait for an answer."""

LARGEST_REQUEST: Final = 8 * _MIB
"""Bytes of the largest request; a block that is larger still is a request of its own."""

_BYTES_A_REQUEST: Final = 6 * _MIB
_FREE_REQUESTS: Final = 4
"""More requests than one for each 6 MiB and these four are avoided by wider gaps."""
_WASTE: Final = 0.04
"""Share of the bytes needed that may be fetched between blocks."""
_MORE_WASTE: Final = {"whole": 0.049, "window": 0.2}
"""The same where there would be too many requests: for all rows, and for some of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeRequest:
    """One range of bytes to fetch, and the blocks that lie in it."""

    start: int
    """First byte in the file."""
    stop: int
    """The byte after the last one."""
    first: int
    """Number of its first block among the plan's reads."""
    last: int
    """The number after that of its last block."""


def plan_requests(
    start: Ints, stop: Ints, *, gap: int, most: int, rows: Literal["whole", "window"]
) -> tuple[int, tuple[RangeRequest, ...]]:
    """Join blocks into requests; gives the bytes needed, and the requests.

    ``start`` and ``stop`` are bytes in the file, one a block, sorted by start; ``gap`` and
    ``most`` are bytes as in :func:`~catalog_builder.beams.read.plan.plan_reads`; ``rows`` says
    whether all rows of the datasets are wanted.
    """
    if len(start) == 0:
        return 0, ()
    # Two names of one dataset share their bytes, so blocks may overlap.
    reach = np.maximum.accumulate(stop)
    between = np.maximum(start[1:] - reach[:-1], 0)
    needed = int(reach[-1] - start[0] - between.sum())
    largest = int((stop - start).max())
    # A request is cut where a block begins, up to half a block away from an even cut.
    longest = max(most - largest, most // 2)
    limit = needed // _BYTES_A_REQUEST + _FREE_REQUESTS

    order = np.argsort(between, kind="stable")
    cost = np.cumsum(between[order])
    joined = min(
        int(np.searchsorted(cost, _WASTE * needed, "right")),
        int(np.count_nonzero(between <= gap)),
    )
    last = int(np.searchsorted(cost, _MORE_WASTE[rows] * needed, "right"))
    apart = np.ones(len(between), np.bool_)
    apart[order[:joined]] = False
    while joined < last and _count(*_joined(start, reach, apart), longest) > limit:
        apart[order[joined]] = False
        joined += 1

    first, after = _joined(start, reach, apart)
    tried = np.linspace(SMALLEST_REQUEST, longest, 64)
    lengths = after - first
    counts = np.ceil(lengths / tried[:, None]).sum(axis=1)
    length = float(tried[min(int(np.count_nonzero(counts > limit)), len(tried) - 1)])
    pieces = np.ceil(lengths / length).astype(np.int64)
    # Where each piece would begin, then the block that begins nearest to it.
    piece = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    ideal = np.repeat(first, pieces) + piece * np.repeat(lengths / pieces, pieces)
    begins = np.flatnonzero(np.concatenate([[True], start[1:] >= reach[:-1]]))
    places = start[begins]
    right = np.clip(np.searchsorted(places, ideal), 1, max(len(places) - 1, 1))
    right = np.minimum(right, len(places) - 1)
    left = np.maximum(right - 1, 0)
    nearest = np.where(ideal - places[left] < places[right] - ideal, left, right)
    cuts = np.unique(begins[nearest])
    ends = np.append(cuts[1:], len(start))
    return needed, tuple(
        RangeRequest(start=a, stop=b, first=i, last=j)
        for a, b, i, j in zip(
            start[cuts].tolist(),
            reach[ends - 1].tolist(),
            cuts.tolist(),
            ends.tolist(),
            strict=True,
        )
    )


def _joined(start: Ints, reach: Ints, apart: Bools) -> tuple[Ints, Ints]:
    """First byte of each group of blocks fetched together, and the byte after its last."""
    ends = np.flatnonzero(apart)
    return (
        start[np.concatenate([[0], ends + 1])],
        reach[np.concatenate([ends, [len(start) - 1]])],
    )


def _count(first: Ints, after: Ints, length: int) -> int:
    return int(np.ceil((after - first) / length).sum())
