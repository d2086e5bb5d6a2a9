"""Writes the Parquet file of the index, ``items.parquet``, one row group at a time.

How rows are sorted, grouped and compressed is a choice between readers, measured on 500,000 items;
see :data:`~catalog_builder.catalog.index.partitions.MOST_ROWS`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from catalog_builder.catalog.index.covering import add_covering, with_covering
from catalog_builder.catalog.index.schema import COVERING, FILE_METADATA, KEYS, SIDES, leaves
from catalog_builder.catalog.index.to_arrow import sorted_order
from catalog_builder.errors import CatalogError
from catalog_builder.safe_folder import SafeFolder

if TYPE_CHECKING:
    import pyarrow as pa

_STATISTICS: Final = [
    *(key for key in KEYS if key != "bbox"),
    *(f"{column}.{side}" for column in ("bbox", COVERING) for side in SIDES),
    "datetime",
]
"""Columns whose smallest and largest values stand in the footer. Only these: a reader fetches the
footer before anything else."""

_LEVELS: Final = {"geometry": 2}
"""Of 500,000 items, geometry is three quarters of the bytes: one level more makes them 5 % fewer
in a third more time, one less a quarter more. The others are at level 1, Arrow's own choice: more
makes them no smaller."""


class RowGroups(NamedTuple):
    """What an index is written from."""

    schema: pa.Schema
    """Columns of every row group."""
    tables: Iterable[pa.Table]
    """The row groups, in their order, each sorted and in one chunk."""


@cache
def _options(schema: pa.Schema) -> dict[str, Any]:
    """Encoding and compression of the columns."""
    columns = list(leaves(schema))
    return {
        # zstd starts anew for each column. For repeated text, which is tiny as a dictionary, that
        # would be a third of all the time.
        "compression": {one.path: "snappy" if one.in_common else "zstd" for one in columns},
        "compression_level": _LEVELS,
        # DuckDB 2.0.0 stops at a condition on bbox.xmin where that has a dictionary; without any,
        # zstd makes other columns 2 % smaller.
        "use_dictionary": [one.path for one in columns if one.in_common],
        "write_statistics": _STATISTICS,
        "write_page_checksum": True,
    }


def split_sorted(rows: pa.Table, counts: Iterable[int]) -> Iterator[pa.Table]:
    """Sort rows as the index has them, and give the first so many, then the next.

    Each table is a copy in one chunk, wherever its rows came from: the bytes of a row group depend
    on how its columns are cut into chunks.
    """
    rows = rows.combine_chunks()
    order = sorted_order(rows)
    first = 0
    for count in counts:
        yield rows.take(order.slice(first, count))
        first += count


def write_row_groups(row_groups: RowGroups, path: Path) -> int:
    """Write an index to ``path``, whole by rename; returns its rows.

    Raises :class:`~catalog_builder.errors.CatalogError` where there is none.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = with_covering(row_groups.schema.with_metadata(FILE_METADATA))
    rows = 0
    with SafeFolder(path.parent).replacing(path.name) as temporary:
        with pq.ParquetWriter(temporary, schema, **_options(schema)) as writer:
            for row_group in row_groups.tables:
                writer.write_table(add_covering(row_group), row_group_size=len(row_group))
                rows += len(row_group)
                pa.default_memory_pool().release_unused()
        if not rows:
            raise CatalogError(f"{path.name} is not written: there is no item to put into it.")
    return rows
