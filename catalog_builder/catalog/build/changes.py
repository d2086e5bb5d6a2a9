"""What a build makes different in a folder: granules by their ids, and files that go."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from catalog_builder.atl03 import day_of
from catalog_builder.atl03 import BEAMS, GranuleName
from catalog_builder.catalog.build.report import MOST_LISTED
from catalog_builder.catalog.stac.layout import (
    is_item,
    item_path,
    path_of,
    published_files,
    reference_files,
    references_path,
)

if TYPE_CHECKING:
    from catalog_builder.catalog.build.page_worker import ItemRow
    from catalog_builder.catalog.build.publish import PublishedFolder
    from catalog_builder.catalog.build.state import RowStore


class Ids:
    """Ids of granules: the first ones, and how many there are."""

    def __init__(self) -> None:
        self.first: list[str] = []
        self.count = 0

    def add(self, granule: str) -> None:
        """Count one."""
        self.count += 1
        if len(self.first) < MOST_LISTED:
            self.first.append(granule)

    def sorted(self) -> tuple[str, ...]:
        """The first ones."""
        return tuple(sorted(self.first))


class Changes:
    """What is new, other or gone."""

    def __init__(self, collection: str, *, items: bool) -> None:
        """``collection`` is its id; ``items``: whether items have files."""
        self.added, self.changed, self.removed = Ids(), Ids(), Ids()
        self.days: set[tuple[int, str]] = set()
        """Cycle and date of the days whose granules are others now."""
        self.gone: list[str] = []
        """Ids of all granules that are gone."""
        self.stale: list[str] = []
        """Paths of the files to be removed, pages apart."""
        self._collection = collection
        self._items = items

    def any(self) -> bool:
        """Whether a granule is new, other or gone."""
        return bool(self.added.count or self.changed.count or self.removed.count)

    def of_rows(self, store: RowStore) -> None:
        """Take in the rows of a build: what is new, and what is other than before."""
        for new, ids in ((True, self.added), (False, self.changed)):
            ids.first += islice(store.fresh(items=self._items, new=new), MOST_LISTED)
            ids.count += store.fresh_count(items=self._items, new=new)

    def of_new_days(self, store: RowStore) -> None:
        """Take in the days of the rows that are new."""
        self.days.update(map(day_of, store.fresh(items=self._items, new=True)))

    def of_gone(self, gone: Iterable[str], folder: PublishedFolder) -> None:
        """Take in the granules that are gone from an index, and their files."""
        for granule in sorted(gone):
            self._gone(granule)
            name = GranuleName.parse(granule)
            paths = [item_path(self._collection, name)]
            paths += [references_path(self._collection, name, beam) for beam in BEAMS]
            self.stale += [path for path in paths if folder.size(path) is not None]

    def of_lost_references(self, store: RowStore, folder: PublishedFolder) -> None:
        """Take in reference sets that items no longer name, of the rows of a build."""
        for row in store.each():
            if row.was_published:
                name = GranuleName.parse(row.id)
                for beam in BEAMS:
                    path = references_path(self._collection, name, beam)
                    if beam not in row.beams.split() and folder.size(path) is not None:
                        self.stale.append(path)

    def of_all_files(self, store: RowStore, folder: PublishedFolder) -> None:
        """Take in whatever lies in the folder and has no row in a build of all records."""
        for path in filter(is_item, published_files(folder.root)):
            granule = Path(path).stem
            if not (self._items and store.has(granule)):
                self.stale.append(path)
                if self._items:
                    self._gone(granule)
        if not self._items:
            for granule in store.without_row(read=False):
                self._gone(granule)
        for path, item, beam in reference_files(folder.root):
            if beam not in store.beams(Path(item).stem):
                self.stale.append(path)

    def _gone(self, granule: str) -> None:
        self.removed.add(granule)
        self.gone.append(granule)
        self._day(granule)

    def _day(self, granule: str) -> None:
        self.days.add(day_of(granule))


def settle_files(folder: PublishedFolder, collection: str, store: RowStore) -> None:
    """Give the items that were put aside their names; remove those that do not count.

    Of several records of a granule each wrote its item under another name, for no one knew then
    which one counts. A build that broke off may also have left items whose page is not kept.
    """
    for row in store.lost:
        if row.file is not None:
            _place(folder, collection, row).unlink(missing_ok=True)
    for row in store.misnamed():
        place = _place(folder, collection, row)
        place.replace(place.with_name(f"{row.id}.json"))
    if store.fact("resumed"):
        for place in folder.aside.rglob("ATL03_*_*"):
            if place.is_file() and not store.writes(place.name.removesuffix(".json")):
                place.unlink()


def _place(folder: PublishedFolder, collection: str, row: ItemRow) -> Path:
    place = folder.place(path_of(collection, row.id))
    return place.with_name(str(row.file))


def stale_pages(wanted: Collection[str], folder: PublishedFolder) -> Iterator[str]:
    """Pages in the folder that are not wanted."""
    return (
        path
        for path in published_files(folder.root)
        if "/" in path and not is_item(path) and path not in wanted
    )
