"""Rows of the index on disk while a build reads on, a file a page, in Arrow's IPC format.

A page's rows of one part of the index are a batch, so that they are read without the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from catalog_builder.catalog.arrow_numbers import to_arrow
from catalog_builder.catalog.index_groups import part_of
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


def write_page(
    folder: Path, page: int, rows: Sequence[pa.RecordBatch], cells: Sequence[int]
) -> list[RowPlace]:
    """Write the rows of a page, which lie in these cells; returns where each of them is then."""
    import pyarrow as pa

    parts = part_of(np.array(cells, dtype=np.int64))
    order = np.argsort(parts, kind="stable")
    starts = np.flatnonzero(np.diff(parts[order], prepend=-1))
    batch = pa.concat_batches(rows).take(to_arrow(order))
    with pa.ipc.new_file(str(page_path(folder, page)), batch.schema) as writer:
        for first, end in pairwise([*starts.tolist(), len(order)]):
            writer.write_batch(batch.slice(first, end - first))
    sorted_place = np.argsort(order)
    batches = np.searchsorted(starts, sorted_place, side="right") - 1
    numbers = sorted_place - starts[batches]
    return [RowPlace(page, *one) for one in zip(batches.tolist(), numbers.tolist(), strict=True)]


def read_rows(folder: Path, places: Iterable[RowPlace], schema: pa.Schema) -> pa.Table:
    """The rows that lie at these places, which are sorted, in these columns."""
    import pyarrow as pa

    tables = [pa.Table.from_batches([], schema)]
    for page, of_page in groupby(places, key=lambda place: place.page):
        with pa.OSFile(str(page_path(folder, page))) as file:
            batches = list(_batches(pa.ipc.open_file(file), of_page))
        tables.append(fit(pa.Table.from_batches(batches), schema))
    return pa.concat_tables(tables)


def _batches(
    page: pa.RecordBatchFileReader, places: Iterable[RowPlace]
) -> Iterator[pa.RecordBatch]:
    """Those of the batches of a page in which there are rows, with just these rows."""
    for batch, of_batch in groupby(places, key=lambda place: place.batch):
        rows = page.get_batch(batch)
        numbers = [place.number for place in of_batch]
        yield rows if len(numbers) == len(rows) else rows.take(to_arrow(numbers))
