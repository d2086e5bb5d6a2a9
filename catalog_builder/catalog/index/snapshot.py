"""One version of ``items.parquet``: its footer, and the columns of its row groups.

Columns that were read are kept in memory, within limits, for the next search of this version.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from catalog_builder.byte_cache import ByteCache
from catalog_builder.catalog.index.inflated_size import read_bounded
from catalog_builder.catalog.index.schema import COVERING, KEYS, require_known_index
from catalog_builder.catalog.index.sparse_file import Span, SparseFile, merged
from catalog_builder.catalog.stac.layout import INDEX
from catalog_builder.errors import CatalogError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from catalog_builder.catalog.index.catalog_location import CatalogLocation
    from catalog_builder.catalog.index.spatial_condition import Range
    from catalog_builder.transport.file_version import FileVersion

    _Columns = ByteCache[tuple[int, str], pa.ChunkedArray]

BATCH: Final = 16 * 2**20
"""Compressed bytes of columns that are read at a time."""

KEPT_KEYS: Final = 96 * 2**20
"""Bytes of searched columns that are kept: those of 500,000 items take about 60 MB."""

KEPT_WIDE: Final = 64 * 2**20
"""Bytes of geometry and other columns that are kept."""

_WORTH_THREADS: Final = 2**20
"""Bytes of columns, decompressed, from which on several threads are faster than one."""

_REQUIRED: Final = (
    "icesat2:region",
    "start_datetime",
    "end_datetime",
    "id",
    "sat:relative_orbit",
    "sat:orbit_cycle",
    "bbox",
    "geometry",
)


class Snapshot:
    """One version of an index's Parquet file; may be read from several threads at once."""

    def __init__(
        self,
        location: CatalogLocation,
        metadata: pq.FileMetaData,
        *,
        source: Any = None,
        version: FileVersion | None = None,
        end: bytes = b"",
    ) -> None:
        """``source`` is pyarrow's file; None if a file behind a URL is read in parts.

        ``version`` is the file's version by its host, and ``end`` its last bytes, footer included.
        Raises :class:`~catalog_builder.errors.CatalogError` if the Parquet file is not an index.
        """
        self.location = location
        self.metadata = metadata
        self.version = version
        self.end = end
        self.last_request = time.monotonic()
        """When its host last sent a part of this version, by ``time.monotonic``."""
        self.trusted_until = 0.0
        """Until then answers from memory need no check, by ``time.monotonic``."""
        self.schema: pa.Schema = rows_schema(metadata)
        """Arrow schema of the rows."""
        self._source = source
        count = metadata.num_row_groups
        self._rows: list[int] = [metadata.row_group(group).num_rows for group in range(count)]
        paths = [metadata.schema.column(n).path for n in range(metadata.num_columns)]
        self._leaves = {path: number for number, path in enumerate(paths)}
        self._parts: dict[str, list[int]] = {}
        for number, path in enumerate(paths):
            self._parts.setdefault(path.partition(".")[0], []).append(number)
        # Two caches, since wide columns would evict the small ones that searches need most.
        self._keys: _Columns = ByteCache(KEPT_KEYS)
        self._wide: _Columns = ByteCache(KEPT_WIDE)
        self._ranges: dict[str, list[Range | None]] = {}
        require_known_index(metadata.metadata, location.href(INDEX))
        if missing := [name for name in _REQUIRED if name not in self.schema.names]:
            raise CatalogError(
                f"{location.href(INDEX)} is not an item index: it lacks {', '.join(missing)}."
            )

    @property
    def groups(self) -> int:
        """Number of row groups."""
        return len(self._rows)

    def rows(self, group: int) -> int:
        """Number of rows in a row group."""
        return self._rows[group]

    def ranges(self, column: str) -> list[Range | None]:
        """The smallest and largest value of a column in each row group, from the footer.

        ``column`` has no fields of its own: ``bbox.xmin``, not ``bbox``. None if unknown.
        """
        if column not in self._ranges:
            number = self._leaves.get(column)
            self._ranges[column] = [
                None if number is None else _range(self.metadata.row_group(group).column(number))
                for group in range(self.groups)
            ]
        return self._ranges[column]

    def read(self, groups: Sequence[int], columns: Sequence[str]) -> pa.Table:
        """Some columns of some row groups, as one table."""
        import pyarrow as pa

        tables = [table for _, table in self.read_each(groups, columns)]
        return pa.concat_tables(tables or [self._schema(columns).empty_table()])

    def read_each(
        self,
        groups: Sequence[int],
        columns: Sequence[str] | None = None,
        *,
        slowly: bool = False,
    ) -> Iterator[tuple[int, pa.Table]]:
        """Row groups and their rows, by default with all columns.

        Row groups are read 16 MB at a time; ``slowly`` begins with a single one, for callers that
        may need no more. Raises :class:`~catalog_builder.errors.CatalogError` for a column that
        the file lacks, and if it cannot be read.
        """
        import pyarrow as pa

        names = list(self.schema.names if columns is None else columns)
        if missing := [name for name in names if name not in self.schema.names]:
            raise CatalogError(
                f"{self.location.href(INDEX)} has no column {', '.join(missing)}: "
                "it was made by an older catalog-builder, or by another program."
            )
        schema = self._schema(names)
        stored = {group: self._stored(group, names) for group in groups}
        # If not all fits, nothing is kept: each column would evict one that is needed sooner.
        keep = sum(inflated for _, inflated in stored.values()) <= KEPT_KEYS + KEPT_WIDE
        sizes = {group: size for group, (size, _) in stored.items()}
        for batch in _batches(sizes, first=1 if slowly else len(sizes)):
            found = self._columns(batch, names, keep=keep)
            for group in batch:
                yield group, pa.table([found[group, name] for name in names], schema=schema)

    def _columns(
        self, groups: Sequence[int], names: Sequence[str], *, keep: bool
    ) -> dict[tuple[int, str], pa.ChunkedArray]:
        found: dict[tuple[int, str], pa.ChunkedArray] = {}
        lacking: dict[int, list[str]] = {}
        for group in groups:
            for name in names:
                column = self._cache(name).get((group, name))
                if column is None:
                    lacking.setdefault(group, []).append(name)
                else:
                    found[group, name] = column
        if not lacking:
            return found
        for group, table in zip(lacking, self._decode(lacking), strict=True):
            for name in lacking[group]:
                found[group, name] = table[name]
                if keep:
                    self._cache(name).put((group, name), table[name], table[name].nbytes)
        return found

    def _decode(self, columns: dict[int, list[str]]) -> list[pa.Table]:
        """Read columns of row groups from the file; many of them in a thread for each core."""
        import pyarrow.parquet as pq

        inflated = sum(self._stored(group, names)[1] for group, names in columns.items())
        threads = min(os.cpu_count() or 1, len(columns)) if inflated > _WORTH_THREADS else 1
        with self.location.reading(INDEX):
            source = self._fetch(
                span for group, names in columns.items() for span in self._spans(group, names)
            )

            def decode(groups: Iterable[int]) -> list[pa.Table]:
                # A ParquetFile of its own for each thread: it is not safe to share.
                # Page checksums: without them a changed bit would give a wrong answer.
                file = pq.ParquetFile(
                    source(), metadata=self.metadata, page_checksum_verification=True
                )
                name = self.location.href(INDEX)
                return [read_bounded(file, group, columns[group], name) for group in groups]

            if threads == 1:
                return decode(columns)
            with ThreadPoolExecutor(threads, "index-columns") as pool:
                return [table for (table,) in pool.map(decode, [[group] for group in columns])]

    def _fetch(self, spans: Iterable[Span]) -> Callable[[], Any]:
        """Fetch parts of the file; returns a function that makes a pyarrow file of them.

        Raises FileChangedError if they are of another version.
        """
        import pyarrow as pa

        if self._source is not None:
            return lambda: self._source
        wanted = merged(spans)
        found = self.location.parts(INDEX).read_spans(wanted, self.version)
        for (start, stop), piece in zip(wanted, found, strict=True):
            if len(piece) != stop - start:
                raise OSError(f"{len(piece)} bytes arrived for bytes {start} to {stop}")
        self.last_request = time.monotonic()
        pieces = {start: piece for (start, _), piece in zip(wanted, found, strict=True)}
        return lambda: pa.PythonFile(SparseFile(pieces), "r")

    def _cache(self, column: str) -> _Columns:
        return self._wide if column not in KEYS else self._keys

    def _spans(self, group: int, names: Iterable[str]) -> list[Span]:
        """Where the columns of a row group lie in the file."""
        row_group = self.metadata.row_group(group)
        return [span_of(row_group.column(leaf)) for name in names for leaf in self._parts[name]]

    def _stored(self, group: int, names: Iterable[str]) -> tuple[int, int]:
        """Bytes of the columns of a row group, compressed and decompressed."""
        row_group = self.metadata.row_group(group)
        chunks = [row_group.column(leaf) for name in names for leaf in self._parts[name]]
        return (
            sum(chunk.total_compressed_size for chunk in chunks),
            sum(chunk.total_uncompressed_size for chunk in chunks),
        )

    def _schema(self, columns: Sequence[str]) -> pa.Schema:
        import pyarrow as pa

        whole = self.schema
        return pa.schema([whole.field(name) for name in columns], metadata=whole.metadata)


