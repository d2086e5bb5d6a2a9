"""The Parquet file of an index: its footer, and columns of its row groups as they are asked for.

Behind a URL the footer comes in one request, or two where it is long; columns come all at once,
a request for each stretch of the file. What was read is kept, as far as it fits.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from catalog_builder.catalog.index.catalog_location import CatalogLocation
from catalog_builder.catalog.index.column_cache import ColumnCache
from catalog_builder.catalog.index.schema import KEYS
from catalog_builder.catalog.index.sparse_file import FetchedFile, Span, merged
from catalog_builder.catalog.stac.layout import INDEX
from catalog_builder.errors import CatalogError
from catalog_builder.forks import Lock
from catalog_builder.plain_folder import PlainFolder

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from catalog_builder.catalog.index.search import Range

END: Final = 256 * 2**10
"""Bytes of a remote file's end that are asked for at first: the footer of some 90,000 items, and
all of a small index."""

BATCH: Final = 16 * 2**20
"""Bytes of columns, as they are stored, that are read at a time."""

KEPT_KEYS: Final = 96 * 2**20
"""Bytes of searched columns that are kept: those of 500,000 items take some 60 MB."""

KEPT_WIDE: Final = 64 * 2**20
"""Bytes of geometry and all else that are kept."""

_WORTH_THREADS: Final = 2**20
"""Bytes of columns to inflate from which on threads are worth their start."""

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

_MAGIC: Final = b"PAR1"
_TAIL: Final = 8
"""Bytes after a footer: its length, and the magic."""


class IndexFile:
    """An index's Parquet file, opened at first use; safe to use from several threads.

    Pickles to its address.
    """

    def __init__(self, address: CatalogLocation) -> None:
        self.address = address
        self._lock = Lock()
        self._opened: _Opened | None = None
        # Apart, for the columns that tell most are small, and wide ones would drive them out.
        self._keys, self._wide = ColumnCache(KEPT_KEYS), ColumnCache(KEPT_WIDE)
        self._ranges: dict[str, list[Range | None]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return IndexFile, (self.address,)

    @property
    def is_open(self) -> bool:
        """Whether its footer is read."""
        return self._opened is not None

    @property
    def groups(self) -> int:
        """How many row groups there are."""
        return int(self._open().metadata.num_row_groups)

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema of the rows."""
        return self._open().schema

    def rows(self, group: int) -> int:
        """Rows of a row group."""
        return self._open().rows[group]

    def ranges(self, column: str) -> list[Range | None]:
        """The smallest and largest value of a column in each row group, from the footer.

        ``column`` is a leaf, such as ``bbox.xmin``; None where the footer does not tell.
        """
        if column not in self._ranges:
            opened = self._open()
            number = opened.leaves.get(column)
            self._ranges[column] = [
                None if number is None else _range(opened.metadata.row_group(group).column(number))
                for group in range(self.groups)
            ]
        return self._ranges[column]

    def read(self, groups: Sequence[int], columns: Sequence[str]) -> pa.Table:
        """Some columns of some row groups, one after another."""
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
        """Row groups and their rows: all columns unless some are named.

        So many groups are read at a time as hold 16 MB; ``slowly`` begins with a single one, for
        who may need no more. Raises :class:`~catalog_builder.errors.CatalogError` for a column
        that there is not.
        """
        import pyarrow as pa

        names = list(self.schema.names if columns is None else columns)
        if missing := [name for name in names if name not in self.schema.names]:
            raise CatalogError(
                f"{self.address.href(INDEX)} has no column {', '.join(missing)}: "
                "it was made by an older catalog-builder, or by another program."
            )
        schema = self._schema(names)
        stored = {group: self._stored(group, names) for group in groups}
        # More than fits is read but once: of what is read from end to end nothing would be left.
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
                    self._cache(name).put((group, name), table[name])
        return found

    def _decode(self, columns: dict[int, list[str]]) -> list[pa.Table]:
        """Columns of row groups as the file has them, wide ones on every core."""
        import pyarrow.parquet as pq

        opened = self._open()
        inflated = sum(self._stored(group, names)[1] for group, names in columns.items())
        threads = min(os.cpu_count() or 1, len(columns)) if inflated > _WORTH_THREADS else 1
        with self.address.reading(INDEX):
            spans = [
                span for group, names in columns.items() for span in self._spans(group, names)
            ]
            source = opened.fetch(self.address, spans)

            def decode(groups: Iterable[int]) -> list[pa.Table]:
                # One of its own for each thread: it is not meant for several.
                file = pq.ParquetFile(source(), metadata=opened.metadata)
                return [file.read_row_groups([group], columns[group]) for group in groups]

            if threads == 1:
                return decode(columns)
            with ThreadPoolExecutor(threads, "index-columns") as pool:
                return [table for (table,) in pool.map(decode, [[group] for group in columns])]

    def _cache(self, column: str) -> ColumnCache:
        return self._wide if column not in KEYS else self._keys

    def _spans(self, group: int, names: Iterable[str]) -> list[Span]:
        """Where the columns of a row group lie in the file."""
        opened = self._open()
        row_group = opened.metadata.row_group(group)
        return [_span(row_group.column(leaf)) for name in names for leaf in opened.parts[name]]

    def _stored(self, group: int, names: Iterable[str]) -> tuple[int, int]:
        """Bytes of the columns of a row group, as stored and inflated."""
        opened = self._open()
        row_group = opened.metadata.row_group(group)
        chunks = [row_group.column(leaf) for name in names for leaf in opened.parts[name]]
        return (
            sum(chunk.total_compressed_size for chunk in chunks),
            sum(chunk.total_uncompressed_size for chunk in chunks),
        )

    def _schema(self, columns: Sequence[str]) -> pa.Schema:
        import pyarrow as pa

        whole = self.schema
        return pa.schema([whole.field(name) for name in columns], metadata=whole.metadata)

    def _open(self) -> _Opened:
        """The open file; its footer is read."""
        with self._lock:
            if self._opened is None:
                self._opened = self._local() if self.address.path else self._remote()
                names = self._opened.schema.names
                if missing := [name for name in _REQUIRED if name not in names]:
                    self._opened = None
                    raise CatalogError(
                        f"{self.address.href(INDEX)} is no item index: "
                        f"it lacks {', '.join(missing)}."
                    )
            return self._opened

    def _local(self) -> _Opened:
        import pyarrow as pa

        assert self.address.path is not None
        with self.address.reading(INDEX):
            return _Opened(pa.OSFile(str(PlainFolder(self.address.path).checked(INDEX))))

    def _remote(self) -> _Opened:
        import pyarrow as pa

        end = self.address.read_end(INDEX, END)
        footer = int.from_bytes(end[-_TAIL:-4], "little") + _TAIL
        if end[-4:] == _MAGIC and footer > len(end):
            size = self.address.size(INDEX)
            if size is None:
                end = self.address.read_end(INDEX, footer)
            else:
                end = self.address.read_spans(INDEX, [(size - footer, size - len(end))])[0] + end
        with self.address.reading(INDEX):
            opened = _Opened(pa.BufferReader(end))
            # Of a part, the end of the data lies further on than the footer seems to begin.
            whole = end[:4] == _MAGIC and opened.end <= len(end) - footer
            return opened if whole else _Opened(None, opened.metadata)


