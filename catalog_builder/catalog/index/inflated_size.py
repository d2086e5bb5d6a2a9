"""How much memory columns of ``items.parquet`` may take, whatever their host made of them.

Some ten thousand bytes can stand for gigabytes: by compression, by a dictionary whose one long
value all rows repeat, or by rows that hold nothing. The footer says how large each part is before
the first byte of it is decoded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from catalog_builder.errors import CatalogError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

MOST: Final = 512 * 2**20
"""Bytes that the columns of one row group may take; those of 2,000 items take about 4 MB."""

_MOST_AT_A_TIME: Final = 128 * 2**20
"""Bytes that rows which are decoded together may take."""

_CELL: Final = 8
"""Bytes that a value takes at most where nothing but its number is stored."""


def read_bounded(file: pq.ParquetFile, group: int, columns: Sequence[str], name: str) -> pa.Table:
    """Columns of a row group of the file ``name``, as one table of at most :data:`MOST` bytes.

    Raises :class:`~catalog_builder.errors.CatalogError` where they would take more.
    """
    import pyarrow as pa

    row_group = file.metadata.row_group(group)
    wanted = set(columns)
    chunks = [
        chunk
        for chunk in (row_group.column(number) for number in range(row_group.num_columns))
        if chunk.path_in_schema.partition(".")[0] in wanted
    ]
    rows = max(row_group.num_rows, 1)
    _require(_bytes(rows, chunks), group, name)
    # A row can be no longer than all that is stored of a column.
    longest = sum(chunk.total_uncompressed_size for chunk in chunks if chunk.has_dictionary_page)
    if rows * longest <= MOST:
        return file.read_row_groups([group], columns)
    batches, held = [], 0
    step = max(1, _MOST_AT_A_TIME // longest)
    for batch in file.iter_batches(step, row_groups=[group], columns=columns):
        batches.append(batch)
        held += batch.nbytes
        _require(held, group, name)
    return pa.Table.from_batches(batches).combine_chunks()


def fits(metadata: pq.FileMetaData) -> bool:
    """Whether every row group takes at most :data:`MOST` bytes, all columns, by the footer."""
    groups = (metadata.row_group(number) for number in range(metadata.num_row_groups))
    return all(
        _bytes(group.num_rows, [group.column(n) for n in range(group.num_columns)]) <= MOST
        for group in groups
    )


def _bytes(rows: int, chunks: Sequence[pq.ColumnChunkMetaData]) -> int:
    """What columns take if no value is repeated."""
    inflated: int = sum(chunk.total_uncompressed_size for chunk in chunks)
    return max(inflated, rows * _CELL * len(chunks))


def _require(size: int, group: int, name: str) -> None:
    if size > MOST:
        raise CatalogError(
            f"{name} is not read: row group {group} takes {size:,} bytes in memory, and that of "
            f"no catalog takes more than {MOST:,}. Its host may be hostile, or it is damaged."
        )
