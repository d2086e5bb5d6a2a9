"""Opens ``items.parquet``, and notices if a rebuild has replaced it.

Over http(s) and s3 the footer takes one request, or two if it is long. A search reads one version
of the file, a :class:`~catalog_builder.catalog.index.snapshot.Snapshot`, from beginning to end; if
the file was replaced meanwhile, it starts again with the new one (:meth:`IndexFile.answer`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

from catalog_builder.catalog.index.catalog_location import CatalogLocation
from catalog_builder.catalog.index.inflated_size import fits
from catalog_builder.catalog.index.schema import KEYS, require_known_index
from catalog_builder.catalog.index.snapshot import Snapshot, span_of
from catalog_builder.catalog.stac.layout import INDEX
from catalog_builder.errors import CatalogChangedError, CatalogError, CatalogNotFoundError
from catalog_builder.forks import Lock
from catalog_builder.safe_folder import SafeFolder
from catalog_builder.transport.file_version import FileChangedError

if TYPE_CHECKING:
    import pyarrow.parquet as pq

    from catalog_builder.transport.file_version import FileVersion

T = TypeVar("T")

END: Final = 256 * 2**10
"""Bytes read first from the end of a remote file: the footer of about 90,000 items, or all of a
small index."""

PAUSES: Final = (0.0, 0.0, 0.5, 1.0, 1.0)
"""Seconds to wait before each attempt to read one version of a file that keeps being replaced.
HTTP dates have whole seconds: after these pauses they distinguish a rebuild from replicas of one
file with different ETags."""

_MAGIC: Final = b"PAR1"
_TAIL: Final = 8
"""Bytes after the footer: its length, and the magic number."""


class IndexFile:
    """The index of a catalog, opened at first use; safe to use from several threads.

    Pickles to its location.
    """

    def __init__(self, location: CatalogLocation) -> None:
        self.location = location
        self._lock = Lock()
        self._snapshot: Snapshot | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return IndexFile, (self.location,)

    @property
    def is_open(self) -> bool:
        """Whether its footer has been read."""
        return self._snapshot is not None

    def snapshot(self) -> Snapshot:
        """The current version of the file; of a remote one, the version its host last reported.

        Raises :class:`~catalog_builder.errors.CatalogNotFoundError` if there is none, else
        :class:`~catalog_builder.errors.CatalogError` if it cannot be read.
        """
        with self._lock:
            known = self._snapshot
            if known is None or (self._is_local and not self._is_current(known)):
                self._snapshot = known = self._open()
            return known

    def answer(self, read: Callable[[Snapshot], T]) -> T:
        """The result of ``read``, called with a snapshot of the newest version.

        If the file was replaced meanwhile, ``read`` is called again. Raises what it raises, and
        :class:`~catalog_builder.errors.CatalogChangedError` if the file is replaced each time.
        """
        for pause in PAUSES:
            time.sleep(pause)
            snapshot = None
            began = time.monotonic()
            try:
                snapshot = self.snapshot()
                result = read(snapshot)
            except CatalogError as error:
                if not self.is_replaced(snapshot, error):
                    raise
                continue
            if self._is_still_current(snapshot, began):
                return result
            self._replace(snapshot, None)
        raise CatalogChangedError(
            f"{self.location.href(INDEX)} was replaced {len(PAUSES)} times while it was read: try "
            "again when the catalog is no longer being rebuilt."
        )

    def is_replaced(self, snapshot: Snapshot | None, error: CatalogError) -> bool:
        """Whether reading a snapshot failed because another version has replaced it.

        If so, the next :meth:`snapshot` is of the new version. ``snapshot`` is None if it was
        still being opened.
        """
        cause = error.__cause__
        now = None
        if isinstance(cause, FileChangedError):
            pass
        elif cause is None or snapshot is None or isinstance(error, CatalogNotFoundError):
            return False
        else:
            try:
                now = self._open()
            except CatalogError:
                return False  # the first error says more
            if now.end == snapshot.end and _agree(snapshot.version, now.version):
                return False
        self._replace(snapshot, now)
        return True

    def _replace(self, old: Snapshot | None, new: Snapshot | None) -> None:
        with self._lock:
            if self._snapshot is old:
                self._snapshot = new

    @property
    def _is_local(self) -> bool:
        return self.location.path is not None

    def _is_current(self, snapshot: Snapshot) -> bool:
        assert snapshot.version is not None
        return self.location.is_unchanged(INDEX, snapshot.version, snapshot.end)

    def _is_still_current(self, snapshot: Snapshot, began: float) -> bool:
        """Whether an answer that was begun at ``began`` is still of the current version.

        For a remote file this takes a request only if the answer came from memory alone and the
        last check was some time ago.
        """
        if self._is_local:
            return self._is_current(snapshot)
        before = time.monotonic()
        if snapshot.last_request < began:
            if before < snapshot.trusted_until:
                return True
            if not self._is_current(snapshot):
                return False
        now = time.monotonic()
        snapshot.trusted_until = now + trusted_for(now - before)
        return True

    def _open(self) -> Snapshot:
        with self.location.reading(INDEX):
            return self._open_local() if self._is_local else self._open_remote()

    def _open_local(self) -> Snapshot:
        import pyarrow as pa
        import pyarrow.parquet as pq

        assert self.location.path is not None
        path = str(SafeFolder(self.location.path).checked(INDEX))
        version = self.location.local_version(INDEX)
        while True:
            source = pa.OSFile(path)
            version, before = self.location.local_version(INDEX), version
            if version == before:
                return Snapshot(
                    self.location,
                    pq.ParquetFile(source).metadata,
                    source=source,
                    version=version,
                )

    def _open_remote(self) -> Snapshot:
        import pyarrow as pa
        import pyarrow.parquet as pq

        parts = self.location.parts(INDEX)
        end, version = parts.read_end(END)
        footer = int.from_bytes(end[-_TAIL:-4], "little") + _TAIL
        if end[-4:] == _MAGIC and footer > len(end):
            if version.size is None:
                end, version = parts.read_end(footer)
            else:
                missing = version.size - footer, version.size - len(end)
                end = parts.read_spans([missing], version)[0] + end
        metadata = pq.ParquetFile(pa.BufferReader(end)).metadata
        whole = end[:4] == _MAGIC and _end_of_rows(metadata) <= len(end) - footer
        return Snapshot(
            self.location,
            metadata,
            source=pa.BufferReader(end) if whole else None,
            version=version,
            end=end[-footer:],
        )


def trusted_for(seconds: float) -> float:
    """Seconds until the version of a remote file is checked again, if a check took ``seconds``.

    So checks make a series of answers from memory at most a tenth slower.
    """
    return max(0.02, min(10 * seconds, 1.0))


def open_table(folder: SafeFolder) -> pq.ParquetFile | None:
    """The index of a local folder; None if it is missing, damaged, or of another tool.

    It counts as damaged if it would fill the memory by its footer: a folder comes from anyone.

    Raises :class:`~catalog_builder.errors.CatalogError` for one of a newer layout.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(folder.checked(INDEX))
    except (OSError, pa.ArrowException):  # pyarrow raises OSError for a footer that is damaged
        return None
    require_known_index(file.metadata.metadata, str(folder.root / INDEX))
    return file if set(KEYS) <= set(file.schema_arrow.names) and fits(file.metadata) else None


def _agree(one: FileVersion | None, other: FileVersion | None) -> bool:
    return one is None or other is None or one.agrees_with(other)


def _end_of_rows(metadata: pq.FileMetaData) -> int:
    """The byte after the last row group."""
    if not metadata.num_row_groups:
        return 0
    last = metadata.row_group(metadata.num_row_groups - 1)
    return max(span_of(last.column(number))[1] for number in range(last.num_columns))