def rows_schema(metadata: pq.FileMetaData) -> pa.Schema:
    """Arrow schema of the rows of an index, without the column for other readers."""
    schema = metadata.schema.to_arrow_schema()
    place = schema.get_field_index(COVERING)
    return schema if place < 0 else schema.remove(place)


def span_of(chunk: pq.ColumnChunkMetaData) -> Span:
    """Where the pages of a column in a row group lie."""
    start = chunk.data_page_offset
    if chunk.has_dictionary_page and chunk.dictionary_page_offset is not None:
        start = min(start, chunk.dictionary_page_offset)
    return start, start + chunk.total_compressed_size


def _batches(sizes: dict[int, int], first: int) -> Iterator[list[int]]:
    """Row groups in batches, in order, of at most ``BATCH`` bytes.

    The first batch has at most ``first`` groups, the second twice that, and so on.
    """
    batch: list[int] = []
    held = 0
    for group, size in sizes.items():
        if batch and (held + size > BATCH or len(batch) == first):
            yield batch
            batch, held, first = [], 0, first * 2
        batch.append(group)
        held += size
    if batch:
        yield batch


def _range(chunk: pq.ColumnChunkMetaData) -> Range | None:
    """The smallest and largest value of a column in a row group, if it has statistics."""
    found = chunk.statistics
    return (found.min, found.max) if found is not None and found.has_min_max else None
