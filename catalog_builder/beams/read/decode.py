"""Decodes stored chunks into arrays, bit for bit as HDF5 does it."""

from __future__ import annotations

import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, Any

import deflate
import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.references.reference_set import (
    DEFLATE,
    SHUFFLE,
    DatasetReferences,
    Filter,
)
from catalog_builder.errors import StaleReferencesError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

    from catalog_builder.beams.read.plan import Output

Bytes = NDArray[np.uint8]


class ShortBeginning(Exception):  # noqa: N818 (no failure: more is read)
    """The beginning of a chunk that was read holds fewer rows than are wanted."""


def decode_beginning(raw: ReadableBuffer, dataset: DatasetReferences, out: NDArray[Any]) -> None:
    """Inflate the first rows of a chunk, as many as ``out`` takes, from the chunk's first bytes.

    Raises :class:`ShortBeginning` where these are too few, and
    :class:`~catalog_builder.errors.StaleReferencesError` where they are of no such chunk.
    """
    to = out.reshape(-1).view(np.uint8)
    try:
        values = zlib.decompressobj().decompress(raw, len(to))
    except zlib.error as error:
        raise _stale(dataset, f"bytes that do not inflate ({error})") from error
    if len(values) < len(to):
        raise ShortBeginning
    to[:] = np.frombuffer(values, np.uint8)


def decode_chunk(
    raw: ReadableBuffer, dataset: DatasetReferences, filter_mask: int, out: NDArray[Any]
) -> None:
    """Undo the filters of one stored chunk.

    ``out`` takes the values of the whole chunk; it is C-contiguous and of the dataset's type. Bit
    k of ``filter_mask`` says that filter k was left out. Other threads run meanwhile.

    Raises :class:`~catalog_builder.errors.UnsupportedFilterError` where a filter is neither
    shuffle nor deflate, and :class:`~catalog_builder.errors.StaleReferencesError` where these
    bytes are no such chunk.
    """
    dataset.require_supported()
    filters = _applied(dataset.filters, filter_mask, out.itemsize)
    data: Any = raw
    to = out.reshape(-1).view(np.uint8)
    for place, name in reversed([*enumerate(filters)]):
        deflated = filters[:place].count(DEFLATE)  # how often, what comes of undoing this one
        if name == DEFLATE and deflated:
            data = _inflate_some(data, dataset, _most_deflated(len(to), deflated))
            continue
        if name == SHUFFLE:
            data = np.frombuffer(data, np.uint8) if deflated else _checked(data, dataset, to)
        into = to if place == 0 else np.empty_like(data if deflated else to)
        if name == DEFLATE:
            _inflate(data, dataset, into)
        else:
            _unshuffle(data, out.itemsize, into)
        data = into
    if data is not to:
        to[:] = _checked(data, dataset, to)


@lru_cache
def _applied(filters: tuple[Filter, ...], filter_mask: int, itemsize: int) -> tuple[Filter, ...]:
    """The filters that changed the bytes: shuffling single bytes changes nothing."""
    return tuple(
        name
        for place, name in enumerate(filters)
        if not filter_mask >> place & 1 and not (name == SHUFFLE and itemsize == 1)
    )


def _inflate(data: Any, dataset: DatasetReferences, into: Bytes) -> None:
    """Inflate a zlib stream that must fill an array to its last byte."""
    values = _inflated(data, dataset, len(into))
    if len(values) != len(into):
        raise _stale(dataset, f"bytes that inflate to {len(values)} instead of {len(into)}")
    into[:] = values


def _inflate_some(data: Any, dataset: DatasetReferences, most: int) -> Bytes:
    """Inflate a zlib stream of unknown length: its content is deflated again."""
    return _inflated(data, dataset, most)


def _inflated(data: Any, dataset: DatasetReferences, most: int) -> Bytes:
    """What a zlib stream holds; one that is longer than ``most`` bytes raises."""
    try:  # libdeflate, twice as fast as zlib; copying its bytes once more costs nothing
        return np.frombuffer(deflate.zlib_decompress(data, most), np.uint8)
    except deflate.DeflateError as error:
        raise _stale(dataset, f"bytes that do not inflate to {most} ({error})") from error


def _most_deflated(length: int, times: int) -> int:
    """Most bytes that deflating ``length`` bytes this many times can give.

    Incompressible data grow by 5 bytes for each 16 kB or more, and by 6 in all.
    """
    for _ in range(times):
        length += length // 64 + 64
    return length


