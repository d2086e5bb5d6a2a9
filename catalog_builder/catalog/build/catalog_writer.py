"""Writes the files of a new catalog to the staging directory and publishes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from catalog_builder.catalog.build.changes import Changes, settle_files
from catalog_builder.catalog.build.incremental import CmrSummary
from catalog_builder.catalog.build.published_rows import damaged_index_refused
from catalog_builder.catalog.build.state import BuildState
from catalog_builder.catalog.build.write_pages import FolderPages
from catalog_builder.catalog.index.merge import merged_row_groups, staged_row_groups
from catalog_builder.catalog.index.writer import RowGroups, write_row_groups
from catalog_builder.catalog.stac.layout import INDEX
from catalog_builder.progress import Progress

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from catalog_builder.catalog.build.publish import PublishedFolder
    from catalog_builder.catalog.cmr.umm_c import Collection
    from catalog_builder.catalog.definition import Definition
    from catalog_builder.progress import Reporter


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCatalog:
    """What a build has fetched, and what that changes in the catalog."""

    summary: CmrSummary
    state: BuildState
    changes: Changes
    old: pq.ParquetFile | None = None
    """The published index, for an incremental build; None if all records were fetched."""
    removed: set[str] = field(default_factory=set)
    """Ids of the granules to remove from the published index."""

    @property
    def items(self) -> int:
        """Number of granules in the new catalog."""
        if self.old is None:
            return self.state.rows
        added, removed = self.changes.added.count, self.changes.removed.count
        return int(self.old.metadata.num_rows) + added - removed


class CatalogWriter:
    """Writes to one published folder."""

    def __init__(
        self,
        folder: PublishedFolder,
        definition: Definition,
        collection: Collection,
        *,
        items: bool,
        progress: Reporter | None,
    ) -> None:
        """``items``: True if items are published as files."""
        self._folder = folder
        self._definition = definition
        self._collection = collection
        self._items = items
        self._progress = progress

    def write(self, new: NewCatalog, url: str | None) -> int:
        """Write and publish all but the report; returns the number of files written.

        The page workers have written the items. ``url`` is where the folder will be hosted.
        """
        state, changes, old = new.state, new.changes, new.old
        settle_files(self._folder.staging, self._collection.id, state)
        pages = FolderPages(self._folder, self._definition, self._collection, items=self._items)
        written = 0
        with _system_memory_pool():
            index = self._folder.files.checked(INDEX)
            if old is None or changes.any():
                index = self._write_index(new)
                written += 1
            pages.write(index, url, days=None if old is None else changes.days)
        written += pages.written
        if self._items:
            written += changes.added.count + changes.changed.count
        touched = chain(
            changes.removed_ids, state.added(items=self._items), state.changed(items=self._items)
        )
        self._folder.publish([*changes.stale, *pages.stale], touched, self._progress)
        return written

    def _write_index(self, new: NewCatalog) -> Path:
        """Write the new index to the staging directory."""
        path = self._folder.staging.path(INDEX)
        if new.old is None:
            row_groups = staged_row_groups(new.state)
            write_row_groups(self._counted(row_groups, new.items), path)
            return path
        without = {*new.removed, *(row.id for row in new.state.each())}
        published = self._folder.files.checked(INDEX)
        with damaged_index_refused():
            row_groups = merged_row_groups(published, new.state, without)
            write_row_groups(self._counted(row_groups, new.items), path)
        return path

    def _counted(self, row_groups: RowGroups, total: int) -> RowGroups:
        """The row groups of the index, reporting progress."""

        def tables() -> Iterator[pa.Table]:
            done = 0
            for table in row_groups.tables:
                yield table
                done += len(table)
                if self._progress is not None:
                    self._progress(Progress(stage="writing the index", done=done, total=total))

        return RowGroups(row_groups.schema, tables())


@contextmanager
def _system_memory_pool() -> Iterator[None]:
    """Let Arrow allocate with the system's allocator: its own keeps 100 MB more."""
    import pyarrow as pa

    before = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(before)
