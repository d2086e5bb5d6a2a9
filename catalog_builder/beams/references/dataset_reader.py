"""Unpacks one dataset of a kerchunk reference set, and checks that it can be what it says."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from itertools import repeat
from operator import attrgetter
from typing import Any, Final

import numpy as np

from catalog_builder.beams.references.chunk_places import NOWHERE
from catalog_builder.beams.references.inline_positions import from_inline
from catalog_builder.beams.references.json_values import from_json, unpack_attributes
from catalog_builder.beams.references.kerchunk_json import (
    DecodedSet,
    PrivateDataset,
    decode_array,
    decode_attributes,
)
from catalog_builder.beams.references.kerchunk_writer import ZERO, chunk_keys, codec
from catalog_builder.beams.references.reference_set import (
    DEFLATE,
    MOST_CHUNKS,
    SHUFFLE,
    UNSUPPORTED,
    UNWRITTEN,
    DatasetReferences,
    Filter,
    most_bytes,
)
from catalog_builder.errors import ReferencesError
from catalog_builder.products.atl03 import PHOTON_GROUP

_PLAIN: Final = re.compile(r"[<>|](?:b1|[iu][1248]|f[248]|S[1-9]\d{0,4})")
_OFFSET, _SIZE = attrgetter("offset"), attrgetter("size")


def unpack(path: str, found: DecodedSet) -> DatasetReferences:
    """The references of a dataset.

    Raises :class:`~catalog_builder.errors.ReferencesError` where they cannot be right, and the
    errors that :func:`~catalog_builder.beams.references.kerchunk_json.damage_as_references_error`
    turns into one.
    """
    other = found.own.others.get(path)
    known = _of_set(path, found) if other is None else _of_record(path, other, found)
    _require_sound(known, found.own.size)
    return known


def array_name(found: DecodedSet, path: str) -> str:
    """Name of a dataset in the set, from its path; in sets of format 1 all lie in the root."""
    if found.root:
        return found.root + path
    return path.removeprefix(f"{PHOTON_GROUP}/").replace("/", "_")


def _of_set(path: str, found: DecodedSet) -> DatasetReferences:
    refs, own, name = found.refs, found.own, array_name(found, path)
    places = found.chunks(name)
    described = decode_array(refs, name)
    dims, attrs = decode_attributes(refs, name)
    dtype, types = _stored_type(described.dtype), own.types.get(path, {})
    named = described.fill_value
    if "_FillValue" in types:
        attrs = {"_FillValue": own.fill_attributes.get(path, named), **attrs}
    fill_value = own.fill_values.get(path, ZERO[dtype.kind] if named is None else named)
    shape, chunks = described.shape, described.chunks
    grid = _checked_grid(path, shape, chunks)
    keys = chunk_keys(name, grid)
    for axis, count in enumerate(grid):
        beyond = ".".join(str(count if k == axis else 0) for k in range(len(grid)))
        if f"{name}/{beyond}" in places:
            raise ReferencesError(f"{path} has chunks beyond its shape {shape}.")
    first = places.get(keys[0]) if len(keys) == 1 else None
    inline = from_inline(first) if isinstance(first, str) else None
    chunks_at = [NOWHERE] if inline is not None else [*map(places.get, keys, repeat(NOWHERE))]
    sizes = np.fromiter(map(_SIZE, chunks_at), np.uint64, len(keys))
    missing = int(np.count_nonzero(sizes == 0))
    if inline is None and missing != own.unwritten.get(path, 0):
        raise ReferencesError(
            f"{path} lacks {missing} of {len(keys)} chunks, and "
            f"{own.unwritten.get(path, 0)} are known never to have been written."
        )
    return DatasetReferences(
        path=path,
        dims=dims,
        shape=shape,
        chunk_shape=chunks,
        dtype=dtype,
        filters=tuple(_filter(ref, dtype) for ref in described.filters or ()),
        fill_value=from_json(fill_value, dtype),
        attrs=unpack_attributes(attrs, types),
        offsets=np.fromiter(map(_OFFSET, chunks_at), np.uint64, len(keys)),
        sizes=sizes,
        filter_masks=np.zeros(len(keys), dtype=np.uint32),
        inline=inline,
    )


def _of_record(path: str, record: PrivateDataset, found: DecodedSet) -> DatasetReferences:
    own = found.own
    count = math.prod(_checked_grid(path, record.shape, record.chunks))
    if not len(record.offsets) == len(record.sizes) == len(record.filter_masks) == count:
        raise ReferencesError(f"{path}: {count} chunks, and another number of places.")
    plain = _PLAIN.fullmatch(record.dtype) is not None
    dtype = np.dtype(record.dtype if plain else object)  # h5py alone reads such a dataset
    return DatasetReferences(
        path=path,
        dims=record.dims,
        shape=record.shape,
        chunk_shape=record.chunks,
        dtype=dtype,
        filters=record.filters,
        fill_value=from_json(own.fill_values[path], dtype) if plain else None,
        attrs=unpack_attributes(record.attrs, own.types.get(path, {})),
        inline=None if record.inline is None else from_inline(record.inline),
        offsets=np.array(record.offsets, dtype=np.uint64),
        sizes=np.array(record.sizes, dtype=np.uint64),
        filter_masks=np.array(record.filter_masks, dtype=np.uint32),
    )


def _stored_type(text: str) -> np.dtype[Any]:
    if _PLAIN.fullmatch(text) is None:
        raise ReferencesError(f"{text[:40]!r} is no type of values.")
    return np.dtype(text)


def _checked_grid(path: str, shape: tuple[int, ...], chunks: tuple[int, ...]) -> tuple[int, ...]:
    if not 0 < len(shape) == len(chunks) <= 32 or min(chunks) < 1:
        raise ReferencesError(f"{path}: shape {shape} in chunks of {chunks} cannot be.")
    grid = tuple(-(-n // c) for n, c in zip(shape, chunks, strict=True))
    if math.prod(grid) > MOST_CHUNKS:
        raise ReferencesError(f"{path}: {math.prod(grid)} chunks are more than can be.")
    return grid


def _filter(config: Mapping[str, Any], dtype: np.dtype[Any]) -> Filter:
    """The filter of a codec; an unsupported one where there is none, so that h5py reads it."""
    for name in (SHUFFLE, DEFLATE):
        if {**codec(name, dtype), "level": None} == {**config, "level": None}:
            return name
    return f"{UNSUPPORTED}{config.get('id')}"


def _require_sound(dataset: DatasetReferences, size: int) -> None:
    """Raise unless the chunks lie within ``size`` bytes and can fill the dataset."""
    if not dataset.supported:
        return
    itemsize = dataset.dtype.itemsize
    values, chunk = math.prod(dataset.shape), math.prod(dataset.chunk_shape) * itemsize
    if dataset.inline is not None:
        right = len(dataset.inline) == values * itemsize
    else:
        right = bool(np.all(dataset.offsets + dataset.sizes <= size))
        stored = dataset.sizes[dataset.sizes != 0]
        if len(stored):
            right &= chunk <= most_bytes(int(stored.min()), dataset.filters)
        # As Python's numbers, which do not overflow: those of a damaged set may be of any size.
        most = max(UNWRITTEN, most_bytes(sum(stored.tolist()), dataset.filters))
        right &= values * itemsize <= most and (not len(stored) or chunk <= most)
        if not dataset.filters:
            right &= bool(np.all(stored == chunk))
    if not right or len(dataset.dims) not in (0, len(dataset.shape)):
        raise ReferencesError(
            f"{dataset.path} of shape {dataset.shape} and type {dataset.dtype} in chunks of "
            f"{dataset.chunk_shape} cannot lie where it is said to, in {size} bytes."
        )
