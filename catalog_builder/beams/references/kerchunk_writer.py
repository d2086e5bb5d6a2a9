"""Writes a beam's references as a kerchunk reference set, version 1: JSON, compressed with zstd.

All datasets lie in the root, those of ``heights`` under their own name, others with their group's
before it: zarr 3 does not find groups of such a set, and VirtualiZarr takes one group at a time.
Metadata is Zarr version 2, each ``.zarray`` with all filters in ``filters``, as kerchunk itself
writes it. Readers that know the format see the datasets. What the format has no place for is
stored beside them:

- ``.zattrs`` of the root, key ``atl03_references``: which granule and version this is, types of
  the attributes (JSON has only one type of number), HDF5's fill values, how many chunks were never
  written (to tell them from missing ones), and the datasets that other readers would decode
  wrongly: those that only HDF5 reads, and those with chunks that left a filter out.
- the group ``photon_chunks``: where the photons of each chunk lie, as small arrays kept inline.

``_FillValue`` stands in ``.zarray`` as ``fill_value``, where Zarr has it.

Format: https://fsspec.github.io/kerchunk/spec.html.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import orjson
import zstandard

from catalog_builder.atl03 import PHOTON_GROUP
from catalog_builder.beams.references.inline_positions import (
    GROUP,
    pack_positions,
    to_inline,
)
from catalog_builder.beams.references.json_values import (
    pack_attributes,
    to_json,
)
from catalog_builder.beams.references.reference_set import (
    SHUFFLE,
    BeamReferences,
    DatasetReferences,
    is_plain,
)

KEY: Final = "atl03_references"
"""Key among the root's attributes of what only this package reads."""

FORMAT: Final = 1
"""Version of what is stored under :data:`KEY`."""

ZERO: Final[Mapping[str, Any]] = {"b": False, "i": 0, "u": 0, "f": 0.0, "S": ""}


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
        "unwritten": {},
    }
    refs: dict[str, Any] = {".zgroup": GROUP, ".zattrs": None}
    for path, dataset in references.datasets.items():
        attrs, types = pack_attributes(f"{references.beam}/{path}", dataset.attrs)
        if types:
            own["types"][path] = types
        fill_value = to_json(dataset.fill_value) if is_plain(dataset.dtype) else None
        if not _standard(dataset) or f"{array_name(path)}/.zarray" in refs:
            own["others"][path] = {**_pack_private(dataset), "attrs": attrs}
            own["fill_values"][path] = fill_value
            continue
        name = array_name(path)
        own["paths"].append(path)
        # Readers also take a fill value for "no data", so a plain 0 is written only where needed.
        missing = dataset.inline is None and not dataset.sizes.all()
        if missing:
            own["unwritten"][path] = int(np.count_nonzero(dataset.sizes == 0))
        named = fill_value if missing or np.any(dataset.fill_value) else None
        if "_FillValue" in attrs:
            fill_attribute = attrs.pop("_FillValue")
            named = named if missing else fill_attribute
            if fill_attribute != named:
                own["fill_attributes"][path] = fill_attribute
        if fill_value != (ZERO[dataset.dtype.kind] if named is None else named):
            own["fill_values"][path] = fill_value
        filters = [codec(name, dataset.dtype) for name in dataset.filters]
        refs |= _array(name, dataset, filters, named, attrs)
        refs |= _chunks(name, dataset)
    refs |= pack_positions(references.positions)
    attrs, types = pack_attributes(references.beam, references.attrs)
    if types:
        own["types"][""] = types
    refs[".zattrs"] = _text({**attrs, KEY: own})
    text = orjson.dumps({"version": 1, "templates": {"u": references.href}, "refs": refs})
    # Sets of many chunks compress a tenth better by long matches, sets of few by short ones.
    return min((_compress(text, shortest) for shortest in (3, 6)), key=len)


def _compress(text: bytes, shortest: int) -> bytes:
    how = zstandard.ZstdCompressionParameters.from_level(
        22, source_size=len(text), min_match=shortest, target_length=4096
    )
    return zstandard.ZstdCompressor(compression_params=how).compress(text)


def _standard(dataset: DatasetReferences) -> bool:
    """Whether every reader of the format would get the right values."""
    return dataset.supported and not dataset.filter_masks.any()


def array_name(path: str) -> str:
    """Name of a dataset in the set, from its path."""
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
    keys = chunk_keys(name, dataset.grid)
    if dataset.inline is not None:
        return dict.fromkeys(keys, to_inline(dataset.inline))
    places = zip(keys, dataset.offsets.tolist(), dataset.sizes.tolist(), strict=True)
    return {key: ["{{u}}", offset, size] for key, offset, size in places if size}


def chunk_keys(name: str, grid: tuple[int, ...]) -> list[str]:
    """Keys of an array's chunks, in C order."""
    if len(grid) == 1:
        return [f"{name}/{number}" for number in range(grid[0])]
    rest = [".".join(map(str, place)) for place in itertools.product(*map(range, grid[1:]))]
    return [f"{name}/{number}.{end}" for number in range(grid[0]) for end in rest]


def _pack_private(dataset: DatasetReferences) -> dict[str, Any]:
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
        "inline": None if inline is None else to_inline(inline),
    }


def codec(name: str, dtype: np.dtype[Any]) -> dict[str, Any]:
    """Configuration of a filter for numcodecs."""
    if name == SHUFFLE:
        return {"id": "shuffle", "elementsize": dtype.itemsize}
    return {"id": "zlib", "level": 6}  # a level is for writing: any does


def _text(value: Any) -> str:
    return orjson.dumps(value).decode()
