"""Writes the Parquet file of the index, ``items.parquet``, one row group at a time.

Sorting, row groups and compression were chosen by measurements with 500,000 items; see also
:data:`~catalog_builder.catalog.index.partitions.MOST_ROWS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from catalog_builder.catalog.index.covering import add_covering, with_covering
from catalog_builder.catalog.index.schema import COVERING, FILE_METADATA, KEYS, SIDES, leaves
from catalog_builder.catalog.index.to_arrow import sorted_order
from catalog_builder.errors import CatalogError
from catalog_builder.progress import Progress
from catalog_builder.safe_folder import SafeFolder

if TYPE_CHECKING:
    import pyarrow as pa

    from catalog_builder.progress import Reporter

_STATISTICS: Final = [
    *(key for key in KEYS if key != "bbox"),
    *(f"{column}.{side}" for column in ("bbox", COVERING) for side in SIDES),
    "datetime",
]
"""Columns whose smallest and largest values are in the footer; no others, since every reader
fetches the footer first."""

_LEVELS: Final = {"geometry": 2}
"""Compression levels. Geometry is three quarters of the bytes of 500,000 items: one level more
saves 5 % of them in a third more time, one level less makes them a quarter more. Other columns
have level 1, Arrow's default: more makes them no smaller."""


class RowGroups(NamedTuple):
    """The content of an index."""

    schema: pa.Schema
    """Columns of every row group."""
    tables: Iterable[pa.Table]
    """The row groups, in their order, each sorted and in one chunk."""


STAC_KEY: Final = "stac-geoparquet"
"""Key in the footer of what stac-geoparquet says."""

EXTENT_COLUMNS: Final = ("collection", "bbox", "start_datetime", "end_datetime")
"""What :data:`Describe` is given of all rows."""

Describe = Callable[["pa.Table"], Mapping[str, Mapping[str, Any]]]
"""The STAC Collections of rows, by their ids, from their columns :data:`EXTENT_COLUMNS`."""


@cache
def _options(schema: pa.Schema) -> dict[str, Any]:
    """Encoding and compression of the columns."""
    columns = list(leaves(schema))
    return {
        # zstd has a start-up cost for each column: for repeated text, which is tiny with a
        # dictionary, a third of all the time.
        "compression": {one.path: "snappy" if one.in_common else "zstd" for one in columns},
        "compression_level": _LEVELS,
        # DuckDB 2.0.0 fails at a condition on bbox.xmin if that has a dictionary. Without
        # dictionaries, zstd makes other columns 2 % smaller.
        "use_dictionary": [one.path for one in columns if one.in_common],
        "write_statistics": _STATISTICS,
        "write_page_checksum": True,
    }


def split_sorted(rows: pa.Table, counts: Iterable[int]) -> Iterator[pa.Table]:
    """Sort rows in the order of the index, and split them into tables of these numbers of rows.

    Each table is a copy in one chunk, since the bytes of a row group depend on the chunks of its
    columns.
    """
    rows = rows.combine_chunks()
    order = sorted_order(rows)
    first = 0
    for count in counts:
        yield rows.take(order.slice(first, count))
        first += count


def write_row_groups(
    row_groups: RowGroups,
    path: Path,
    *,
    describe: Describe | None = None,
    total: int | None = None,
    progress: Reporter | None = None,
) -> int:
    """Write an index to ``path``, whole by rename; returns the number of rows.

    ``describe`` gives the collections that the footer tells
    (https://radiantearth.github.io/stac-geoparquet-spec/). ``total``, if known, is the number of
    rows, for ``progress``. Raises :class:`~catalog_builder.errors.CatalogError` if there are no
    rows.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = with_covering(row_groups.schema.with_metadata(FILE_METADATA))
    rows, extents = 0, []
    with SafeFolder(path.parent).replacing(path.name) as temporary:
        with pq.ParquetWriter(temporary, schema, **_options(schema)) as writer:
            for row_group in row_groups.tables:
                writer.write_table(add_covering(row_group), row_group_size=len(row_group))
                rows += len(row_group)
                if describe is not None:
                    extents.append(row_group.select(EXTENT_COLUMNS))
                pa.default_memory_pool().release_unused()
                if progress is not None:
                    progress(Progress(stage="writing the index", done=rows, total=total))
            known = describe(pa.concat_tables(extents)) if describe and extents else {}
            writer.add_key_value_metadata({STAC_KEY: stac_metadata(known)})
        if not rows:
            raise CatalogError(f"{path.name} is not written: there is no item to put into it.")
    return rows


def stac_metadata(collections: Mapping[str, Mapping[str, Any]]) -> str:
    """The metadata of stac-geoparquet 1.1."""
    known = {"collections": dict(sorted(collections.items()))} if collections else {}
    return orjson.dumps({"version": "1.1.0", **known}).decode()
