"""Which bytes of a granule to fetch for the rows wanted of its datasets, and in which parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.read.row_slices import Ints, Runs
from catalog_builder.beams.references.reference_set import BeamReferences, DatasetReferences
from catalog_builder.errors import StaleReferencesError

_MIB: Final = 2**20

GAP: Final = 256 * 1024
"""Bytes between two chunks that are fetched along with them, as long as they are few in all."""

LEAST_PART: Final = _MIB
"""Bytes. Nothing is split below this: an answer takes about as long to begin as 2 MiB to come."""

MOST_PART: Final = 8 * _MIB
"""Bytes of the largest part; a chunk that is larger still is a part of its own."""

_BYTES_A_GET: Final = 6 * _MIB
_FREE_GETS: Final = 4
_WASTE: Final = 0.04
"""Of the bytes needed, what may be fetched between chunks."""
_MORE_WASTE: Final = {"whole": 0.049, "window": 0.2}
"""The same where there would be too many requests, for all rows, and for some of them."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Output:
    """What is wanted of one dataset."""

    dataset: DatasetReferences
    rows: Runs
    """Along the first dimension; they come one after another."""
    block_shape: tuple[int, ...]
    """What is decoded at once: a chunk, or some rows of what is stored plainly in one piece."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array that comes out."""
        return (self.rows.rows, *self.dataset.shape[1:])

    @property
    def in_one_piece(self) -> bool:
        """Whether rows are stored as they are, so that any of them can be read alone."""
        return self.block_shape != self.dataset.chunk_shape

    @property
    def grid(self) -> tuple[int, ...]:
        """How many blocks lie along each dimension."""
        return tuple(-(-n // b) for n, b in zip(self.dataset.shape, self.block_shape, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChunkReads:
    """Blocks to read, each array with one value a block; sorted by offset."""

    output: Ints
    """Which of the plan's outputs it belongs to."""
    number: Ints
    """Its place in the output's grid of blocks, in C order."""
    offset: Ints
    """First byte in the file."""
    size: Ints
    """Bytes stored; 0 where it was never written."""
    filter_mask: Ints
    """Bit k is set where filter k was left out."""

    def __len__(self) -> int:
        return len(self.offset)

    def of(self, which: slice | NDArray[Any]) -> ChunkReads:
        """Some of these."""
        return ChunkReads(
            output=self.output[which],
            number=self.number[which],
            offset=self.offset[which],
            size=self.size[which],
            filter_mask=self.filter_mask[which],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Bytes that one request fetches, and the blocks that lie in them."""

    start: int
    """First byte in the file."""
    stop: int
    """The byte after the last one."""
    first: int
    """Number of its first block among the plan's reads."""
    last: int
    """The number after that of its last block."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReadPlan:
    """What to fetch of one version of a granule, and what comes of it."""

    size: int
    """Bytes of the granule."""
    etag: str | None
    """What the server calls this version of it, where that is known."""
    outputs: tuple[Output, ...]
    reads: ChunkReads
    unwritten: ChunkReads
    """Blocks that hold fill values alone, of which nothing is stored."""
    parts: tuple[Part, ...]
    """In the order of the file. They do not overlap; each block lies in one of them."""
    bytes_needed: int
    """Stored bytes of all blocks."""

    @property
    def bytes_fetched(self) -> int:
        """Bytes of all parts, with what lies between blocks."""
        return sum(part.stop - part.start for part in self.parts)


def plan_reads(
    references: BeamReferences,
    wanted: Mapping[str, Runs],
    *,
    gap: int = GAP,
    most: int = MOST_PART,
) -> ReadPlan:
    """Plan how to read these rows of these datasets, all in one round of requests.

    Blocks up to ``gap`` bytes apart are fetched together, as long as that adds no more than 4 %.
    What then is more than one request for 6 MiB and four more is brought nearer to that by
    fetching more that is not needed: up to 5 % of whole datasets, 20 % of parts of them. What is
    fetched together is split where blocks end, into pieces of about the same size, of 1 MiB to
    ``most`` bytes if it is that long.

    ``wanted`` maps paths within the beam to rows. Raises
    :class:`~catalog_builder.errors.UnsupportedFilterError` where h5py must read one of them, and
    :class:`~catalog_builder.errors.StaleReferencesError` where the references cannot be right.
    """
    datasets = [references.datasets[path] for path in wanted]
    for dataset in datasets:
        dataset.require_supported()
    outputs = tuple(
        Output(dataset=dataset, rows=rows, block_shape=_block_shape(dataset))
        for dataset, rows in zip(datasets, wanted.values(), strict=True)
    )
    reads = _sorted(_reads(number, output) for number, output in enumerate(outputs))
    stored = reads.size != 0
    unwritten, reads = reads.of(~stored), reads.of(stored)
    stop = reads.offset + reads.size
    if len(reads) and not (
        0 <= reads.offset[0] <= int(stop.max()) <= references.size and reads.size.min() > 0
    ):
        raise StaleReferencesError(
            f"The references of {references.granule} {references.beam} lead beyond its "
            f"{references.size} bytes: index the granule again."
        )
    whole = all(output.rows.rows == output.dataset.shape[0] for output in outputs)
    needed, parts = _parts(reads.offset, stop, gap, most, "whole" if whole else "window")
    return ReadPlan(
        size=references.size,
        etag=references.etag,
        outputs=outputs,
        reads=reads,
        unwritten=unwritten,
        parts=parts,
        bytes_needed=needed,
    )


def _block_shape(dataset: DatasetReferences) -> tuple[int, ...]:
    if dataset.filters or dataset.chunk_shape != dataset.shape or len(dataset.sizes) != 1:
        return dataset.chunk_shape
    row = prod(dataset.shape[1:]) * dataset.dtype.itemsize
    return (min(dataset.shape[0], max(1, LEAST_PART // max(row, 1))), *dataset.shape[1:])


def _reads(which: int, output: Output) -> ChunkReads:
    """The blocks that hold the rows wanted, written or not, in the order of their numbers."""
    dataset, rows = output.dataset, output.rows
    if len(rows) and (rows.start[0] < 0 or rows.stop[-1] > dataset.shape[0]):
        raise ValueError(
            f"{dataset.path} has {dataset.shape[0]} rows; wanted are {rows.start[0]} to "
            f"{rows.stop[-1]}."
        )
    number = np.empty(0, np.int64)
    if dataset.inline is None and len(rows):
        length, across = output.block_shape[0], prod(output.grid[1:])
        edges = np.zeros(output.grid[0] + 1, np.int64)
        np.add.at(edges, rows.start // length, 1)
        np.add.at(edges, (rows.stop - 1) // length + 1, -1)
        layers = np.flatnonzero(np.cumsum(edges[:-1]))
        number = (layers[:, None] * across + np.arange(across)).ravel()
    if output.in_one_piece:
        row = prod(dataset.shape[1:]) * dataset.dtype.itemsize
        whole = int(dataset.sizes[0])
        if whole not in (0, row * dataset.shape[0]):
            raise StaleReferencesError(
                f"{dataset.path} is said to take {whole} bytes, but its values take "
                f"{row * dataset.shape[0]}: index the granule again."
            )
        first = number * output.block_shape[0] * row
        offset = first + int(dataset.offsets[0])
        size = np.clip(whole - first, 0, output.block_shape[0] * row)
        mask = np.zeros_like(number)
    else:
        offset = dataset.offsets[number].astype(np.int64)
        size = dataset.sizes[number].astype(np.int64)
        mask = dataset.filter_masks[number].astype(np.int64)
    output_number = np.full(len(number), which, np.int64)
    return ChunkReads(
        output=output_number, number=number, offset=offset, size=size, filter_mask=mask
    )


def _sorted(each: Iterable[ChunkReads]) -> ChunkReads:
    found = list(each)
    none = [np.empty(0, np.int64)]
    joined = ChunkReads(
        output=np.concatenate([one.output for one in found] or none),
        number=np.concatenate([one.number for one in found] or none),
        offset=np.concatenate([one.offset for one in found] or none),
        size=np.concatenate([one.size for one in found] or none),
        filter_mask=np.concatenate([one.filter_mask for one in found] or none),
    )
    return joined.of(np.argsort(joined.offset, kind="stable"))


def _parts(
    start: Ints, stop: Ints, gap: int, most: int, kind: Literal["whole", "window"]
) -> tuple[int, tuple[Part, ...]]:
    """Bytes needed, and the parts, for blocks from ``start`` to ``stop``, sorted by start."""
    if len(start) == 0:
        return 0, ()
    # Two names of one dataset share their bytes, so blocks may overlap.
    reach = np.maximum.accumulate(stop)
    between = np.maximum(start[1:] - reach[:-1], 0)
    needed = int(reach[-1] - start[0] - between.sum())
    largest = int((stop - start).max())
    # Cuts fall up to half a block from where they would be even.
    longest = max(most - largest, most // 2)
    limit = needed // _BYTES_A_GET + _FREE_GETS

    order = np.argsort(between, kind="stable")
    cost = np.cumsum(between[order])
    joined = min(
        int(np.searchsorted(cost, _WASTE * needed, "right")),
        int(np.count_nonzero(between <= gap)),
    )
    last = int(np.searchsorted(cost, _MORE_WASTE[kind] * needed, "right"))
    apart = np.ones(len(between), np.bool_)
    apart[order[:joined]] = False
    while joined < last and _count(*_runs(start, reach, apart), longest) > limit:
        apart[order[joined]] = False
        joined += 1

    first, after = _runs(start, reach, apart)
    tried = np.linspace(LEAST_PART, longest, 64)
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
        Part(start=a, stop=b, first=i, last=j)
        for a, b, i, j in zip(
            start[cuts].tolist(),
            reach[ends - 1].tolist(),
            cuts.tolist(),
            ends.tolist(),
            strict=True,
        )
    )


def _runs(start: Ints, reach: Ints, apart: NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """First byte, and the one after the last, of what is fetched together."""
    ends = np.flatnonzero(apart)
    return (
        start[np.concatenate([[0], ends + 1])],
        reach[np.concatenate([ends, [len(start) - 1]])],
    )


def _count(first: Ints, after: Ints, length: int) -> int:
    return int(np.ceil((after - first) / length).sum())
