"""The changes of a build: granules added, changed and removed, and files to remove."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from catalog_builder.catalog.build.report import MOST_LISTED
from catalog_builder.catalog.stac.layout import (
    REFERENCE_KEYS,
    is_item,
    item_path,
    path_of,
    published_files,
    reference_files,
    references_path,
)
from catalog_builder.products.granule_name import GranuleName, collection_of, day_of

if TYPE_CHECKING:
    from catalog_builder.catalog.build.page_result import ItemRow
    from catalog_builder.catalog.build.staging_directory import StagingDirectory
    from catalog_builder.catalog.build.state import BuildState
    from catalog_builder.safe_folder import SafeFolder


class GranuleIds:
    """Ids of granules: the first 1,000, and the number of all."""

    def __init__(self) -> None:
        self.first: list[str] = []
        self.count = 0
        self.by_collection: Counter[str] = Counter()
        """Number of all in each collection."""

    def add(self, granule: str) -> None:
        """Add an id."""
        self.count += 1
        self.by_collection[collection_of(granule)] += 1
        if len(self.first) < MOST_LISTED:
            self.first.append(granule)

    def sorted(self) -> tuple[str, ...]:
        """The first ids, sorted."""
        return tuple(sorted(self.first))


class Changes:
    """Granules that are added, changed and removed, and files to remove."""

    def __init__(self, *, items: bool) -> None:
        """``items``: True if items are published as files."""
        self.added, self.changed, self.removed = GranuleIds(), GranuleIds(), GranuleIds()
        self.days: set[tuple[str, int, str]] = set()
        """Collection, cycle and date of the days whose pages change."""
        self.removed_ids: list[str] = []
        """Ids of all granules that are removed."""
        self.stale: list[str] = []
        """Paths of the files to remove, except pages."""
        self._items = items

    def any(self) -> bool:
        """True if a granule is added, changed or removed."""
        return bool(self.added.count or self.changed.count or self.removed.count)

    def add_rows(self, state: BuildState) -> None:
        """Add the granules whose rows are new or changed."""
        for granule in state.added(items=self._items):
            self.added.add(granule)
        for granule in state.changed(items=self._items):
            self.changed.add(granule)

    def add_new_days(self, state: BuildState) -> None:
        """Add the days of the granules that are new."""
        self.days.update(map(_collection_day, state.added(items=self._items)))

    def add_removed(self, removed: Iterable[str], folder: SafeFolder) -> None:
        """Add granules that are removed from an index, and their files."""
        for granule in sorted(removed):
            self._remove(granule)
            name = GranuleName.parse(granule)
            paths = [item_path(name.collection, name)]
            paths += [references_path(name.collection, name, key) for key in REFERENCE_KEYS]
            self.stale += [path for path in paths if folder.size(path) is not None]

    def add_lost_references(self, state: BuildState, folder: SafeFolder) -> None:
        """Add the reference files of the rows' granules that their items no longer name."""
        for row in state.each():
            if row.was_published:
                name = GranuleName.parse(row.id)
                kept = row.reference_keys.split()
                for key in REFERENCE_KEYS:
                    path = references_path(name.collection, name, key)
                    if key not in kept and folder.size(path) is not None:
                        self.stale.append(path)

    def add_files_without_row(self, state: BuildState, folder: SafeFolder) -> None:
        """Add the files of granules without a row, in a build that fetched all records."""
        for path in filter(is_item, published_files(folder)):
            granule = Path(path).stem
            if not (self._items and state.has(granule)):
                self.stale.append(path)
                if self._items:
                    self._remove(granule)
        if not self._items:
            for granule in state.published.without_row(read=False):
                self._remove(granule)
        for path, item, key in reference_files(folder):
            if key not in state.reference_keys(Path(item).stem):
                self.stale.append(path)

    def _remove(self, granule: str) -> None:
        self.removed.add(granule)
        self.removed_ids.append(granule)
        self.days.add(_collection_day(granule))


def _collection_day(granule: str) -> tuple[str, int, str]:
    return collection_of(granule), *day_of(granule)


def settle_files(staging: StagingDirectory, state: BuildState) -> None:
    """Keep one new file of each item, under its own name.

    If a granule has several records, each wrote a variant of its item. An interrupted build may
    also have left items of a page that was not committed.
    """
    for row in state.dropped:
        if row.file is not None:
            staging.remove(*staged_variant(row))
    for row in state.variants():
        staging.choose_variant(*staged_variant(row))
    if state.fact("resumed"):
        for path, suffix in staging.items():
            if suffix or not state.writes(Path(path).stem):
                staging.remove(path, suffix)


def read_staged_item(staging: StagingDirectory, row: ItemRow) -> bytes | None:
    """The new item file of a row; None if there is none."""
    return staging.read(*staged_variant(row))


def staged_variant(row: ItemRow) -> tuple[str, str]:
    """Path of a row's item, and the suffix of its new file's name."""
    return path_of(collection_of(row.id), row.id), str(row.file).removeprefix(f"{row.id}.json")


def stale_pages(wanted: Collection[str], folder: SafeFolder) -> Iterator[str]:
    """Paths of published pages that are not wanted."""
    return (
        path
        for path in published_files(folder)
        if "/" in path and not is_item(path) and path not in wanted
    )
