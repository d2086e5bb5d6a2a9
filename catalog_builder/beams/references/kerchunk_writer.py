"""Writes the references of a granule's beams as a kerchunk reference set, version 1.

One JSON document in zstd, of several frames: first the granule's own group with the consolidated
metadata of all (``.zmetadata``), for other readers; then one frame a beam, with all that this
package reads; then the brackets that close the document. Each beam is a group with the groups and
datasets of the file in it: ``gt1l/heights/h_ph/0`` is a chunk. Metadata is Zarr version 2, each
``.zarray`` with all filters in ``filters``, as kerchunk itself writes it. Readers that know the
format see the datasets. What the format has no place for is stored beside them:

- ``.zattrs`` of a beam, key ``atl03_references``, which the consolidated metadata leaves out:
  which granule and version this is, types of the attributes (JSON has only one type of number),
  HDF5's fill values, how many chunks were never written (to tell them from missing ones), and the
  datasets that other readers would decode wrongly: those that only HDF5 reads, and those with
  chunks that left a filter out.
- an empty reference ``//gt1l/heights/h_ph`` for each array: kerchunk's engine for xarray opens
  without consolidated metadata, and zarr 3 then lists the group by a path that fsspec knows no
  other references at. Without these, a nested group opens empty.
- the group ``photon_chunks`` of a beam: where the photons of each chunk lie, as small arrays kept
  inline.

``_FillValue`` stands in ``.zarray`` as ``fill_value``, where Zarr has it.

Format: https://fsspec.github.io/kerchunk/spec.html.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

import numpy as np
import orjson

from catalog_builder.beams.references.frames import Frame, compress
from catalog_builder.beams.references.inline_positions import (
    GROUP,
    POSITIONS,
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
from catalog_builder.products.atl03 import Beam

KEY: Final = "atl03_references"
"""Key among the attributes of a beam's group of what only this package reads."""

FORMAT: Final = 2
"""Version of what is stored under :data:`KEY`, and where. In version 1 each beam had a file of its
own, its datasets in the root."""

ZERO: Final[Mapping[str, Any]] = {"b": False, "i": 0, "u": 0, "f": 0.0, "S": ""}

_METADATA: Final = frozenset((".zgroup", ".zarray", ".zattrs", ".zmetadata"))
"""Names that Zarr keeps for itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceFile:
    """The reference file of a granule."""

    body: bytes
    """Its content."""
    frames: Mapping[Beam, Frame]
    """Where the references of each beam lie in it."""


def write_references(references: Mapping[Beam, BeamReferences]) -> ReferenceFile:
    """The reference file of a granule's beams: the same bytes for the same references.

    Raises :class:`~catalog_builder.errors.ReferencesError` where an attribute is of a type that
    cannot be kept.
    """
    first = next(iter(references.values()))
    group = orjson.loads(GROUP)
    listing: dict[str, str] = {}
    metadata: dict[str, Any] = {
        ".zgroup": group,
        ".zattrs": {"granule": first.granule, "short_name": first.short_name},
    }
    texts: dict[Beam, bytes] = {}
    for beam, known in references.items():
        described, chunks = _pack_beam(known)
        # Only this package reads its own record: it would be half of the metadata.
        attrs = {k: v for k, v in described[f"{beam}/.zattrs"].items() if k != KEY}
        metadata |= {**described, f"{beam}/.zattrs": attrs}
        listing |= {
            f"//{key.removesuffix('/.zarray')}": ""
            for key in described
            if key.endswith("/.zarray")
        }
        members = {key: _text(value) for key, value in described.items()} | chunks
        texts[beam] = b"," + orjson.dumps(members)[1:-1]
    consolidated = {"zarr_consolidated_format": 1, "metadata": metadata}
    root = {
        ".zgroup": GROUP,
        ".zattrs": _text(metadata[".zattrs"]),
        ".zmetadata": _text(consolidated),
        **listing,
    }
    head = orjson.dumps({"version": 1, "templates": {"u": first.href}, "refs": root})
    body = bytearray(compress(head[:-2]))
    frames = {}
    for beam, text in texts.items():
        data = compress(text)
        frames[beam] = Frame.of(data, len(body))
        body += data
    return ReferenceFile(body=bytes(body + compress(head[-2:])), frames=frames)


def _pack_beam(references: BeamReferences) -> tuple[dict[str, Any], dict[str, Any]]:
    """Metadata of a beam's groups and arrays, by key, and its chunks."""
    beam = references.beam
    own: dict[str, Any] = {
        "format": FORMAT,
        "beam": beam,
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
    described: dict[str, Any] = {f"{beam}/.zgroup": orjson.loads(GROUP), f"{beam}/.zattrs": None}
    chunks: dict[str, Any] = {}
    for path, dataset in references.datasets.items():
        attrs, types = pack_attributes(f"{beam}/{path}", dataset.attrs)
        if types:
            own["types"][path] = types
        fill_value = to_json(dataset.fill_value) if is_plain(dataset.dtype) else None
        if not _standard(dataset):
            own["others"][path] = {**_pack_private(dataset), "attrs": attrs}
            own["fill_values"][path] = fill_value
            continue
        name = f"{beam}/{path}"
        own["paths"].append(path)
        for above in PurePosixPath(name).parents[:-2]:
            described.setdefault(f"{above}/.zgroup", orjson.loads(GROUP))
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
        described |= _array(name, dataset, filters, named, attrs)
        chunks |= _chunks(name, dataset)
    for key, value in pack_positions(references.positions).items():
        if isinstance(value, str):
            chunks[f"{beam}/{key}"] = value
        else:
            described[f"{beam}/{key}"] = value
    attrs, types = pack_attributes(beam, references.attrs)
    if types:
        own["types"][""] = types
    described[f"{beam}/.zattrs"] = {**attrs, KEY: own}
    return described, chunks


def _standard(dataset: DatasetReferences) -> bool:
    """Whether every reader of the format would find it, and get the right values."""
    parts = PurePosixPath(dataset.path).parts
    found = parts[0] != POSITIONS and not _METADATA.intersection(parts)
    return found and dataset.supported and not dataset.filter_masks.any()


def _array(
    name: str,
    dataset: DatasetReferences,
    filters: list[dict[str, Any]],
    fill_value: Any,
    attrs: dict[str, Any],
) -> dict[str, Any]:
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
        f"{name}/.zarray": described,
        f"{name}/.zattrs": {"_ARRAY_DIMENSIONS": _dims(dataset), **attrs},
    }


def _dims(dataset: DatasetReferences) -> tuple[str, ...]:
    name = dataset.path.rpartition("/")[2]
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
