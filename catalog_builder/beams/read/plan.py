"""Plans which bytes of a granule to fetch for the rows wanted of its datasets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.read.range_requests import (
    GAP,
    LARGEST_REQUEST,
    SMALLEST_REQUEST,
    RangeRequest,
    plan_requests,
)
from catalog_builder.beams.read.row_slices import Bools, Ints, RowSlices
from catalog_builder.beams.references.reference_set import (
    DEFLATE,
    SHUFFLE,
    BeamReferences,
    DatasetReferences,
)
from catalog_builder.errors import StaleReferencesError

LEAST_SAVED: Final = 128 * 1024
"""Bytes of a block that must be saved for its beginning alone to be read."""
_LONGER: Final = 1.06
"""A beginning is so much longer than its share of the block: all rows do not deflate alike."""
_HEADER: Final = 4096
"""Bytes more: a stream begins with its codes."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Output:
    """The rows wanted of one dataset, and the array that they become."""

    dataset: DatasetReferences
    rows: RowSlices
    """Along the first dimension; the array has them one after another."""
    block_shape: tuple[int, ...]
    """Shape of what is decoded at once: a chunk, or some rows of a contiguous dataset."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return (self.rows.rows, *self.dataset.shape[1:])

    @property
    def in_one_piece(self) -> bool:
        """Whether the dataset is contiguous and without filters: any rows can be read alone."""
        return self.block_shape != self.dataset.chunk_shape

    @property
    def is_stream(self) -> bool:
        """Whether the first bytes of a block inflate to its first rows."""
        shuffled = self.dataset.dtype.itemsize > 1
        filters = [one for one in self.dataset.filters if one != SHUFFLE or shuffled]
        return filters == [DEFLATE] and prod(self.grid[1:]) == 1

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
    beginning: Bools
    """Where ``size`` is of the beginning alone, about as long as the rows wanted take."""

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
            beginning=self.beginning[which],
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReadPlan:
    """What to fetch of one version of a granule, and the arrays that it fills."""

    size: int
    """Bytes of the granule."""
    etag: str | None
    """ETag of this version, where it is known."""
    outputs: tuple[Output, ...]
    reads: ChunkReads
    unwritten: ChunkReads
    """Blocks that were never written: fill values alone."""
    requests: tuple[RangeRequest, ...]
    """In the order of the file. They do not overlap; each block lies in one of them."""
    bytes_needed: int
    """Stored bytes of all blocks."""

    @property
    def bytes_fetched(self) -> int:
        """Bytes of all requests, with what lies between blocks."""
        return sum(request.stop - request.start for request in self.requests)


def plan_reads(
    references: BeamReferences,
    wanted: Mapping[str, RowSlices],
    *,
    gap: int = GAP,
    most: int = LARGEST_REQUEST,
    beginnings: bool = False,
) -> ReadPlan:
    """Plan how to read these rows of these datasets, all in one round of requests.

    Blocks up to ``gap`` bytes apart are fetched together, while that adds no more than 4 %. If
    that leaves more than one request for 6 MiB and four more, wider gaps are fetched too: up to
    5 % for whole datasets, 20 % for parts of them. What is fetched together is split where blocks
    end, into requests of about the same size, of 1 MiB to ``most`` bytes.

    With ``beginnings``, of a block whose last rows are not wanted only the beginning is fetched,
    where its filters allow that; reading raises
    :class:`~catalog_builder.beams.read.decode.ShortBeginning` where that was too little.

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
    reads = _sorted([_reads(number, one, beginnings) for number, one in enumerate(outputs)])
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
    needed, requests = plan_requests(
        reads.offset, stop, gap=gap, most=most, rows="whole" if whole else "window"
    )
    return ReadPlan(
        size=references.size,
        etag=references.etag,
        outputs=outputs,
        reads=reads,
        unwritten=unwritten,
        requests=requests,
        bytes_needed=needed,
    )


def _block_shape(dataset: DatasetReferences) -> tuple[int, ...]:
    if dataset.filters or dataset.chunk_shape != dataset.shape or len(dataset.sizes) != 1:
        return dataset.chunk_shape
    row = prod(dataset.shape[1:]) * dataset.dtype.itemsize
    return (min(dataset.shape[0], max(1, SMALLEST_REQUEST // max(row, 1))), *dataset.shape[1:])


def _reads(which: int, output: Output, beginnings: bool) -> ChunkReads:
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
                f"{dataset.path} takes {whole} bytes by its references, but its values take "
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
    beginning = np.zeros(len(number), np.bool_)
    if beginnings and output.is_stream and len(number):
        length = output.block_shape[0]
        before = np.searchsorted(rows.start, (number + 1) * length) - 1
        held = np.minimum(length, dataset.shape[0] - number * length)  # the last one is padded
        share = (rows.stop[before] - number * length) / held
        less = np.ceil(size * share * _LONGER).astype(np.int64) + _HEADER
        beginning = (size - less > LEAST_SAVED) & (mask == 0)
        size = np.where(beginning, less, size)
    return ChunkReads(
        output=np.full(len(number), which, np.int64),
        number=number,
        offset=offset,
        size=size,
        filter_mask=mask,
        beginning=beginning,
    )


def _sorted(reads: Sequence[ChunkReads]) -> ChunkReads:
    none = [np.empty(0, np.int64)]
    joined = ChunkReads(
        output=np.concatenate([one.output for one in reads] or none),
        number=np.concatenate([one.number for one in reads] or none),
        offset=np.concatenate([one.offset for one in reads] or none),
        size=np.concatenate([one.size for one in reads] or none),
        filter_mask=np.concatenate([one.filter_mask for one in reads] or none),
        beginning=np.concatenate([one.beginning for one in reads] or [np.empty(0, np.bool_)]),
    )
    return joined.of(np.argsort(joined.offset, kind="stable"))
