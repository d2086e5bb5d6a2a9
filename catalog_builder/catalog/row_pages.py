"""Rows of the index on disk while a build reads on, a file a page: Arrow's IPC format, in batches.

Rows of one part of the index, a region and year, lie in a batch: they are read without the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

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


def row_places(page: int, parts: Sequence[int]) -> list[RowPlace]:
    """Where the rows of a page lie; ``parts`` are theirs, sorted."""
    return [
        RowPlace(page, batch, number)
        for batch, (_, of_part) in enumerate(groupby(parts))
        for number, _ in enumerate(of_part)
    ]


def write_page(path: Path, rows: pa.RecordBatch, parts: ArrayLike) -> None:
    """Write the rows of a page, sorted by their parts of the index, which are ``parts``."""
    import pyarrow as pa

    starts = np.flatnonzero(np.diff(parts, prepend=-1)).tolist()
    with path.open("wb") as file, pa.ipc.new_file(file, rows.schema) as writer:
        for first, end in pairwise([*starts, len(rows)]):
            writer.write_batch(rows.slice(first, end - first))


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
