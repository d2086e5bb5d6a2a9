"""Writes the files of a new catalog to the staging directory and publishes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
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
from catalog_builder.catalog.index.writer import (
    EXTENT_COLUMNS,
    STAC_KEY,
    RowGroups,
    stac_metadata,
    write_row_groups,
)
from catalog_builder.catalog.stac.layout import INDEX

if TYPE_CHECKING:
    import pyarrow.parquet as pq

    from catalog_builder.progress import Reporter


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCatalog:
    """The result of fetching records, and what it changes in the catalog."""

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

    def items_of(self, collection: str, before: int) -> int:
        """Number of granules of a collection in the new catalog; ``before`` in the old one."""
        if self.old is None:
            return self.state.rows_of(collection)
        added, removed = self.changes.added, self.changes.removed
        return before + added.by_collection[collection] - removed.by_collection[collection]


def write_catalog(
    new: NewCatalog, pages: FolderPages, url: str | None, progress: Reporter | None
) -> int:
    """Write and publish all but the report; returns the number of files written.

    The page workers have written the items. ``url`` is where the folder will be hosted.
    """
    state, changes, old = new.state, new.changes, new.old
    folder, items = pages.folder, pages.items
    settle_files(folder.staging, state)
    written = 0
    with _system_memory_pool():
        index = folder.files.checked(INDEX)
        if old is None or changes.any() or _tells_otherwise(old, pages):
            staged = folder.staging.path(INDEX)
            with damaged_index_refused() if old is not None else nullcontext():
                row_groups = _row_groups(new, index)
                write_row_groups(
                    row_groups,
                    staged,
                    describe=pages.describe,
                    total=new.items,
                    progress=progress,
                )
            index = staged
            written += 1
        pages.write(index, url, days=None if old is None else changes.days)
    written += pages.written
    if items:
        written += changes.added.count + changes.changed.count
    touched = chain(changes.removed_ids, state.added(items=items), state.changed(items=items))
    folder.publish([*changes.stale, *pages.stale], touched, progress)
    return written


def _row_groups(new: NewCatalog, published: Path) -> RowGroups:
    """The row groups of the new index; those of the published one are merged into them."""
    if new.old is None:
        return staged_row_groups(new.state)
    without = {*new.removed, *(row.id for row in new.state.each())}
    return merged_row_groups(published, new.state, without)


def _tells_otherwise(index: pq.ParquetFile, pages: FolderPages) -> bool:
    """True if the footer of an index has another collection than its rows are of now."""
    told = (index.metadata.metadata or {}).get(STAC_KEY.encode())
    with damaged_index_refused():
        return told != stac_metadata(pages.describe(index.read(EXTENT_COLUMNS))).encode()


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
