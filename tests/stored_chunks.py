"""Where the chunks of an HDF5 file lie, as h5py tells it, for what reads them without h5py."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from catalog_builder.beams.read.row_slices import RowSlices
from catalog_builder.beams.references.chunk_positions import ChunkPositions
from catalog_builder.beams.references.reference_set import BeamReferences, DatasetReferences
from catalog_builder.products.atl03 import Beam

_FILTERS = {h5py.h5z.FILTER_DEFLATE: "deflate", h5py.h5z.FILTER_SHUFFLE: "shuffle"}


def _filter(code: int, parameters: tuple[int, ...]) -> str:
    return _FILTERS.get(code, ":".join(["hdf5", str(code), ",".join(map(str, parameters))]))


def dataset_references(dataset: h5py.Dataset, path: str) -> DatasetReferences:
    """How one dataset is stored."""
    stored = dataset.id
    properties = stored.get_create_plist()
    filters = [properties.get_filter(n) for n in range(properties.get_nfilters())]
    chunk_shape = dataset.chunks or tuple(max(1, length) for length in dataset.shape)
    grid = [-(-n // c) for n, c in zip(dataset.shape, chunk_shape, strict=True)]
    count = int(np.prod(grid))
    offsets, sizes = np.zeros(count, np.uint64), np.zeros(count, np.uint64)
    masks = np.zeros(count, np.uint32)
    inline = None

    def note(info: h5py.h5d.StoreInfo) -> None:
        place = [a // c for a, c in zip(info.chunk_offset, chunk_shape, strict=True)]
        number = int(np.ravel_multi_index(place, grid))
        offsets[number], sizes[number] = info.byte_offset, info.size
        masks[number] = info.filter_mask

    if dataset.chunks:
        stored.chunk_iter(note)
    elif properties.get_layout() == h5py.h5d.COMPACT:
        inline = dataset[()].tobytes()
    elif stored.get_offset() is not None and count:
        offsets[0], sizes[0] = stored.get_offset(), stored.get_storage_size()
    return DatasetReferences(
        path=path,
        dims=tuple(f"{path}_{axis}" for axis in range(dataset.ndim)),
        shape=dataset.shape,
        chunk_shape=chunk_shape,
        dtype=dataset.dtype,
        filters=tuple(_filter(code, parameters) for code, _, parameters, _ in filters),
        fill_value=dataset.fillvalue,
        attrs={},
        offsets=offsets,
        sizes=sizes,
        filter_masks=masks,
        inline=inline,
    )


def references_of(
    datasets: dict[str, DatasetReferences], size: int, etag: str | None = None
) -> BeamReferences:
    """A beam of these datasets; what its photons' places are matters to no plan."""
    nowhere: dict[str, Any] = {
        field.name: 1 if field.type == "int" else np.empty(0) for field in fields(ChunkPositions)
    }
    beam: Beam = "gt1l"
    return BeamReferences(
        beam=beam,
        granule="ATL03_20190401120000_03850302_006_01",
        href="granule.h5",
        size=size,
        etag=etag,
        attrs={},
        orientation=None,
        short_name="ATL03",
        datasets=datasets,
        positions=ChunkPositions(**nowhere),
    )


def file_references(path: Path, group: str = "/", etag: str | None = None) -> BeamReferences:
    """All datasets below a group of a file."""
    found: dict[str, DatasetReferences] = {}

    def collect(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset) and item.ndim:
            found[name] = dataset_references(item, name)

    with h5py.File(path) as file:
        file[group].visititems(collect)
    return references_of(found, path.stat().st_size, etag)


def all_rows(references: BeamReferences) -> dict[str, RowSlices]:
    """Every row of every dataset."""
    return {path: RowSlices.whole(found.shape[0]) for path, found in references.datasets.items()}