@dataclass(slots=True)
class _Opened:
    """A Parquet file whose footer is read."""

    source: Any
    """pyarrow's file, which may be read from several threads at once; None of a remote one."""
    metadata: pq.FileMetaData = None
    schema: pa.Schema = field(init=False)
    rows: list[int] = field(init=False)
    leaves: dict[str, int] = field(init=False)
    """Number of each leaf column by its path: ``bbox.xmin``."""
    parts: dict[str, list[int]] = field(init=False)
    """Numbers of the leaves of each column."""

    def __post_init__(self) -> None:
        import pyarrow.parquet as pq

        if self.metadata is None:
            self.metadata = pq.ParquetFile(self.source).metadata
        groups = range(self.metadata.num_row_groups)
        self.schema = self.metadata.schema.to_arrow_schema()
        self.rows = [self.metadata.row_group(group).num_rows for group in groups]
        paths = [self.metadata.schema.column(n).path for n in range(self.metadata.num_columns)]
        self.leaves = {path: number for number, path in enumerate(paths)}
        self.parts = {}
        for number, path in enumerate(paths):
            self.parts.setdefault(path.partition(".")[0], []).append(number)

    @property
    def end(self) -> int:
        """The byte after the last row group."""
        if not self.rows:
            return 0
        last = self.metadata.row_group(len(self.rows) - 1)
        return max(_span(last.column(number))[1] for number in range(last.num_columns))

    def fetch(self, address: CatalogLocation, spans: Iterable[Span]) -> Callable[[], Any]:
        """Get what lies at some places; returns what makes pyarrow's file that can be read there.

        Nothing is to be got of a local file.
        """
        import pyarrow as pa

        if self.source is not None:
            return lambda: self.source
        wanted = merged(spans)
        found = address.read_spans(INDEX, wanted)
        pieces = {start: piece for (start, _), piece in zip(wanted, found, strict=True)}
        return lambda: pa.PythonFile(FetchedFile(pieces), "r")


def _batches(sizes: dict[int, int], first: int) -> Iterator[list[int]]:
    """Row groups by their bytes, in order, so many together as are read at a time.

    At first so many at most, then twice that, and so on.
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


def _span(chunk: pq.ColumnChunkMetaData) -> Span:
    """Where the pages of a column in a row group lie."""
    start = chunk.data_page_offset
    if chunk.has_dictionary_page and chunk.dictionary_page_offset is not None:
        start = min(start, chunk.dictionary_page_offset)
    return start, start + chunk.total_compressed_size


def _range(chunk: pq.ColumnChunkMetaData) -> Range | None:
    """The smallest and largest value of a column in a row group, where its statistics tell."""
    found = chunk.statistics
    return (found.min, found.max) if found is not None and found.has_min_max else None


def open_table(folder: PlainFolder) -> pq.ParquetFile | None:
    """The index of a local folder; None where there is none, or it is of another make."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(folder.checked(INDEX))
    except (FileNotFoundError, pa.ArrowException):
        return None
    return file if set(KEYS) <= set(file.schema_arrow.names) else None
