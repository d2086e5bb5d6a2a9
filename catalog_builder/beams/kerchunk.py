"""A beam's references as a kerchunk reference set, version 1: JSON, compressed with zstd.

All datasets lie in the root, those of ``heights`` under their own name, others with their group's
before it: zarr 3 does not find what lies in groups of such a set, and VirtualiZarr takes one
group at a time. Metadata is Zarr version 2, each ``.zarray`` with all filters in ``filters``, as
kerchunk itself writes it. Readers that know the format see the datasets; what it has no place for
rides along:

- ``.zattrs`` of the root, key ``atl03_references``: which granule and version this is, types of
  the attributes (JSON has but one kind of number), HDF5's fill values, and the whole record of
  datasets that others must not try to read: those that only HDF5 reads, and those with chunks
  that left a filter out.
- the group ``photon_chunks``: where the photons of each chunk lie, as small arrays kept inline.

``_FillValue`` stands in ``.zarray`` as ``fill_value``, where Zarr has it.

Format: https://fsspec.github.io/kerchunk/spec.html.
"""

from __future__ import annotations

import itertools
import math
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
import orjson
import zstandard

from catalog_builder.atl03 import PHOTON_GROUP
from catalog_builder.beams.inline_positions import (
    GROUP,
    MOST_CHUNKS,
    inlined,
    outlined,
    pack_positions,
    unpack_positions,
)
from catalog_builder.beams.json_values import (
    from_json,
    pack_attributes,
    to_json,
    unpack_attributes,
)
from catalog_builder.beams.references import (
    DEFLATE,
    SHUFFLE,
    UNSUPPORTED,
    BeamReferences,
    DatasetReferences,
    Filter,
    is_plain,
)
from catalog_builder.errors import ReferencesError

KEY: Final = "atl03_references"
"""Of the root's attributes: what only this package reads."""

FORMAT: Final = 1
"""Of what stands under :data:`KEY`."""

_LEVEL: Final = 19
_MOST_BYTES: Final = 2**28  # of a set's JSON
_ZERO: Final = {"b": False, "i": 0, "u": 0, "f": 0.0, "S": ""}


def write_references(references: BeamReferences) -> bytes:
    """The reference set of a beam: the same bytes for the same references.

    Raises :class:`~catalog_builder.errors.ReferencesError` where an attribute is of a type that
    cannot be kept.
    """
    own: dict[str, Any] = {
        "format": FORMAT,
        "beam": references.beam,
        "granule": references.granule,
        "href": references.href,
        "size": references.size,
        "etag": references.etag,
        "orientation": references.orientation,
        "short_name": references.short_name,
        "chunk": references.positions.chunk,
        "photons": references.positions.photons,
        "paths": [],
        "types": {},
        "fill_attributes": {},
        "fill_values": {},
        "others": {},
    }
    refs: dict[str, Any] = {".zgroup": GROUP, ".zattrs": None}
    for path, dataset in references.datasets.items():
        attrs, types = pack_attributes(f"{references.beam}/{path}", dataset.attrs)
        if types:
            own["types"][path] = types
        fill_value = to_json(dataset.fill_value) if is_plain(dataset.dtype) else None
        if not _standard(dataset) or f"{_name(path)}/.zarray" in refs:
            own["others"][path] = {**_pack_other(dataset), "attrs": attrs}
            own["fill_values"][path] = fill_value
            continue
        name = _name(path)
        own["paths"].append(path)
        # A reader takes it for "no data here" too, so a plain 0 is not named without need.
        missing = dataset.inline is None and not dataset.sizes.all()
        named = fill_value if missing or np.any(dataset.fill_value) else None
        if "_FillValue" in attrs:
            said = attrs.pop("_FillValue")
            named = named if missing else said
            if said != named:
                own["fill_attributes"][path] = said
        if fill_value != (_ZERO[dataset.dtype.kind] if named is None else named):
            own["fill_values"][path] = fill_value
        filters = [_codec(name, dataset.dtype) for name in dataset.filters]
        refs |= _array(name, dataset, filters, named, attrs)
        refs |= _chunks(name, dataset)
    refs |= pack_positions(references.positions)
    attrs, types = pack_attributes(references.beam, references.attrs)
    if types:
        own["types"][""] = types
    refs[".zattrs"] = _text({**attrs, KEY: own})
    text = orjson.dumps({"version": 1, "templates": {"u": references.href}, "refs": refs})
    # Of many chunks the long matches count (a tenth smaller), of few the short ones.
    return min((_compress(text, shortest) for shortest in (3, 6)), key=len)


def _compress(text: bytes, shortest: int) -> bytes:
    how = zstandard.ZstdCompressionParameters.from_level(
        22, source_size=len(text), min_match=shortest, target_length=4096
    )
    return zstandard.ZstdCompressor(compression_params=how).compress(text)


