"""Reads the references of a beam from a kerchunk reference set, and checks their consistency.

Nothing in a set is trusted. A set that passes leads to no byte beyond the granule, takes no more
memory than its chunks can fill, and tells unwritten chunks from missing ones.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from itertools import repeat
from operator import attrgetter
from typing import Any, Final

import numpy as np

from catalog_builder.beams.references.chunk_places import NOWHERE
from catalog_builder.beams.references.inline_positions import (
    POSITIONS,
    from_inline,
    unpack_positions,
)
from catalog_builder.beams.references.json_values import from_json, unpack_attributes
from catalog_builder.beams.references.kerchunk_json import (
    DecodedSet,
    PrivateDataset,
    damage_as_references_error,
    decode_array,
    decode_attributes,
    decode_file,
    decode_frame,
)
from catalog_builder.beams.references.kerchunk_writer import ZERO, chunk_keys, codec
from catalog_builder.beams.references.reference_set import (
    DEFLATE,
    MOST_CHUNKS,
    SHUFFLE,
    UNSUPPORTED,
    UNWRITTEN,
    BeamReferences,
    DatasetReferences,
    Filter,
    UnpackedDatasets,
    most_bytes,
)
from catalog_builder.errors import ReferencesError
from catalog_builder.products.atl03 import COUNT, INDEX_BEG, PHOTON_GROUP, SEGMENT_GROUPS, Beam

_PLAIN: Final = re.compile(r"[<>|](?:b1|[iu][1248]|f[248]|S[1-9]\d{0,4})")
_OFFSET, _SIZE = attrgetter("offset"), attrgetter("size")
_DEGREES_OR_SECONDS: Final = ("lat_ph", "lon_ph", "delta_time", "dist_ph_along", "segment_dist_x")


def read_frame(frame: bytes, beam: Beam) -> BeamReferences:
    """Read the references of a beam from its frame in a reference file.

    They are what :func:`~catalog_builder.beams.references.kerchunk_writer.write_references` was
    given. Raises :class:`~catalog_builder.errors.ReferencesError` where these bytes are something
    else or inconsistent; damage of one dataset is raised when it is first looked up.
    """
    with damage_as_references_error(f"These {len(frame)} bytes are no references of {beam}"):
        return _references(decode_frame(frame, beam))


def read_references(data: bytes, beam: Beam) -> BeamReferences:
    """Read the references of a beam from a whole file, or from one of format 1.

    Of format 1 each beam has a file of its own: its references are those of that beam, whichever
    was asked for. Raises as :func:`read_frame` does.
    """
    with damage_as_references_error(
        f"These {len(data)} bytes are no references of {beam} that this package reads"
    ):
        return _references(decode_file(data, beam))


def memory_of(references: BeamReferences) -> int:
    """About how many bytes of memory references take that were read here; 0 of others."""
    datasets = references.datasets
    return datasets.memory if isinstance(datasets, _Datasets) else 0


def _references(found: DecodedSet) -> BeamReferences:
    own = found.own
    datasets = _Datasets(found)
    datasets.require_positions()
    return BeamReferences(
        beam=own.beam,
        granule=own.granule,
        href=own.href,
        size=own.size,
        etag=own.etag,
        attrs=unpack_attributes(found.attrs, own.types.get("", {})),
        orientation=own.orientation,
        short_name=own.short_name,
        datasets=datasets,
        positions=unpack_positions(
            found.chunks(found.root + POSITIONS), found.root, own.chunk, own.photons
        ),
    )


class _Datasets(UnpackedDatasets):
    """The datasets of a set: most are never looked up."""

    def __init__(self, found: DecodedSet) -> None:
        self._set, self._own = found, found.own
        self._known: dict[str, DatasetReferences | None] = dict.fromkeys(self._own.paths)
        self._known |= dict.fromkeys(self._own.others)
        for path in self._own.paths:
            if f"{_array_name(found, path)}/.zarray" not in found.refs:
                raise ReferencesError(f"The reference set lacks {path}, which it says it has.")

    @property
    def memory(self) -> int:
        """About how many bytes they take."""
        return self._set.memory

    def __getitem__(self, path: str) -> DatasetReferences:
        known = self._known[path]
        if known is None:
            with damage_as_references_error(f"The references of {path} are damaged"):
                other = self._own.others.get(path)
                known = (
                    _unpack_dataset(path, self._set)
                    if other is None
                    else _unpack_private(path, other, self._set)
                )
                _require_sound(known, self._own.size)
                self._require_rows(known)
                self._known[path] = known
        return known

    def __contains__(self, path: object) -> bool:
        return path in self._known

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def shape(self, path: str) -> tuple[int, ...] | None:
        if path not in self._known:
            return None
        with damage_as_references_error(f"The references of {path} are damaged"):
            return self._shape(path)[0]

    def require_positions(self) -> None:
        """Raise unless the chunk positions are of the same chunks as the heights."""
        path = f"{PHOTON_GROUP}/h_ph"
        if path in self._known:
            shape, chunks = self._shape(path)
            if (shape[:1], chunks[:1]) != ((self._own.photons,), (self._own.chunk,)):
                raise ReferencesError(
                    f"{path} of shape {shape} lies in chunks of {chunks}, but positions are of "
                    f"{self._own.photons} photons in chunks of {self._own.chunk}."
                )

    def _require_rows(self, dataset: DatasetReferences) -> None:
        """Raise unless a dataset has as many rows as the others of its rate."""
        group, _, name = dataset.path.rpartition("/")
        rows: tuple[int, ...] = dataset.shape[:1]
        if group == PHOTON_GROUP and dataset.supported:
            rows = (self._own.photons,)
        elif group in SEGMENT_GROUPS and INDEX_BEG in self._known and dataset.supported:
            rows = self._shape(INDEX_BEG)[0][:1]
        kinds = "biufS"
        if group in (PHOTON_GROUP, *SEGMENT_GROUPS) and name in _DEGREES_OR_SECONDS:
            kinds = "f"
        elif dataset.path in (INDEX_BEG, COUNT):
            kinds = "iu"
        if dataset.supported and (dataset.shape[:1] != rows or dataset.dtype.kind not in kinds):
            raise ReferencesError(
                f"{dataset.path} of shape {dataset.shape} and type {dataset.dtype} does not fit "
                "the others of its group."
            )

    def _shape(self, path: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        other = self._own.others.get(path)
        if other is not None:
            return other.shape, other.chunks
        described = decode_array(self._set.refs, _array_name(self._set, path))
        return described.shape, described.chunks


def _array_name(found: DecodedSet, path: str) -> str:
    """Name of a dataset in the set, from its path; in sets of format 1 all lie in the root."""
    if found.root:
        return found.root + path
    return path.removeprefix(f"{PHOTON_GROUP}/").replace("/", "_")


def _unpack_dataset(path: str, found: DecodedSet) -> DatasetReferences:
    refs, own, name = found.refs, found.own, _array_name(found, path)
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


def _unpack_private(path: str, record: PrivateDataset, found: DecodedSet) -> DatasetReferences:
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
