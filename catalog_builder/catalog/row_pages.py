"""Rows of the index on disk while a build reads on, a file a page, in Arrow's IPC format.

A page's rows are sorted by their parts of the index, so that those wanted at a time lie together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from catalog_builder.catalog.index_groups import part_of
from catalog_builder.catalog.item_columns import fit

if TYPE_CHECKING:
    import pyarrow as pa


class RowPlace(NamedTuple):
    """Where a row lies."""

    page: int
    number: int
    """In its page."""


def page_path(folder: Path, page: int) -> Path:
    """File of the rows of a page."""
    return folder / f"{page:06d}"


def write_page(
    folder: Path, page: int, rows: Sequence[pa.RecordBatch], cells: Sequence[int]
) -> list[RowPlace]:
    """Write the rows of a page, which lie in these cells; returns where each of them is then."""
    import pyarrow as pa

    order = np.argsort(part_of(np.array(cells, dtype=np.int64)), kind="stable")
    batch = pa.concat_batches(rows).take(pa.array(order))
    with pa.ipc.new_file(str(page_path(folder, page)), batch.schema) as writer:
        writer.write_batch(batch)
    return [RowPlace(page, number) for number in np.argsort(order).tolist()]


def read_rows(folder: Path, places: Iterable[RowPlace], schema: pa.Schema) -> pa.Table:
    """The rows that lie at these places, sorted by page, in these columns."""
    import pyarrow as pa

    tables = [schema.empty_table()]
    for page, of_page in groupby(places, key=lambda place: place.page):
        numbers = [place.number for place in of_page]
        # Mapped, for few of its rows are wanted at a time.
        with pa.memory_map(str(page_path(folder, page))) as file:
            rows = pa.ipc.open_file(file).get_batch(0)
        rows = rows.slice(numbers[0], numbers[-1] + 1 - numbers[0])
        if len(rows) > len(numbers):
            rows = rows.take(pa.array(np.array(numbers) - numbers[0]))
        tables.append(fit(pa.Table.from_batches([rows]), schema))
    return pa.concat_tables(tables)
