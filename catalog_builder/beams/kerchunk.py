"""A beam's references as a kerchunk reference set, version 1: JSON, compressed with zstd.

All datasets lie in the root, those of ``heights`` under their own name, others with their group's
before it: zarr 3 does not find what lies in groups of such a set, and VirtualiZarr takes one
group at a time. Metadata is Zarr version 2, each ``.zarray`` with all filters in ``filters``, as
kerchunk itself writes it. Readers that know the format see the datasets; what it has no place for
rides along:

- ``.zattrs`` of the root, key ``atl03_references``: which granule and version this is, types of
  the attributes (JSON has but one kind of number), HDF5's fill values, and the whole record of
  datasets that others must not try to read: of other filters than shuffle and deflate, or with
  chunks that left one out.
- the group ``photon_chunks``: where the photons of each chunk lie, as small arrays kept inline.

``_FillValue`` stands in ``.zarray`` as ``fill_value``, where Zarr has it.

Format: https://fsspec.github.io/kerchunk/spec.html.
"""

from __future__ import annotations

import base64
import itertools
import math
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import orjson
import zstandard
from numpy.typing import NDArray

from catalog_builder.atl03 import PHOTON_GROUP
from catalog_builder.beams.chunk_positions import PER_DEGREE, PER_SECOND, ChunkPositions
from catalog_builder.beams.references import (
    DEFLATE,
    SHUFFLE,
    BeamReferences,
    DatasetReferences,
)
from catalog_builder.errors import ReferencesError

KEY: Final = "atl03_references"
"""Of the root's attributes: what only this package reads."""

POSITIONS: Final = "photon_chunks"
"""Group of the chunks' positions."""

FORMAT: Final = 1
"""Of what stands under :data:`KEY`."""

_LEVEL: Final = 19
_MOST_BYTES: Final = 2**28  # of a set's JSON
_MOST_CHUNKS: Final = 10**7
_NO_POSITION: Final = np.iinfo(np.int32).min
_GROUP: Final = '{"zarr_format":2}'
_ZERO: Final = {"b": False, "i": 0, "u": 0, "f": 0.0, "S": ""}

# How positions are kept: units a whole, type of the whole number.
_DEGREES: Final[dict[str, tuple[int, np.dtype[Any]]]] = {
    name: (PER_DEGREE, np.dtype("<i4"))
    for name in (
        "first_lat",
        "last_lat",
        "first_lon",
        "last_lon",
        "south",
        "north",
        "west",
        "east",
    )
}
_TIMES: Final[dict[str, tuple[int, np.dtype[Any]]]] = {
    name: (PER_SECOND, np.dtype("<i8")) for name in ("start", "end")
}
_WHOLE: Final[dict[str, np.dtype[Any]]] = {
    "first_segment": np.dtype("<i4"),
    "last_segment": np.dtype("<i4"),
    "unplaced": np.dtype("|u1"),
}


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
    refs: dict[str, Any] = {".zgroup": _GROUP, ".zattrs": None}
    for path, dataset in references.datasets.items():
        attrs, types = _pack_attributes(f"{references.beam}/{path}", dataset.attrs)
        if types:
            own["types"][path] = types
        fill_value = _plain(dataset.fill_value)
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
    refs[f"{POSITIONS}/.zgroup"] = _GROUP
    for name, values, filters, fill in _pack_positions(references.positions):
        refs |= _small_array(f"{POSITIONS}/{name}", values, filters, fill)
    attrs, types = _pack_attributes(references.beam, references.attrs)
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
    try:
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
        raise ReferencesError(
            f"These {len(data)} bytes are no beam references of this package "
            f"({type(error).__name__}: {error})."
        ) from error


def _unpack(
    refs: Mapping[str, Any], attrs: dict[str, Any], own: Mapping[str, Any]
) -> BeamReferences:
    datasets: dict[str, DatasetReferences] = {}
    for path in own["paths"]:
        datasets[path] = _unpack_dataset(path, refs, own)
    for path, record in own["others"].items():
        datasets[path] = _unpack_other(path, record, own)
    return BeamReferences(
        beam=own["beam"],
        granule=own["granule"],
        href=own["href"],
        size=own["size"],
        etag=own["etag"],
        attrs=_unpack_attributes(attrs, own["types"].get("", {})),
        orientation=own["orientation"],
        short_name=own["short_name"],
        datasets=datasets,
        positions=_unpack_positions(refs, own["chunk"], own["photons"]),
    )


# --- datasets


def _standard(dataset: DatasetReferences) -> bool:
    """Whether every reader of the format would get the right values."""
    known = dataset.dtype.kind in "biufS" and {*dataset.filters} <= {SHUFFLE, DEFLATE}
    return known and not dataset.filter_masks.any()


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
        return dict.fromkeys(keys, _inline(dataset.inline))
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
        inline, found = _outline(found[0]), [None]
    count = len(found)
    return DatasetReferences(
        path=path,
        dims=dims,
        shape=shape,
        chunk_shape=chunks,
        dtype=dtype,
        filters=tuple(
            SHUFFLE if codec["id"] == "shuffle" else DEFLATE
            for codec in described["filters"] or ()
        ),
        fill_value=_typed(fill_value, dtype),
        attrs=_unpack_attributes(attrs, types),
        offsets=np.fromiter((0 if one is None else one[1] for one in found), np.uint64, count),
        sizes=np.fromiter((0 if one is None else one[2] for one in found), np.uint64, count),
        filter_masks=np.zeros(count, dtype=np.uint32),
        inline=inline,
    )