def read_references(data: bytes) -> BeamReferences:
    """What :func:`write_references` wrote.

    Raises :class:`~catalog_builder.errors.ReferencesError` where these bytes are something else.
    """
    with _damage_told(f"These {len(data)} bytes are no beam references of this package"):
        if zstandard.frame_content_size(data) > _MOST_BYTES:
            raise ReferencesError("These bytes inflate to more than a beam's references.")
        text = zstandard.ZstdDecompressor().decompress(data, max_output_size=_MOST_BYTES)
        refs = orjson.loads(text)["refs"]
        attrs = orjson.loads(refs[".zattrs"])
        own = attrs.pop(KEY)
        if own["format"] != FORMAT:
            raise ReferencesError(
                f"Beam references of format {own['format']!r}: this version reads {FORMAT}. "
                "Make them again, or use another version of the package."
            )
        return _unpack(refs, attrs, own)


@contextmanager
def _damage_told(what: str) -> Iterator[None]:
    """Raise what comes of damaged data as an error of this package."""
    try:
        yield
    except ReferencesError:
        raise
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
        zlib.error,
        zstandard.ZstdError,
    ) as error:
        raise ReferencesError(f"{what} ({type(error).__name__}: {error}).") from error


def _unpack(
    refs: Mapping[str, Any], attrs: dict[str, Any], own: Mapping[str, Any]
) -> BeamReferences:
    return BeamReferences(
        beam=own["beam"],
        granule=own["granule"],
        href=own["href"],
        size=own["size"],
        etag=own["etag"],
        attrs=unpack_attributes(attrs, own["types"].get("", {})),
        orientation=own["orientation"],
        short_name=own["short_name"],
        datasets=_Datasets(refs, own),
        positions=unpack_positions(refs, own["chunk"], own["photons"]),
    )


# --- datasets


class _Datasets(Mapping[str, DatasetReferences]):
    """The datasets of a set, each unpacked when it is first asked for: few of them are."""

    def __init__(self, refs: Mapping[str, Any], own: Mapping[str, Any]) -> None:
        self._refs, self._own = refs, own
        self._known: dict[str, DatasetReferences | None] = dict.fromkeys(own["paths"])
        self._known |= dict.fromkeys(own["others"])
        for path in own["paths"]:
            if f"{_name(path)}/.zarray" not in refs:
                raise ReferencesError(f"The reference set lacks {path}, which it says it has.")

    def __getitem__(self, path: str) -> DatasetReferences:
        known = self._known[path]
        if known is None:
            with _damage_told(f"The references of {path} are damaged"):
                record = self._own["others"].get(path)
                known = self._known[path] = (
                    _unpack_dataset(path, self._refs, self._own)
                    if record is None
                    else _unpack_other(path, record, self._own)
                )
        return known

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def _standard(dataset: DatasetReferences) -> bool:
    """Whether every reader of the format would get the right values."""
    return dataset.supported and not dataset.filter_masks.any()


def _name(path: str) -> str:
    """What a dataset is called in the set."""
    return path.removeprefix(f"{PHOTON_GROUP}/").replace("/", "_")


def _array(
    name: str,
    dataset: DatasetReferences,
    filters: list[dict[str, Any]],
    fill_value: Any,
    attrs: dict[str, Any],
) -> dict[str, str]:
    described = {
        "shape": dataset.shape,
        "chunks": dataset.chunk_shape,
        "dtype": dataset.dtype.str,
        "filters": filters or None,
        "compressor": None,
        "fill_value": fill_value,
        "order": "C",
        "zarr_format": 2,
    }
    return {
        f"{name}/.zarray": _text(described),
        f"{name}/.zattrs": _text({"_ARRAY_DIMENSIONS": _dims(name, dataset), **attrs}),
    }


def _dims(name: str, dataset: DatasetReferences) -> tuple[str, ...]:
    own = (f"{name}_{axis}" for axis in range(len(dataset.shape)))
    return dataset.dims or tuple(own)


def _chunks(name: str, dataset: DatasetReferences) -> dict[str, Any]:
    keys = _keys(name, dataset.grid)
    if dataset.inline is not None:
        return dict.fromkeys(keys, inlined(dataset.inline))
    places = zip(keys, dataset.offsets.tolist(), dataset.sizes.tolist(), strict=True)
    return {key: ["{{u}}", offset, size] for key, offset, size in places if size}


def _keys(name: str, grid: tuple[int, ...]) -> list[str]:
    """Keys of an array's chunks, in C order."""
    if len(grid) == 1:
        return [f"{name}/{number}" for number in range(grid[0])]
    rest = [".".join(map(str, place)) for place in itertools.product(*map(range, grid[1:]))]
    return [f"{name}/{number}.{end}" for number in range(grid[0]) for end in rest]


