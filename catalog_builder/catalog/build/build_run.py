"""One run of a build: fetches records, finds what changes, writes and publishes it."""

from __future__ import annotations

import hashlib
import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from catalog_builder._version import __version__
from catalog_builder.catalog.build.catalog_writer import NewCatalog, write_catalog
from catalog_builder.catalog.build.changes import Changes, read_staged_item
from catalog_builder.catalog.build.expected_counts import require_enough
from catalog_builder.catalog.build.fetch_pages import PageFetcher, split
from catalog_builder.catalog.build.incremental import CmrSummary, IncrementalFetch
from catalog_builder.catalog.build.last_report import LastBuild
from catalog_builder.catalog.build.page_worker import BuildConfiguration
from catalog_builder.catalog.build.published_rows import read_published
from catalog_builder.catalog.build.quick_look_update import drop_quick_looks
from catalog_builder.catalog.build.reindex import refresh_index
from catalog_builder.catalog.build.report import BuildReport, SetAside
from catalog_builder.catalog.build.sibling_update import SiblingUpdate
from catalog_builder.catalog.build.state import BuildState
from catalog_builder.catalog.build.state_checks import is_sound
from catalog_builder.catalog.build.write_pages import FolderPages, page_bytes
from catalog_builder.catalog.cmr.query import GranuleQuery
from catalog_builder.catalog.index.reader import open_table
from catalog_builder.catalog.index.schema import item_schema
from catalog_builder.catalog.stac.item import ITEM_FORMAT, auth_schemes
from catalog_builder.catalog.stac.layout import REFERENCE_KEYS, REPORT, optional_assets
from catalog_builder.errors import CatalogError, CmrUnavailableError
from catalog_builder.products.facts import product_named

