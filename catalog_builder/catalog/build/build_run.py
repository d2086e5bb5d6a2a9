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
from catalog_builder.catalog.build.fetch_pages import PageFetcher, split
from catalog_builder.catalog.build.incremental import CmrSummary, IncrementalFetch
from catalog_builder.catalog.build.last_report import LastBuild
from catalog_builder.catalog.build.page_worker import BuildConfiguration
from catalog_builder.catalog.build.published_rows import read_published
from catalog_builder.catalog.build.reindex import refresh_index
from catalog_builder.catalog.build.report import BuildReport, SetAside
from catalog_builder.catalog.build.state import BuildState
from catalog_builder.catalog.build.state_checks import is_sound
from catalog_builder.catalog.build.write_pages import FolderPages, page_bytes
from catalog_builder.catalog.cmr.query import GranuleQuery
from catalog_builder.catalog.index.reader import open_table
from catalog_builder.catalog.index.schema import item_schema
from catalog_builder.catalog.stac.item import ITEM_FORMAT, auth_schemes
from catalog_builder.catalog.stac.layout import REFERENCE_KEYS, REPORT, optional_assets
from catalog_builder.errors import CatalogError, CmrUnavailableError

if TYPE_CHECKING:
    from catalog_builder.catalog.build.publish import PublishedFolder
    from catalog_builder.catalog.cmr.client import CmrClient
    from catalog_builder.catalog.cmr.umm_c import Collection
    from catalog_builder.catalog.definition import Definition
    from catalog_builder.progress import Reporter


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRun:
    """One build of one folder, which is locked."""

    definition: Definition
    collection: Collection
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
                fetch = IncrementalFetch(self.cmr, self.query, last, state, old, self.progress)
                summary = fetch.fetch(self._fetcher(state))
                if summary is not None:
                    state.drop_duplicates()
                    removed = fetch.settle(items=self.items)
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
            changes = self._changes_of_all(state)
            new = NewCatalog(summary=summary, state=state, changes=changes)
            return self._finish(new, started, url)

    def _refresh_index(self) -> None:
        """Add to the index what an interrupted indexing run has added to items."""
        if self.folder.index_outdated and not (self.full or self.dry_run):
            with suppress(CatalogError):  # if it is damaged, all records are fetched
                refresh_index(self.folder, self.progress)

    @property
    def query(self) -> GranuleQuery:
        """The query of the definition."""
        return GranuleQuery.of(self.definition, self.collection.concept_id)

    @property
    def digest(self) -> str:
        """Digest of all inputs but records: while it is the same, a record gives the same item."""
        facts = [
            *(__version__, ITEM_FORMAT, self.items, self.collection.concept_id),
            *(self.definition.bounding_box, str(self.definition.temporal)),
            *(self.collection.region, auth_schemes(self.collection)),
            *(self.definition.title, self.collection.title),
        ]
        return hashlib.sha256(orjson.dumps(facts)).hexdigest()[:16]

    def _state(self, purpose: str) -> BuildState:
        """Open the build state; resume that of an interrupted build with the same purpose."""
        if self.state_folder.exists():
            read_item = partial(read_staged_item, self.folder.staging, self.collection.id)
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

    def _fetcher(self, state: BuildState) -> PageFetcher:
        def stored() -> None:
            self.folder.resumable = not self.dry_run

        published = self.folder.files.has_folder(self.collection.id)
        configuration = BuildConfiguration(
            collection=self.collection,
            bounding_box=self.definition.bounding_box,
            root=self.folder.root.absolute(),
            state=self.state_folder.absolute(),
            columns=item_schema(
                beams=published, extra=optional_assets(REFERENCE_KEYS if published else ())
            ),
            update=published,
            title=self.definition.title,
            items=self.items,
            dry_run=self.dry_run,
        )
        return PageFetcher(
            self.cmr, configuration, state, jobs=self.jobs, progress=self.progress, stored=stored
        )

    def _fetch_all(self, state: BuildState) -> CmrSummary:
        """Fetch all records."""
        now = datetime.now(UTC)
        queries = split(self.query, self.at_once, self.collection.start, now)
        found = self._fetcher(state).fetch(queries)
        hits = found.hits if len(queries) == 1 else self.cmr.hits(self.query)
        if state.records < hits:
            self.folder.resumable = False
            raise CmrUnavailableError(
                f"CMR lists {hits} granules but gave only {state.records}: "
                "nothing was changed. Start again later."
            )
        return CmrSummary(hits, found.asked, found.asked, ())

    def _changes_of_all(self, state: BuildState) -> Changes:
        """What changes after all records were fetched."""
        changes = Changes(self.collection.id, items=self.items)
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
        changes = Changes(self.collection.id, items=self.items)
        changes.add_rows(state)
        changes.add_new_days(state)
        changes.add_removed(removed, self.folder.files)
        changes.add_lost_references(state, self.folder.files)
        return changes

    def _finish(self, new: NewCatalog, started: datetime, url: str | None) -> BuildReport:
        """Write the files that change, and publish them."""
        summary, state, changes = new.summary, new.state, new.changes
        items = new.items
        self._require_enough(summary.hits, items, state)
        written = 0
        if not self.dry_run:
            pages = FolderPages(
                folder=self.folder,
                definition=self.definition,
                collection=self.collection,
                items=self.items,
            )
            written = write_catalog(new, pages, url, self.progress)
        set_aside = {*summary.set_aside, *state.set_aside()}
        report = BuildReport(
            builder=f"catalog-builder {__version__}",
            definition=self.definition.name,
            collection=self.collection.concept_id,
            cmr=self.cmr.url,
            started=started,
            finished=datetime.now(UTC),
            dry_run=self.dry_run,
            mode="full" if new.old is None else "update",
            recipe=self.digest,
            asked=summary.asked,
            listed=summary.listed,
            hits=summary.hits,
            read=state.records,
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

    def _require_enough(self, hits: int, items: int, state: BuildState) -> None:
        """Raise CatalogError if the catalog would lose most of its granules: probably an error."""
        reason = state.most_frequent_reason()
        often = f" (most often set aside: {reason})" if reason else ""
        if not items:
            self.folder.resumable = False
            raise CatalogError(
                f"CMR lists {hits} granules for {self.definition.title!r}, of which none can be "
                f"in the catalog{often}: nothing was changed. To remove the catalog, delete its "
                "folder."
            )
        before = open_table(self.folder.files)
        held = 0 if before is None else before.metadata.num_rows
        if items * 2 < held and not self.full:
            self.folder.resumable = False
            what = "CMR lists only" if hits * 2 < held else "CMR has usable records of only"
            raise CatalogError(
                f"The catalog holds {held} granules, but {what} {min(hits, items)}{often}: "
                "nothing was changed. If that is right, build with --full (full=True)."
            )


def _sort_key(record: SetAside) -> tuple[str, str, str]:
    return record.granule_ur, record.concept_id, record.reason
