"""Stages rows of the index on disk during a build: a file for each page, of Arrow IPC messages.

The rows of one region and year are a batch in the file of their page, so that they can be read
without the others. Columns with the same value in all rows of a page, two fifths of its bytes, are
stored once in the metadata of its schema.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from catalog_builder.catalog.index.json_columns import fit
from catalog_builder.catalog.index.partitions import Partitions, regions_and_years
from catalog_builder.errors import CatalogError
from catalog_builder.safe_folder import SafeFolder

if TYPE_CHECKING:
    import pyarrow as pa

_CONSTANT: Final = b"shared"
"""Key in the metadata of a page's schema: one row of its constant columns."""

_FEW: Final = 200
"""With fewer rows, restoring those columns takes longer than writing them."""


class RowLocation(NamedTuple):
    """Where a row is staged."""

    page: int
    batch: int
    """Byte of the page's file at which its batch begins."""
    number: int
    """Number of the row in its batch."""


def staging_path(folder: Path, page: int) -> Path:
    """Path of the file with the rows of a page."""
    return folder / f"{page:06d}"


def write_page(
    folder: Path, page: int, rows: pa.RecordBatch, partitions: Partitions
) -> list[RowLocation]:
    """Write the rows of a page, which belong to these partitions; returns the location of each."""
    import pyarrow as pa

    batch_keys = regions_and_years(partitions)
    order = np.argsort(batch_keys, kind="stable")
    starts = np.flatnonzero(np.diff(batch_keys[order], prepend=-1))
    constant = _constant_columns(rows)
    varying = rows.drop_columns(constant).replace_schema_metadata(
        {_CONSTANT: _to_ipc(rows.select(constant).slice(0, 1))}
    )
    varying = varying.take(pa.array(order))
    offsets = []
    path = staging_path(folder, page)
    path.touch(exist_ok=False)  # an existing file is never written to
    with pa.OSFile(str(path), "wb") as file:
        file.write(varying.schema.serialize())
        for first, stop in pairwise([*starts.tolist(), len(order)]):
            offsets.append(file.tell())
            file.write(varying.slice(first, stop - first).serialize())
    position = np.argsort(order)
    batches = np.searchsorted(starts, position, side="right") - 1
    numbers = position - starts[batches]
    located = zip(np.array(offsets)[batches].tolist(), numbers.tolist(), strict=True)
    return [RowLocation(page, *one) for one in located]


def read_rows(folder: Path, locations: Iterable[RowLocation], schema: pa.Schema) -> pa.Table:
    """The rows at these sorted locations, with these columns.

    Pages may have been written with other columns, also different ones.
    """
    import pyarrow as pa

    def opened(page: int) -> pa.NativeFile:
        return pa.OSFile(str(staging_path(folder, page)))

    return _table(_batches(opened, locations), schema)


def read_checked_rows(
    folder: Path, locations: Iterable[RowLocation], schema: pa.Schema
) -> pa.Table:
    """As :func:`read_rows`, for pages that may be damaged or forged: checks every value.

    Raises :class:`~catalog_builder.errors.CatalogError` for an impossible value, and if there is
    no row at a location.
    """
    import pyarrow as pa

    files = SafeFolder(folder)

    def opened(page: int) -> pa.NativeFile:
        # In memory, so that a wrong length cannot read beyond the file.
        return pa.BufferReader(files.read(staging_path(folder, page).name) or b"")

    try:
        rows = _table(_batches(opened, locations, check=True), schema)
        rows.validate(full=True)
    except (
        *(pa.ArrowException, OSError, MemoryError, LookupError, TypeError),
        *(ValueError, OverflowError),
    ) as error:
        raise CatalogError(f"Rows in {folder} cannot be read: {error}.") from error
    return rows


def _table(batches: Iterable[_Batch], schema: pa.Schema) -> pa.Table:
    """The rows of batches, with these columns."""
    import pyarrow as pa

    tables = [pa.Table.from_batches([], schema)]
    for (constant, own), same in groupby(batches, lambda one: (one.constant, one.rows.schema)):
        varying = pa.Table.from_batches([one.rows for one in same], own)
        tables.append(fit(_with_constant(varying, constant, schema), schema))
    return pa.concat_tables(tables)


class _Batch(NamedTuple):
    """Rows of a page that are of one region and year."""

    rows: pa.RecordBatch
    """Without the columns that have the same value in all rows of the page."""
    constant: bytes
    """One row of those columns, as an IPC stream."""


def _batches(
    opened: Callable[[int], pa.NativeFile],
    locations: Iterable[RowLocation],
    *,
    check: bool = False,
) -> Iterator[_Batch]:
    """The batches of the rows at these locations, with only these rows.

    ``check`` validates every value first: Arrow would follow a wrong offset beyond its memory.
    """
    import pyarrow as pa

    for page, of_page in groupby(locations, key=lambda location: location.page):
        with opened(page) as file:
            # Not in Arrow's file format, whose footer is slow to read with many batches.
            schema = pa.ipc.read_schema(file)
            constant, schema = schema.metadata[_CONSTANT], schema.remove_metadata()
            for batch, of_batch in groupby(of_page, key=lambda location: location.batch):
                file.seek(batch)
                rows = pa.ipc.read_record_batch(pa.ipc.read_message(file), schema)
                if check:
                    rows.validate(full=True)
                    pa.ipc.open_stream(constant).read_next_batch().validate(full=True)
                for first, count in _runs([location.number for location in of_batch]):
                    yield _Batch(rows.slice(first, count), constant)


def _runs(numbers: list[int]) -> Iterator[tuple[int, int]]:
    """First number and length of each run of consecutive numbers, given sorted."""
    if numbers[-1] - numbers[0] == len(numbers) - 1:  # one run, as a rule
        yield numbers[0], len(numbers)
        return
    for _, run in groupby(enumerate(numbers), key=lambda one: one[1] - one[0]):
        of_run = [number for _, number in run]
        yield of_run[0], len(of_run)


def _constant_columns(rows: pa.RecordBatch) -> list[str]:
    """Names of the columns with the same value in all rows, never of all columns.

    A batch without columns would have no rows.
    """
    last = len(rows) - 1
    if last < _FEW:
        return []
    return [
        name
        for name in rows.schema.names[1:]
        if rows[name].slice(1).equals(rows[name].slice(0, last))
    ]


def _to_ipc(rows: pa.RecordBatch) -> bytes:
    """Rows as an IPC stream."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_batch(rows)
    stream: bytes = sink.getvalue().to_pybytes()
    return stream


def _with_constant(varying: pa.Table, constant: bytes, schema: pa.Schema) -> pa.Table:
    """Restore the constant columns of rows; columns are in the order of a schema."""
    import pyarrow as pa

    one = pa.ipc.open_stream(constant).read_next_batch()
    again = pa.array(np.zeros(len(varying), dtype=np.int32))
    columns = {name: varying[name] for name in varying.schema.names}
    columns |= {name: one[name].take(again) for name in one.schema.names}
    names = [name for name in schema.names if name in columns]
    fields = [
        (varying if name in varying.schema.names else one).schema.field(name) for name in names
    ]
    return pa.Table.from_arrays([columns[name] for name in names], schema=pa.schema(fields))