def _unpack_dataset(
    path: str, refs: Mapping[str, Any], own: Mapping[str, Any]
) -> DatasetReferences:
    name = _name(path)
    described = orjson.loads(refs[f"{name}/.zarray"])
    attrs = orjson.loads(refs[f"{name}/.zattrs"])
    dims = tuple(attrs.pop("_ARRAY_DIMENSIONS"))
    dtype, types = np.dtype(described["dtype"]), own["types"].get(path, {})
    named = described["fill_value"]
    if "_FillValue" in types:
        attrs = {"_FillValue": own["fill_attributes"].get(path, named), **attrs}
    fill_value = own["fill_values"].get(path, _ZERO[dtype.kind] if named is None else named)
    shape, chunks = tuple(described["shape"]), tuple(described["chunks"])
    grid = _checked_grid(path, shape, chunks)
    found = [refs.get(key) for key in _keys(name, grid)]
    inline = None
    if len(found) == 1 and isinstance(found[0], str):
        inline, found = outlined(found[0]), [None]
    count = len(found)
    return DatasetReferences(
        path=path,
        dims=dims,
        shape=shape,
        chunk_shape=chunks,
        dtype=dtype,
        filters=tuple(_filter(codec, dtype) for codec in described["filters"] or ()),
        fill_value=from_json(fill_value, dtype),
        attrs=unpack_attributes(attrs, types),
        offsets=np.fromiter((0 if one is None else one[1] for one in found), np.uint64, count),
        sizes=np.fromiter((0 if one is None else one[2] for one in found), np.uint64, count),
        filter_masks=np.zeros(count, dtype=np.uint32),
        inline=inline,
    )


def _checked_grid(path: str, shape: tuple[int, ...], chunks: tuple[int, ...]) -> tuple[int, ...]:
    grid = tuple(-(-n // c) for n, c in zip(shape, chunks, strict=True))
    if not shape or min(shape) < 0 or min(chunks) < 1 or math.prod(grid) > MOST_CHUNKS:
        raise ReferencesError(f"{path}: shape {shape} in chunks of {chunks} cannot be.")
    return grid


def _pack_other(dataset: DatasetReferences) -> dict[str, Any]:
    inline = dataset.inline
    return {
        "dims": dataset.dims,
        "shape": dataset.shape,
        "chunks": dataset.chunk_shape,
        "dtype": dataset.dtype.str,
        "filters": dataset.filters,
        "offsets": dataset.offsets.tolist(),
        "sizes": dataset.sizes.tolist(),
        "filter_masks": dataset.filter_masks.tolist(),
        "inline": None if inline is None else inlined(inline),
    }


def _unpack_other(
    path: str, record: Mapping[str, Any], own: Mapping[str, Any]
) -> DatasetReferences:
    shape, chunks = tuple(record["shape"]), tuple(record["chunks"])
    count = math.prod(_checked_grid(path, shape, chunks))
    dtype = np.dtype(record["dtype"])
    inline = record["inline"]
    offsets = np.array(record["offsets"], dtype=np.uint64)
    sizes = np.array(record["sizes"], dtype=np.uint64)
    masks = np.array(record["filter_masks"], dtype=np.uint32)
    if not len(offsets) == len(sizes) == len(masks) == count:
        raise ReferencesError(f"{path}: {count} chunks, and another number of places.")
    return DatasetReferences(
        path=path,
        dims=tuple(record["dims"]),
        shape=shape,
        chunk_shape=chunks,
        dtype=dtype,
        filters=tuple(record["filters"]),
        fill_value=from_json(own["fill_values"][path], dtype),
        attrs=unpack_attributes(record["attrs"], own["types"].get(path, {})),
        inline=None if inline is None else outlined(inline),
        offsets=offsets,
        sizes=sizes,
        filter_masks=masks,
    )


def _codec(name: str, dtype: np.dtype[Any]) -> dict[str, Any]:
    if name == SHUFFLE:
        return {"id": "shuffle", "elementsize": dtype.itemsize}
    return {"id": "zlib", "level": 6}  # a level is for writing: any does


def _filter(codec: Mapping[str, Any], dtype: np.dtype[Any]) -> Filter:
    """What :func:`_codec` was given; whatever else stands there, h5py reads the dataset."""
    for name in (SHUFFLE, DEFLATE):
        made = _codec(name, dtype)
        if {**made, "level": None} == {**codec, "level": None}:
            return name
    return f"{UNSUPPORTED}{codec.get('id')}"


def _text(value: Any) -> str:
    return orjson.dumps(value).decode()