def _checked_grid(path: str, shape: tuple[int, ...], chunks: tuple[int, ...]) -> tuple[int, ...]:
    grid = tuple(-(-n // c) for n, c in zip(shape, chunks, strict=True))
    if not shape or min(shape) < 0 or min(chunks) < 1 or math.prod(grid) > _MOST_CHUNKS:
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
        "inline": None if inline is None else _inline(inline),
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
        fill_value=_typed(own["fill_values"][path], dtype),
        attrs=_unpack_attributes(record["attrs"], own["types"].get(path, {})),
        inline=None if inline is None else _outline(inline),
        offsets=offsets,
        sizes=sizes,
        filter_masks=masks,
    )


def _codec(name: str, dtype: np.dtype[Any]) -> dict[str, Any]:
    if name == SHUFFLE:
        return {"id": "shuffle", "elementsize": dtype.itemsize}
    return {"id": "zlib", "level": 6}  # a level is for writing: any does


# --- attributes and fill values


def _pack_attributes(
    owner: str, attrs: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Attributes as JSON has them, and the types of those that it would change."""
    plain, types = {}, {}
    for name, value in attrs.items():
        if isinstance(value, np.generic | np.ndarray) and value.dtype.kind in "biuf":
            types[name] = value.dtype.str
        elif not _is_text(value):
            raise ReferencesError(
                f"{owner}: attribute {name} is of {type(value).__name__}, which a reference set "
                "cannot keep: this beam has to be read through h5py."
            )
        plain[name] = _plain(value)
    return plain, types


def _unpack_attributes(attrs: Mapping[str, Any], types: Mapping[str, str]) -> dict[str, Any]:
    return {
        name: _typed(value, np.dtype(types[name])) if name in types else value
        for name, value in attrs.items()
    }


def _is_text(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(map(_is_text, value)))


def _plain(value: Any) -> Any:
    """A value in JSON's types; what is no finite number by the names that Zarr gives it."""
    if isinstance(value, np.ndarray):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value


def _typed(value: Any, dtype: np.dtype[Any]) -> Any:
    """What :func:`_plain` made of a scalar or an array of this type."""
    if dtype.kind == "S":
        return np.bytes_(value.encode("latin-1"))
    if dtype.kind not in "biuf":
        return np.zeros((), dtype)[()]  # h5py alone reads such a dataset
    if isinstance(value, str):
        value = float(value)
    made = np.array(value, dtype)
    return made if isinstance(value, list) else made[()]


# --- small arrays kept inline, and the positions


def _inline(data: bytes) -> str:
    return "base64:" + base64.b64encode(data).decode("ascii")


def _outline(text: str) -> bytes:
    return base64.b64decode(text.removeprefix("base64:"), validate=True)


def _small_array(
    path: str, values: NDArray[Any], filters: list[dict[str, Any]], fill_value: Any
) -> dict[str, str]:
    """An array of one chunk: differences from row to row, deflated."""
    steps = np.diff(values, prepend=values.dtype.type(0))
    delta = {"id": "delta", "dtype": values.dtype.str}
    deflate = {"id": "zlib", "level": 9}
    described = {
        "shape": [len(values)],
        "chunks": [max(1, len(values))],
        "dtype": filters[0]["dtype"] if filters else values.dtype.str,
        "filters": [*filters, delta, deflate],
        "compressor": None,
        "fill_value": fill_value,
        "order": "C",
        "zarr_format": 2,
    }
    made = {
        f"{path}/.zarray": _text(described),
        f"{path}/.zattrs": _text({"_ARRAY_DIMENSIONS": [POSITIONS]}),
    }
    if len(values):
        made[f"{path}/0"] = _inline(zlib.compress(steps.tobytes(), 9))
    return made


def _pack_positions(
    positions: ChunkPositions,
) -> Iterator[tuple[str, NDArray[Any], list[dict[str, Any]], Any]]:
    """Name, whole numbers, filter that makes them of values, fill value."""
    for name, dtype in _WHOLE.items():
        yield name, getattr(positions, name).astype(dtype), [], None
    for name, (per, dtype) in (_DEGREES | _TIMES).items():
        values = getattr(positions, name)
        whole = np.where(np.isnan(values), _NO_POSITION, np.rint(values * per)).astype(dtype)
        rounding = {
            "id": "fixedscaleoffset",
            "scale": per,
            "offset": 0,
            "dtype": "<f8",
            "astype": dtype.str,
        }
        yield name, whole, [rounding], _NO_POSITION / per


def _unpack_positions(refs: Mapping[str, Any], chunk: int, photons: int) -> ChunkPositions:
    if chunk < 1 or not 0 <= photons <= chunk * _MOST_CHUNKS:
        raise ReferencesError(f"{photons} photons in chunks of {chunk} cannot be.")
    count = -(-photons // chunk)

    def whole(name: str, dtype: np.dtype[Any]) -> NDArray[Any]:
        data = zlib.decompress(_outline(refs[f"{POSITIONS}/{name}/0"])) if count else b""
        values: NDArray[Any] = np.cumsum(np.frombuffer(data, dtype), dtype=dtype)
        if len(values) != count:
            raise ReferencesError(f"{POSITIONS}/{name}: {len(values)} rows for {count} chunks.")
        return values

    def scaled(name: str, per: int, dtype: np.dtype[Any]) -> NDArray[np.float64]:
        values = whole(name, dtype)
        return np.where(values == _NO_POSITION, np.nan, values / per)

    return ChunkPositions(
        chunk=chunk,
        photons=photons,
        first_segment=whole("first_segment", _WHOLE["first_segment"]).astype(np.int64),
        last_segment=whole("last_segment", _WHOLE["last_segment"]).astype(np.int64),
        unplaced=whole("unplaced", _WHOLE["unplaced"]).astype(np.bool_),
        **{name: scaled(name, *how) for name, how in (_DEGREES | _TIMES).items()},
    )


def _text(value: Any) -> str:
    return orjson.dumps(value).decode()