def _unshuffle(data: Bytes, itemsize: int, into: Bytes) -> None:
    """Undo a shuffle, which stores the first bytes of all values first, then the second ones.

    Bytes at the end that make no whole value stay where they are.
    """
    count = len(data) // itemsize
    whole = count * itemsize
    values = into[:whole].reshape(count, itemsize)
    for place in range(itemsize):  # five times as fast as a transposed copy
        values[:, place] = data[place * count : (place + 1) * count]
    into[whole:] = data[whole:]


def _checked(data: Any, dataset: DatasetReferences, like: Bytes) -> Bytes:
    values = np.frombuffer(data, np.uint8)
    if len(values) != len(like):
        raise _stale(dataset, f"{len(values)} bytes instead of {len(like)}")
    return values


def _stale(dataset: DatasetReferences, found: str) -> StaleReferencesError:
    return StaleReferencesError(
        f"{dataset.path}: where the references say that a chunk lies there are {found}. They are "
        "of another version of the granule, or it is damaged."
    )


class OutputBuffer:
    """The array of one output, filled block by block, in any order and from many threads."""

    def __init__(self, output: Output) -> None:
        dataset = output.dataset
        self.array: NDArray[Any] = np.empty(output.shape, dataset.dtype)
        self._dataset = dataset
        self._block = output.block_shape
        self._grid = output.grid[1:]
        self._across = prod(self._grid)
        self._partial = output.in_one_piece  # its last block is shorter, not padded
        self._full_rows = self._block[1:] == dataset.shape[1:]
        self._plain = self._full_rows and output.rows.rows == dataset.shape[0]
        # Plain lists: there are thousands of blocks, and few slices.
        self._starts: list[int] = output.rows.start.tolist()
        self._stops: list[int] = output.rows.stop.tolist()
        lengths = output.rows.stop - output.rows.start
        self._before: list[int] = (np.cumsum(lengths) - lengths).tolist()
        if dataset.inline is not None:
            values = np.frombuffer(dataset.inline, dataset.dtype).reshape(dataset.shape)
            self.array[...] = values[output.rows.numbers()]

    def put(
        self, number: int, raw: ReadableBuffer, filter_mask: int, *, beginning: bool = False
    ) -> None:
        """Decode a block, by its number in the grid, or its ``beginning`` up to the last row.

        Raises as :func:`decode_chunk` and :func:`decode_beginning` do.
        """
        first = number // self._across * self._block[0]
        length = self._block[0]
        if self._plain and first + length <= len(self.array):
            decode_chunk(raw, self._dataset, filter_mask, self.array[first : first + length])
            return
        if self._partial:
            length = min(length, self._dataset.shape[0] - first)
        spans = list(self._spans(first, first + length))
        if beginning:
            length = spans[-1][1] - first
        elif self._full_rows and len(spans) == 1 and spans[0][1] - spans[0][0] == length:
            at = spans[0][2]
            decode_chunk(raw, self._dataset, filter_mask, self.array[at : at + length])
            return
        block = np.empty((length, *self._block[1:]), self._dataset.dtype)
        if beginning:
            decode_beginning(raw, self._dataset, block)
        else:
            decode_chunk(raw, self._dataset, filter_mask, block)
        columns = self._columns(number % self._across)
        inside = tuple(slice(0, column.stop - column.start) for column in columns)
        for start, stop, at in spans:
            self.array[(slice(at, at + stop - start), *columns)] = block[
                (slice(start - first, stop - first), *inside)
            ]

    def fill(self, number: int) -> None:
        """Set the values of a block that was never written."""
        first = number // self._across * self._block[0]
        columns = self._columns(number % self._across)
        for start, stop, at in self._spans(first, first + self._block[0]):
            self.array[(slice(at, at + stop - start), *columns)] = self._dataset.fill_value

    def _spans(self, first: int, last: int) -> Iterator[tuple[int, int, int]]:
        """Rows wanted from ``first`` to before ``last``: start, stop, and place in the array."""
        for run in range(bisect_right(self._stops, first), bisect_left(self._starts, last)):
            start, stop = max(self._starts[run], first), min(self._stops[run], last)
            yield start, stop, self._before[run] + start - self._starts[run]

    def _columns(self, number: int) -> list[slice]:
        """Where a block lies along the dimensions after the first."""
        shape, grid, block = self._dataset.shape[1:], self._grid, self._block[1:]
        places = np.unravel_index(number, grid) if grid else ()
        return [
            slice(int(place) * length, min((int(place) + 1) * length, size))
            for place, length, size in zip(places, block, shape, strict=True)
        ]
