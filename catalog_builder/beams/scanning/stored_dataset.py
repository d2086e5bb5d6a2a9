"""Finds how a dataset of an open granule is stored: its chunks, filters and attributes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import numpy as np

from catalog_builder.beams.read.beam_reader import Variable
from catalog_builder.beams.read.hdf5 import read_attributes, read_fill_value
from catalog_builder.beams.read.hdf5_objects import damage_as_access_error
from catalog_builder.beams.references.reference_set import (
    DEFLATE,
    MOST_CHUNKS,
    SHUFFLE,
    UNSUPPORTED,
    DatasetReferences,
    is_plain,
)
from catalog_builder.errors import BeamError

if TYPE_CHECKING:
    import h5py


class StoredBeam(Protocol):
    """One beam of an open file, of any product."""

    @property
    def href(self) -> str:
        """The address that the file was opened at."""

    def dataset(self, path: str) -> h5py.Dataset:
        """The dataset of this path."""

    def variable(self, path: str) -> Variable:
        """Describe a dataset."""


def find_stored(beam: StoredBeam, path: str) -> DatasetReferences:
    """The references of one dataset of a beam.

    Raises :class:`~catalog_builder.errors.BeamError` where it has more chunks than can be, and
    what reading its header does.
    """
    dataset = beam.dataset(path)
    with damage_as_access_error(dataset, ""):
        return _stored(beam, path, dataset)


def _stored(beam: StoredBeam, path: str, dataset: h5py.Dataset) -> DatasetReferences:
    from h5py import h5d

    made = dataset.id.get_create_plist()
    filters = tuple(
        _filter_name(dataset.dtype.itemsize, *made.get_filter(k))
        for k in range(made.get_nfilters())
    )
    layout = made.get_layout()
    chunk_shape = dataset.chunks or tuple(max(1, n) for n in dataset.shape)
    grid = tuple(-(-n // c) for n, c in zip(dataset.shape, chunk_shape, strict=True))
    if math.prod(grid) > MOST_CHUNKS:
        raise BeamError(
            f"{dataset.name} of {beam.href} has {math.prod(grid)} chunks, more than can be: the "
            "file is damaged."
        )
    offsets, sizes = np.zeros(grid, np.uint64), np.zeros(grid, np.uint64)
    masks = np.zeros(grid, np.uint32)
    inline = None
    if layout == h5d.CHUNKED:

        def note(chunk: h5d.StoreInfo) -> None:
            at = tuple(n // c for n, c in zip(chunk.chunk_offset, chunk_shape, strict=True))
            if all(k < n for k, n in zip(at, grid, strict=True)):
                offsets[at], sizes[at] = chunk.byte_offset, chunk.size
                masks[at] = chunk.filter_mask

        dataset.id.chunk_iter(note)
    elif layout == h5d.COMPACT:
        inline = dataset[()].tobytes() if dataset.size else None
    else:
        offset = dataset.id.get_offset()
        if offset is not None and dataset.size:
            offsets[...], sizes[...] = offset, dataset.id.get_storage_size()
    return DatasetReferences(
        path=path,
        dims=beam.variable(path).dims,
        shape=dataset.shape,
        chunk_shape=chunk_shape,
        dtype=dataset.dtype,
        filters=filters if _is_stored_plainly(dataset) else (f"{UNSUPPORTED}type", *filters),
        fill_value=read_fill_value(dataset),
        attrs=read_attributes(dataset),
        offsets=offsets.ravel(),
        sizes=sizes.ravel(),
        filter_masks=masks.ravel(),
        inline=inline,
    )


def _filter_name(
    itemsize: int, number: int, _flags: int, parameters: tuple[int, ...], _name: bytes
) -> str:
    from h5py import h5z

    if number == h5z.FILTER_DEFLATE:
        return DEFLATE
    if number == h5z.FILTER_SHUFFLE and parameters == (itemsize,):
        return SHUFFLE
    return f"{UNSUPPORTED}{number}"


def _is_stored_plainly(dataset: h5py.Dataset) -> bool:
    """Whether bytes as stored are values of the type that h5py gives.

    Not where HDF5 converts: numbers of fewer bits than they take, text padded with blanks.
    """
    from h5py import h5t

    dtype = dataset.dtype
    return is_plain(dtype) and bool(h5t.py_create(dtype, logical=True) == dataset.id.get_type())
