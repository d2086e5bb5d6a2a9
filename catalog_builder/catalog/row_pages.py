"""Rows of the index on disk while a build reads on, a file a page: Arrow's IPC format, in batches.

Rows of one part of the index, a region and year, lie in a batch: they are read without the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

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


class PageWriter:
    """Writes the rows of a page, some after the other."""

    def __init__(self, folder: Path, page: int, schema: pa.Schema) -> None:
        import pyarrow as pa

        self._page = page
        self._batches = 0
        self._writer = pa.ipc.new_file(str(page_path(folder, page)), schema)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def places(self, parts: Sequence[int]) -> list[RowPlace]:
        """Where the rows that are written next will lie; ``parts`` are theirs, sorted."""
        return [
            RowPlace(self._page, batch, number)
            for batch, (_, of_part) in enumerate(groupby(parts), self._batches)
            for number, _ in enumerate(of_part)
        ]

    def write(self, rows: pa.RecordBatch, parts: Sequence[int]) -> None:
        """Write rows, sorted by their parts of the index, which are ``parts``."""
        starts = np.flatnonzero(np.diff(parts, prepend=-1)).tolist()
        for first, end in pairwise([*starts, len(rows)]):
            self._writer.write_batch(rows.slice(first, end - first))
        self._batches += len(starts)


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