if TYPE_CHECKING:
    import pyarrow.parquet as pq

    from catalog_builder.catalog.build.publish import PublishedFolder
    from catalog_builder.catalog.cmr.client import CmrClient
    from catalog_builder.catalog.cmr.umm_c import Collection
    from catalog_builder.catalog.definition import Definition
    from catalog_builder.progress import Reporter


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRun:
    """One build of one folder, which is locked."""

    definition: Definition
    collections: tuple[Collection, ...]
    """That of each of its collections."""
    cmr: CmrClient
    folder: PublishedFolder
    state_folder: Path
    items: bool
    """True if items are published as files."""
    full: bool
    dry_run: bool
    at_once: int
    jobs: int | None
    progress: Reporter | None

    def run(self, url: str | None) -> BuildReport:
        """Build; ``url`` is where the folder will be hosted."""
        started = datetime.now(UTC)
        last = LastBuild.read(self.folder.files)
        if last is not None:
            self._refresh_index()
        old = None if last is None else open_table(self.folder.files)
        # If the index is still older than the items, it is made from all records.
        anew = self.full or self.folder.index_outdated
        if last is not None and old is not None and last.recipe == self.digest and not anew:
            with self._state(f"update of {self.digest} since {last.asked}") as state:
                sources = [
                    (query, self._fetcher(state, collection, query))
                    for collection, query in self._sources
                ]
                fetch = IncrementalFetch(self.cmr, sources, last, state, old, self.progress)
                summary = fetch.fetch()
                if summary is not None:
                    state.drop_duplicates()
                    removed = fetch.settle(items=self.items)
                    removed |= drop_quick_looks(self.definition.each, state, old, removed)
                    if self._update_siblings(state, old, removed):
                        fetch.store_published()  # also the rows of items that no record changed
                    new = NewCatalog(
                        summary=summary,
                        state=state,
                        changes=self._changes_since(state, removed),
                        old=old,
                        removed=removed,
                    )
                    return self._finish(new, started, url)
        with self._state(f"all of {self.digest}") as state:
            summary = self._fetch_all(state)
            state.drop_duplicates()
            drop_quick_looks(self.definition.each, state, None, set())
            self._update_siblings(state, None, set())
            changes = self._changes_of_all(state)
            new = NewCatalog(summary=summary, state=state, changes=changes)
            return self._finish(new, started, url)

    def _refresh_index(self) -> None:
        """Add to the index what an interrupted indexing run has added to items."""
        if self.folder.index_outdated and not (self.full or self.dry_run):
            with suppress(CatalogError):  # if it is damaged, all records are fetched
                refresh_index(self.folder, self.progress)

    @property
    def _sources(self) -> list[tuple[Collection, GranuleQuery]]:
        """Each collection, and the query of its granules."""
        each = zip(self.collections, self.definition.each, strict=True)
        return [(one, GranuleQuery.of(wanted, one.concept_id)) for one, wanted in each]

    @property
    def digest(self) -> str:
        """Digest of all inputs but records: while it is the same, a record gives the same item."""
        facts = [
            [
                *(__version__, ITEM_FORMAT, self.items, one.concept_id),
                *(wanted.bounding_box, str(wanted.temporal)),
                *(one.region, auth_schemes(one)),
                *(self.definition.title, one.title),
            ]
            for one, wanted in zip(self.collections, self.definition.each, strict=True)
        ]
        # Of one collection as it always was, so that its catalog is not read anew.
        body = orjson.dumps(facts[0] if len(facts) == 1 else facts)
        return hashlib.sha256(body).hexdigest()[:16]

    def _state(self, purpose: str) -> BuildState:
        """Open the build state; resume that of an interrupted build with the same purpose."""
        if self.state_folder.exists():
            read_item = partial(read_staged_item, self.folder.staging)
            if is_sound(self.state_folder, purpose, read_item):
                state = BuildState(self.state_folder)
                state.remember("resumed", "yes")
                self.folder.resumable = True
                return state
            if self.dry_run:
                shutil.rmtree(self.state_folder)
            else:
                self.folder.discard_state()
        state = BuildState(self.state_folder)
        state.remember("purpose", purpose)
        return state

    @property
    def _siblings(self) -> bool:
        """True if granules of one collection may be siblings of those of another."""
        products = [product_named(one.short_name) for one in self.definition.each]
        return any(one.counts_photons for one in products) and any(one.classes for one in products)

    def _update_siblings(
        self, state: BuildState, old: pq.ParquetFile | None, removed: set[str]
    ) -> int:
        """Let items name their siblings; returns how many name others than before."""
        if not self._siblings:
            return 0
        if state.fact("read") is None:  # rows of other items come, which were not read
            state.remember("read", str(state.records))
        return SiblingUpdate(
            state=state,
            folder=self.folder,
            old=old,
            removed=frozenset(removed),
            items=self.items,
            dry_run=self.dry_run,
            progress=self.progress,
        ).run()

    def _fetcher(
        self, state: BuildState, collection: Collection, query: GranuleQuery
    ) -> PageFetcher:
        def stored() -> None:
            self.folder.resumable = not self.dry_run

        published = self.folder.files.has_folder(collection.id)
        configuration = BuildConfiguration(
            collection=collection,
            bounding_box=query.bounding_box,
            root=self.folder.root.absolute(),
            state=self.state_folder.absolute(),
            columns=item_schema(
                beams=published,
                extra=optional_assets(REFERENCE_KEYS if published else ()),
                siblings=self._siblings,
            ),
            update=published,
            title=self.definition.title,
            items=self.items,
            dry_run=self.dry_run,
            siblings=self._siblings,
        )
        return PageFetcher(
            self.cmr, configuration, state, jobs=self.jobs, progress=self.progress, stored=stored
        )

    def _fetch_all(self, state: BuildState) -> CmrSummary:
        """Fetch all records."""
        now = datetime.now(UTC)
        hits = 0
        for collection, query in self._sources:
            queries = split(query, self.at_once, collection.start, now)
            found = self._fetcher(state, collection, query).fetch(queries)
            hits += found.hits if len(queries) == 1 else self.cmr.hits(query)
        if state.records < hits:
            self.folder.resumable = False
            raise CmrUnavailableError(
                f"CMR lists {hits} granules but gave only {state.records}: "
                "nothing was changed. Start again later."
            )
        return CmrSummary(hits, found.asked, found.asked, ())

    def _changes_of_all(self, state: BuildState) -> Changes:
        """What changes after all records were fetched."""
        changes = Changes(items=self.items)
        if not self.items and (old := open_table(self.folder.files)) is not None:
            try:
                state.published.replace(read_published(old))
            except CatalogError:  # the old index is damaged; this build replaces it
                state.published.replace(())
        changes.add_rows(state)
        changes.add_files_without_row(state, self.folder.files)
        return changes

    def _changes_since(self, state: BuildState, removed: set[str]) -> Changes:
        """What changes in an incremental build that removes some granules."""
        changes = Changes(items=self.items)
        changes.add_rows(state)
        changes.add_new_days(state)
        changes.add_removed(removed, self.folder.files)
        changes.add_lost_references(state, self.folder.files)
        return changes

    def _finish(self, new: NewCatalog, started: datetime, url: str | None) -> BuildReport:
        """Write the files that change, and publish them."""
        summary, state, changes = new.summary, new.state, new.changes
        items = new.items
        try:
            ids = [one.id for one in self.collections]
            require_enough(new, self.folder.files, self.definition.title, ids, full=self.full)
        except CatalogError:
            self.folder.resumable = False
            raise
        written = 0
        if not self.dry_run:
            pages = FolderPages(
                folder=self.folder,
                definition=self.definition,
                collections=self.collections,
                items=self.items,
            )
            written = write_catalog(new, pages, url, self.progress)
        set_aside = {*summary.set_aside, *state.set_aside()}
        report = BuildReport(
            builder=f"catalog-builder {__version__}",
            definition=self.definition.name,
            collection=" ".join(one.concept_id for one in self.collections),
            cmr=self.cmr.url,
            started=started,
            finished=datetime.now(UTC),
            dry_run=self.dry_run,
            mode="full" if new.old is None else "update",
            recipe=self.digest,
            asked=summary.asked,
            listed=summary.listed,
            hits=summary.hits,
            read=int(state.fact("read") or state.records),
            items=items,
            outside=state.outside,
            added=changes.added.sorted(),
            added_count=changes.added.count,
            changed=changes.changed.sorted(),
            changed_count=changes.changed.count,
            removed=changes.removed.sorted(),
            removed_count=changes.removed.count,
            unchanged=items - changes.added.count - changes.changed.count,
            files_written=written,
            set_aside=tuple(sorted(set_aside, key=_sort_key)),
        )
        if not self.dry_run:
            self.folder.write(REPORT, page_bytes(report.to_dict()))
        return report


def _sort_key(record: SetAside) -> tuple[str, str, str]:
    return record.granule_ur, record.concept_id, record.reason
