"""Rows of the index on disk while a build reads on, a file a page, as messages of Arrow's IPC.

A page's rows of one part of the index are a batch, so that they are read without the others.
Columns that hold one value throughout a page, two fifths of its bytes, are in its schema instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from catalog_builder.catalog.index.arrow_numbers import to_arrow
from catalog_builder.catalog.index.json_columns import fit
from catalog_builder.catalog.index.partitions import part_of
from catalog_builder.errors import CatalogError
from catalog_builder.safe_folder import SafeFolder

if TYPE_CHECKING:
    import pyarrow as pa

_SHARED: Final = b"shared"
"""Key in the metadata of a page's schema: a row of the columns that hold one value throughout."""

_FEW: Final = 200
"""Rows: of fewer, it takes longer to put those columns back than to write them."""


class RowPlace(NamedTuple):
    """Where a row lies."""

    page: int
    batch: int
    """Where its batch begins in the file, bytes."""
    number: int
    """In its batch."""


def page_path(folder: Path, page: int) -> Path:
    """File of the rows of a page."""
    return folder / f"{page:06d}"


def write_page(
    folder: Path, page: int, rows: pa.RecordBatch, cells: Sequence[int]
) -> list[RowPlace]:
    """Write the rows of a page, which lie in these cells; returns where each of them is then."""
    import pyarrow as pa

    parts = part_of(np.array(cells, dtype=np.int64))
    order = np.argsort(parts, kind="stable")
    starts = np.flatnonzero(np.diff(parts[order], prepend=-1))
    shared = _shared(rows)
    own = rows.drop_columns(shared).replace_schema_metadata(
        {_SHARED: _packed(rows.select(shared).slice(0, 1))}
    )
    own = own.take(to_arrow(order))
    begins = []
    place = page_path(folder, page)
    place.touch(exist_ok=False)  # nothing is written to what is there already
    with pa.OSFile(str(place), "wb") as file:
        file.write(own.schema.serialize())
        for first, end in pairwise([*starts.tolist(), len(order)]):
            begins.append(file.tell())
            file.write(own.slice(first, end - first).serialize())
    sorted_place = np.argsort(order)
    batches = np.searchsorted(starts, sorted_place, side="right") - 1
    numbers = sorted_place - starts[batches]
    places = zip(np.array(begins)[batches].tolist(), numbers.tolist(), strict=True)
    return [RowPlace(page, *place) for place in places]


def read_rows(folder: Path, places: Iterable[RowPlace], schema: pa.Schema) -> pa.Table:
    """The rows that lie at these places, which are sorted, in these columns.

    Pages may have been written with other columns than these, and than one another.
    """
    import pyarrow as pa

    def opened(page: int) -> pa.NativeFile:
        return pa.OSFile(str(page_path(folder, page)))

    return _table(_batches(opened, places), schema)


def read_found_rows(folder: Path, places: Iterable[RowPlace], schema: pa.Schema) -> pa.Table:
    """The same of pages that were found, which may be damaged, or anyone's.

    Every value is checked. Raises :class:`~catalog_builder.errors.CatalogError` where one of them
    cannot be, or there is no row at a place.
    """
    import pyarrow as pa

    files = SafeFolder(folder)

    def opened(page: int) -> pa.NativeFile:
        # In memory: a length that is wrong asks for no more than there is.
        return pa.BufferReader(files.read(page_path(folder, page).name) or b"")

    try:
        found = _table(_batches(opened, places, check=True), schema)
        found.validate(full=True)
    except (
        *(pa.ArrowException, OSError, MemoryError, LookupError, TypeError),
        *(ValueError, OverflowError),
    ) as error:
        raise CatalogError(f"Rows in {folder} cannot be read: {error}.") from error
    return found


def _table(batches: Iterable[_Batch], schema: pa.Schema) -> pa.Table:
    """Rows of pages, in these columns."""
    import pyarrow as pa

    tables = [pa.Table.from_batches([], schema)]
    for (shared, columns), of_pages in groupby(batches, lambda one: (one.shared, one.rows.schema)):
        own = pa.Table.from_batches([one.rows for one in of_pages], columns)
        tables.append(fit(_whole(own, shared, schema), schema))
    return pa.concat_tables(tables)


class _Batch(NamedTuple):
    """Rows of a page that are of one part of the index."""

    rows: pa.RecordBatch
    """Without the columns that hold one value throughout the page."""
    shared: bytes
    """Those, one row, packed."""


def _batches(
    opened: Callable[[int], pa.NativeFile], places: Iterable[RowPlace], *, check: bool = False
) -> Iterator[_Batch]:
    """Those batches of the pages in which there are rows, with just these rows.

    ``check`` looks at every value, for where one cannot be, Arrow would read beyond its memory.
    """
    import pyarrow as pa

    for page, of_page in groupby(places, key=lambda place: place.page):
        with opened(page) as file:
            # Arrow's format for files of many batches would have a footer, which is slow to read.
            schema = pa.ipc.read_schema(file)
            shared, schema = schema.metadata[_SHARED], schema.remove_metadata()
            for batch, of_batch in groupby(of_page, key=lambda place: place.batch):
                file.seek(batch)
                rows = pa.ipc.read_record_batch(pa.ipc.read_message(file), schema)
                if check:
                    rows.validate(full=True)
                    pa.ipc.open_stream(shared).read_next_batch().validate(full=True)
                for first, count in _runs([place.number for place in of_batch]):
                    yield _Batch(rows.slice(first, count), shared)


def _runs(numbers: list[int]) -> Iterator[tuple[int, int]]:
    """First and count of each run of numbers, which are sorted, that follow one another."""
    if numbers[-1] - numbers[0] == len(numbers) - 1:  # as most often
        yield numbers[0], len(numbers)
        return
    for _, run in groupby(enumerate(numbers), key=lambda one: one[1] - one[0]):
        of_run = [number for _, number in run]
        yield of_run[0], len(of_run)


def _shared(rows: pa.RecordBatch) -> list[str]:
    """Names of the columns that hold one value throughout: much of an item is the same in all.

    Never of all columns, for a batch without any has no rows.
    """
    last = len(rows) - 1
    if last < _FEW:
        return []
    return [
        name
        for name in rows.schema.names[1:]
        if rows[name].slice(1).equals(rows[name].slice(0, last))
    ]


def _packed(rows: pa.RecordBatch) -> bytes:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_batch(rows)
    packed: bytes = sink.getvalue().to_pybytes()
    return packed


def _whole(own: pa.Table, shared: bytes, schema: pa.Schema) -> pa.Table:
    """Rows with the columns that hold one value throughout, in the order of a schema."""
    import pyarrow as pa

    one = pa.ipc.open_stream(shared).read_next_batch()
    again = to_arrow(np.zeros(len(own), dtype=np.int32))
    columns = {name: own[name] for name in own.schema.names}
    columns |= {name: one[name].take(again) for name in one.schema.names}
    names = [name for name in schema.names if name in columns]
    fields = [(own if name in own.schema.names else one).schema.field(name) for name in names]
    return pa.Table.from_arrays([columns[name] for name in names], schema=pa.schema(fields))
