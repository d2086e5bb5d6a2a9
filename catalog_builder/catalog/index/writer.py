"""Writes ``items.parquet``: group by group, never all at once.

How rows are sorted, grouped and packed is a choice between readers, measured on 500,000 items; see
:data:`~catalog_builder.catalog.index.partitions.MOST_ROWS`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from catalog_builder.catalog.index.parquet_parts import Common, Part, PartedFile, join
from catalog_builder.catalog.index.partitions import Group
from catalog_builder.catalog.index.schema import FILE_METADATA, KEYS, SIDES, leaves
from catalog_builder.catalog.index.to_arrow import sorted_order
from catalog_builder.safe_folder import SafeFolder

if TYPE_CHECKING:
    import pyarrow as pa

_STATISTICS: Final = [
    *(key for key in KEYS if key != "bbox"),
    *(f"bbox.{side}" for side in SIDES),
    "datetime",
]
"""Columns whose smallest and largest values stand in the footer; of no other one are they asked,
and the footer is read before anything else."""

_LEVELS: Final = {"geometry": 2}
"""Of 500,000 items, geometry is three quarters of the bytes: a level more makes them 5 % fewer in
a third more time, one less a quarter more. The others are at level 1, Arrow's own choice: more
makes them no smaller."""


@cache
def _options(schema: pa.Schema) -> dict[str, Any]:
    """How columns are packed."""
    columns = list(leaves(schema))
    return {
        # zstd begins anew for each column: for text in common, next to nothing as a dictionary,
        # that would be a third of all the time.
        "compression": {one.path: "snappy" if one.in_common else "zstd" for one in columns},
        "compression_level": _LEVELS,
        # DuckDB 2.0.0 stops at a condition on bbox.xmin where that has a dictionary; without any,
        # zstd makes other columns 2 % smaller.
        "use_dictionary": [one.path for one in columns if one.in_common],
        "write_statistics": _STATISTICS,
    }


def encode(rows: pa.Table, groups: Sequence[Group]) -> Iterator[Part]:
    """Rows, in any order, as row groups, which they fill."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = rows.combine_chunks()
    order = sorted_order(rows)
    schema = rows.schema.with_metadata(FILE_METADATA)
    first = 0
    for one in groups:
        sink = pa.BufferOutputStream()
        with pq.ParquetWriter(sink, schema, **_options(schema)) as writer:
            some = rows.take(order.slice(first, one.rows))
            writer.write_table(some, row_group_size=one.rows)
        first += one.rows
        yield PartedFile(pa.BufferReader(sink.getvalue())).part(0)


def common(schema: pa.Schema) -> Common:
    """What row groups with these columns have in common, made here and now."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = schema.with_metadata(FILE_METADATA)
    sink = pa.BufferOutputStream()
    pq.ParquetWriter(sink, schema, **_options(schema)).close()
    return PartedFile(pa.BufferReader(sink.getvalue())).common


def write_parts(parts: Iterable[Part], path: Path) -> int:
    """Write row groups to ``path``, whole by rename; returns how many rows there were."""
    with SafeFolder(path.parent).replacing(path.name) as half, half.open("wb") as file:
        return join(parts, file)
