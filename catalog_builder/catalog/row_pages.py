"""Rows of the index on disk while a build reads on, a file a page: Arrow's IPC format, in batches.

Rows of one region and year lie in a batch, so that those of a part of the index are read without
the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from catalog_builder.catalog.item_columns import fit

if TYPE_CHECKING:
    import pyarrow as pa


class RowPlace(NamedTuple):
    """Where a row lies."""

    page: int
    batch: int
    number: int
    """In its batch."""


def page_path(folder: Path, page: int) -> Path:
    """File of the rows of a page."""
    return folder / f"{page:06d}"


def write_page(path: Path, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> None:
    """Write the rows of a page."""
    import pyarrow as pa

    with path.open("wb") as file, pa.ipc.new_file(file, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


def read_rows(folder: Path, places: Iterable[RowPlace], schema: pa.Schema) -> pa.Table:
    """The rows that lie at these places, which are sorted, in these columns."""
    import pyarrow as pa

    tables = [schema.empty_table()]
    for page, of_page in groupby(places, key=lambda place: place.page):
        with page_path(folder, page).open("rb") as file, pa.ipc.open_file(file) as reader:
            batches = list(_batches(reader, of_page))
            tables.append(fit(pa.Table.from_batches(batches, reader.schema), schema))
    return pa.concat_tables(tables)


def _batches(
    reader: pa.RecordBatchFileReader, places: Iterable[RowPlace]
) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    for batch, of_batch in groupby(places, key=lambda place: place.batch):
        rows = reader.get_batch(batch)
        numbers = [place.number for place in of_batch]
        yield rows if len(numbers) == len(rows) else rows.take(pa.array(numbers, pa.int32()))
