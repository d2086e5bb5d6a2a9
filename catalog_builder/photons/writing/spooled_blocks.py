"""Photons of a pass in a file: an Arrow stream, written block by block."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.read.beam_reader import Variable
from catalog_builder.beams.read.photon_search import LAT, LON
from catalog_builder.beams.references.json_values import (
    from_json,
    pack_attributes,
    to_json,
    unpack_attributes,
)
from catalog_builder.errors import ReferencesError
from catalog_builder.photons.reading.pass_reading import Interrupted
from catalog_builder.photons.reading.survivors import Columns
from catalog_builder.photons.tables.photon_table import arrow_array, numpy_array
from catalog_builder.safe_folder import SafeFolder

if TYPE_CHECKING:
    import pyarrow as pa

Bounds = tuple[float, float, float, float]

BATCH: Final = 65_536
"""Photons that are written and read at once, at most."""


class SpooledBlocks(list[Columns]):
    """Blocks of a pass that are written to a file as they are appended; the list stays empty."""

    def __init__(self, files: SafeFolder, path: str, thread: Executor) -> None:
        """``thread`` writes the blocks of all passes: Arrow keeps memory for each that does."""
        super().__init__()
        self.path = path
        self.photons = self.bytes = 0
        self.bounds: Bounds | None = None
        self._files = files
        self._thread = thread
        self._file: Any = None
        self._writer: Any = None
        self._is_closed = False

    def append(self, columns: Columns) -> None:
        """Write a block; raises Interrupted once the file was closed."""
        self._thread.submit(self._write, columns).result()
        self.photons += len(columns[LAT])
        self.bytes += sum(values.nbytes for values in columns.values())
        lon, lat = columns[LON], columns[LAT]
        here = float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max())
        known = here if self.bounds is None else self.bounds
        self.bounds = (
            min(known[0], here[0]),
            min(known[1], here[1]),
            max(known[2], here[2]),
            max(known[3], here[3]),
        )

    def close(self) -> None:
        """End the file."""
        self._thread.submit(self._close).result()

    def _close(self) -> None:
        self._is_closed = True
        if self._writer is not None:
            self._writer.close()
            self._file.close()
            self._writer = None

    def _write(self, columns: Columns) -> None:
        import pyarrow as pa

        if self._is_closed:  # the write was interrupted, and this thread still reads
            raise Interrupted
        batch = pa.record_batch({name: _column(values) for name, values in columns.items()})
        if self._writer is None:
            self._file = os.fdopen(self._files.create(self.path), "wb")
            options = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
            self._writer = pa.ipc.new_stream(self._file, batch.schema, options=options)
        for first in range(0, batch.num_rows, BATCH):
            self._writer.write_batch(batch.slice(first, BATCH))


def read_blocks(file: Any, variables: Mapping[str, Variable]) -> Iterator[Columns]:
    """The blocks in a file, at most ``BATCH`` photons each."""
    import pyarrow as pa

    how = pa.ipc.IpcReadOptions(use_threads=False)
    with pa.ipc.open_stream(file, options=how, memory_pool=pa.system_memory_pool()) as reader:
        for batch in reader:
            yield {
                name: _values(column, variables.get(name))
                for name, column in zip(batch.schema.names, batch.columns, strict=True)
            }


def _column(values: NDArray[Any]) -> pa.Array:
    import pyarrow as pa

    flat = arrow_array(np.ascontiguousarray(values).reshape(-1))
    if values.ndim == 1:
        return flat
    return pa.FixedSizeListArray.from_arrays(flat, math.prod(values.shape[1:]))


def _values(column: pa.Array, variable: Variable | None) -> NDArray[Any]:
    import pyarrow as pa

    if pa.types.is_fixed_size_list(column.type):
        assert variable is not None
        return numpy_array(column.flatten()).reshape(len(column), *variable.shape[1:])
    return numpy_array(column)


def packed_variable(one: Variable) -> dict[str, Any]:
    """A variable in JSON's types; attributes of other types than HDF5's usual become text."""
    attrs: dict[str, Any] = {}
    types: dict[str, str] = {}
    for name, value in one.attrs.items():
        try:
            packed, its_type = pack_attributes(one.path, {name: value})
        except ReferencesError:
            packed, its_type = {name: str(value)}, {}
        attrs |= packed
        types |= its_type
    return {
        "dims": one.dims,
        "shape": one.shape,
        "dtype": one.dtype.str,
        "attrs": attrs,
        "types": types,
        "fill_value": to_json(one.fill_value),
    }


def unpacked_variable(path: str, said: Mapping[str, Any]) -> Variable:
    """Undo :func:`packed_variable`."""
    dtype = np.dtype(said["dtype"])
    return Variable(
        path=path,
        dims=tuple(said["dims"]),
        shape=tuple(said["shape"]),
        dtype=dtype,
        attrs=unpack_attributes(said["attrs"], said["types"]),
        encoding={},
        fill_value=from_json(said["fill_value"], dtype),
    )
