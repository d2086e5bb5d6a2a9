"""Builds and updates the folder of a static catalog.

CMR is asked, and what it gives becomes items and rows (:mod:`harvest`, :mod:`update`); the rows
become the index, what the index holds becomes pages (:mod:`folder_pages`), and all of it is
published at once (:mod:`published_folder`).
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import urlsplit

import orjson

from catalog_builder._version import __version__
from catalog_builder.catalog.build.report import BuildReport, SetAside
from catalog_builder.catalog.build.changes import Changes, settle_files
from catalog_builder.catalog.cmr.client import CmrClient
from catalog_builder.catalog.cmr.query import GranuleQuery
from catalog_builder.catalog.definition import Definition
from catalog_builder.catalog.build.write_pages import FolderPages, page_bytes
from catalog_builder.catalog.build.fetch_pages import Harvest, split
from catalog_builder.catalog.index.reader import open_table
from catalog_builder.catalog.index.merge import all_parts, merged_parts
from catalog_builder.catalog.index.writer import write_parts
from catalog_builder.catalog.index.schema import item_schema
from catalog_builder.catalog.build.last_report import LastBuild
from catalog_builder.catalog.stac.layout import INDEX, REPORT
from catalog_builder.catalog.build.page_worker import Recipe
from catalog_builder.catalog.build.publish import PublishedFolder
from catalog_builder.catalog.build.state import RowStore
from catalog_builder.catalog.stac.item import ITEM_FORMAT, auth_schemes
from catalog_builder.catalog.build.incremental import Asked, Update, published_rows
from catalog_builder.errors import CatalogError, CmrUnavailableError
from catalog_builder.progress import Progress

if TYPE_CHECKING:
    import pyarrow.parquet as pq

    from catalog_builder.catalog.cmr.umm_c import Collection
    from catalog_builder.catalog.index.parquet_parts import Part
    from catalog_builder.progress import Reporter


def build(
    definition: Definition | str | Path,
    out: str | Path,
    *,
    url: str | None = None,
    client: CmrClient | None = None,
    full: bool = False,
    dry_run: bool = False,
    items: Literal["files", "none"] = "files",
    at_once: int = 1,
    jobs: int | None = None,
    progress: Reporter | None = None,
) -> BuildReport:
    """Write or update the catalog of a definition in the folder ``out``.

    A folder that was built before is updated: only what CMR revised since is read, and only what
    differs is written. With ``full`` everything is read anew, as it is where indexing was killed
    before it wrote the index; without ``full``, a catalog that would
    lose more than half of its granules is left as it is.

    ``url`` is where that folder will be hosted, for the one absolute link there is. ``client``
    asks CMR; the default is the CMR that the environment names. ``items="none"`` publishes no item
    files nor pages for them, only the collection and the index, for hosts that limit the number of
    files. ``at_once`` is the number of queries, 1 to 4, that CMR is asked at a time where all is
    read. ``jobs`` is the most processes that work on what it gives, by default one a core where
    there are many records; in a script, call this under ``if __name__ == "__main__":`` then.
    ``dry_run`` writes nothing. What is read before a build breaks off is kept for the next one.

    A record that cannot be used is set aside, and the report says why. Raises
    :class:`~catalog_builder.errors.DefinitionError`, :class:`~catalog_builder.errors.CmrError`,
    and :class:`~catalog_builder.errors.CatalogError` where the folder is another's or in use, or
    nothing would be left in it.
    """
    if not isinstance(definition, Definition):
        definition = Definition.load(definition)
    if url is not None:
        _require_web_address(url)
    folder = PublishedFolder(Path(out))
    folder.require_ours(definition.name)
    with (
        CmrClient() if client is None else nullcontext(client) as cmr,
        _working(folder, dry_run=dry_run) as work,
    ):
        builder = _Builder(
            definition=definition,
            collection=cmr.collection(
                definition.short_name, definition.version, definition.provider
            ),
            cmr=cmr,
            folder=folder,
            work=work,
            items=items == "files",
            full=full,
            dry_run=dry_run,
            at_once=at_once,
            jobs=jobs,
            progress=progress,
        )
        return builder.run(url)


@contextmanager
def _working(folder: PublishedFolder, *, dry_run: bool) -> Iterator[Path]:
    """The folder held for writing, and a place for what is read; a dry run has it elsewhere."""
    if dry_run:
        with TemporaryDirectory(prefix="catalog-builder-") as place:
            yield Path(place) / "work"
        return
    with folder.writing():
        yield folder.work


@contextmanager
def _memory_given_back() -> Iterator[None]:
    """Arrow takes memory from the system's allocator meanwhile: its own keeps 100 MB more."""
    import pyarrow as pa

    before = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(before)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """What a build has read, settled."""

    asked: Asked
    store: RowStore
    changes: Changes
    old: pq.ParquetFile | None = None
    """The published index, which an update goes on from; None where all was read."""
    gone: set[str] = field(default_factory=set)
    """Ids of the granules in it that are gone."""

    @property
    def items(self) -> int:
        """Granules that the catalog holds with this."""
        if self.old is None:
            return self.store.rows
        added, removed = self.changes.added.count, self.changes.removed.count
        return int(self.old.metadata.num_rows) + added - removed


@dataclass(frozen=True, slots=True, kw_only=True)
class _Builder:
    """One build of one folder."""

    definition: Definition
    collection: Collection
    cmr: CmrClient
    folder: PublishedFolder
    work: Path
    items: bool
    full: bool
    dry_run: bool
    at_once: int
    jobs: int | None
    progress: Reporter | None

    def run(self, url: str | None) -> BuildReport:
        """Read, change, publish, tell."""
        started = datetime.now(UTC)
        last = LastBuild.read(self.folder.root)
        old = None if last is None else open_table(self.folder.root / INDEX)
        # An index that is behind its items is made from all of them.
        anew = self.full or self.folder.behind
        if last is not None and old is not None and last.recipe == self.recipe and not anew:
            with self._store(f"update of {self.recipe} since {last.asked}") as store:
                update = Update(self.cmr, self.query, last, store, old, self.progress)
                asked = update.read(self._harvest(store))
                if asked is not None:
                    store.settle()
                    gone = update.gone(items=self.items)
                    changes = self._changes_since(store, gone)
                    read = _Read(asked=asked, store=store, changes=changes, old=old, gone=gone)
                    return self._finish(read, started, url)
        with self._store(f"all of {self.recipe}") as store:
            asked = self._read_all(store)
            store.settle()
            changes = self._changes_in_all(store, old)
            return self._finish(_Read(asked=asked, store=store, changes=changes), started, url)

    @property
    def query(self) -> GranuleQuery:
        """What the definition asks for."""
        return GranuleQuery.of(self.definition, self.collection.concept_id)

    @property
    def recipe(self) -> str:
        """What items are made by, in a few letters: the same makes the same of a record."""
        facts = [
            *(__version__, ITEM_FORMAT, self.items, self.collection.concept_id),
            *(self.definition.bounding_box, str(self.definition.temporal)),
            *(self.collection.region, auth_schemes(self.collection)),
        ]
        return hashlib.sha256(orjson.dumps(facts)).hexdigest()[:16]

    def _store(self, purpose: str) -> RowStore:
        """Where what is read is kept, after a build that broke off if it had this purpose."""
        if self.work.exists():
            store = RowStore(self.work)
            if store.fact("purpose") == purpose:
                store.remember("resumed", "yes")
                self.folder.resumable = True
                return store
            store.close()
            if self.dry_run:
                shutil.rmtree(self.work)
            else:
                self.folder.forget_work()
        store = RowStore(self.work)
        store.remember("purpose", purpose)
        return store

    def _harvest(self, store: RowStore) -> Harvest:
        def kept() -> None:
            self.folder.resumable = not self.dry_run

        published = (self.folder.root / self.collection.id).is_dir()
        recipe = Recipe(
            collection=self.collection,
            bounding_box=self.definition.bounding_box,
            root=self.folder.root.absolute(),
            rows=self.work.absolute(),
            columns=item_schema(beams=published),
            update=published,
            items=self.items,
            dry_run=self.dry_run,
        )
        return Harvest(self.cmr, recipe, store, jobs=self.jobs, progress=self.progress, kept=kept)

    def _read_all(self, store: RowStore) -> Asked:
        """Read all records."""
        now = datetime.now(UTC)
        queries = split(self.query, self.at_once, self.collection.start, now)
        found = self._harvest(store).read(queries)
        hits = found.hits if len(queries) == 1 else self.cmr.hits(self.query)
        if store.records < hits:
            self.folder.resumable = False
            raise CmrUnavailableError(
                f"CMR lists {hits} granules but gave only {store.records}: "
                "nothing was changed; start again later."
            )
        return Asked(hits, found.asked, found.asked, ())

    def _changes_in_all(self, store: RowStore, old: pq.ParquetFile | None) -> Changes:
        """What is different after all records were read."""
        changes = Changes(self.collection.id, items=self.items)
        if not self.items and old is not None:
            store.hold_published(published_rows(old))
        changes.of_rows(store)
        changes.of_all_files(store, self.folder)
        return changes

    def _changes_since(self, store: RowStore, gone: set[str]) -> Changes:
        """What is different after an update, for which some granules are gone."""
        changes = Changes(self.collection.id, items=self.items)
        changes.of_rows(store)
        changes.of_new_days(store)
        changes.of_gone(gone, self.folder)
        changes.of_lost_references(store, self.folder)
        return changes

    def _finish(self, read: _Read, started: datetime, url: str | None) -> BuildReport:
        """Write what there is to be written, and publish it."""
        asked, store, changes = read.asked, read.store, read.changes
        items = read.items
        self._require_enough(asked.hits, items, store)
        written = 0
        if not self.dry_run:
            settle_files(self.folder, self.collection.id, store)
            pages = FolderPages(self.folder, self.definition, self.collection, items=self.items)
            with _memory_given_back():
                index = self.folder.root / INDEX
                if read.old is None or changes.any():
                    index = self._write_index(read)
                    written += 1
                pages.put(index, url, days=None if read.old is None else changes.days)
            written += pages.written
            if self.items:
                written += changes.added.count + changes.changed.count
            fresh = (store.fresh(items=self.items, new=new) for new in (True, False))
            touched = chain(changes.gone, *fresh)
            self.folder.publish([*changes.stale, *pages.stale], touched, self.progress)
        set_aside = {*asked.set_aside, *store.set_aside()}
        report = BuildReport(
            builder=f"catalog-builder {__version__}",
            definition=self.definition.name,
            collection=self.collection.concept_id,
            cmr=self.cmr.url,
            started=started,
            finished=datetime.now(UTC),
            dry_run=self.dry_run,
            mode="full" if read.old is None else "update",
            recipe=self.recipe,
            asked=asked.asked,
            listed=asked.listed,
            hits=asked.hits,
            read=store.records,
            items=items,
            outside=store.outside,
            added=changes.added.sorted(),
            added_count=changes.added.count,
            changed=changes.changed.sorted(),
            changed_count=changes.changed.count,
            removed=changes.removed.sorted(),
            removed_count=changes.removed.count,
            unchanged=items - changes.added.count - changes.changed.count,
            files_written=written,
            set_aside=tuple(sorted(set_aside, key=_place)),
        )
        if not self.dry_run:
            self.folder.write(REPORT, page_bytes(report.to_dict()))
        return report

    def _write_index(self, read: _Read) -> Path:
        """Make the new index, in its place aside."""
        place = self.folder.place(INDEX)
        parts = (
            all_parts(read.store)
            if read.old is None
            else merged_parts(self.folder.root / INDEX, read.store, read.gone)
        )
        write_parts(self._counted(parts, read.items), place)
        return place

    def _counted(self, parts: Iterator[Part], total: int) -> Iterator[Part]:
        """The parts of the index, with progress."""
        done = 0
        for part in parts:
            yield part
            done += part.rows
            if self.progress is not None:
                self.progress(Progress(stage="writing the index", done=done, total=total))

    def _require_enough(self, hits: int, items: int, store: RowStore) -> None:
        """A fault at CMR, or here, should not empty a catalog that people use."""
        reason = store.usual_reason()
        often = f" (most often set aside: {reason})" if reason else ""
        if not items:
            self.folder.resumable = False
            raise CatalogError(
                f"CMR lists {hits} granules for {self.definition.title!r}, of which none can be "
                f"in the catalog{often}: nothing was changed. To have no catalog, remove its "
                "folder."
            )
        before = open_table(self.folder.root / INDEX)
        held = 0 if before is None else before.metadata.num_rows
        if items * 2 < held and not self.full:
            self.folder.resumable = False
            what = "CMR lists" if hits * 2 < held else "of CMR's records can be used only"
            raise CatalogError(
                f"The catalog holds {held} granules, but {what} {min(hits, items)}{often}: "
                "nothing was changed. If that is right, build with --full (full=True)."
            )


def _place(one: SetAside) -> tuple[str, str, str]:
    return one.granule_ur, one.concept_id, one.reason


def _require_web_address(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise CatalogError(f"{url!r} is not where a folder can be: expected https://host/folder.")
