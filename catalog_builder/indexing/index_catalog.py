"""Indexes a catalog: scans its granules and publishes their beam references.

Workers scan the granules' files where they are stored. This process publishes what they find: the
reference file of a granule, then its item, which names it, and from time to time the index of
all items. So it can be interrupted at any moment; the next run continues from there.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from catalog_builder.atl03 import GranuleName
from catalog_builder.catalog.build.publish import PublishedFolder
from catalog_builder.catalog.build.published_references import published_references
from catalog_builder.catalog.build.reindex import stage_index
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.index.published_item import PublishedItem
from catalog_builder.catalog.stac.beam_assets import add_references
from catalog_builder.catalog.stac.layout import (
    CATALOG,
    INDEX,
    OLDER_REFERENCES,
    REFERENCES,
    REPORT,
    item_path,
    references_path,
)
from catalog_builder.errors import AccessError, CatalogError, CatalogNotFoundError, FolderError
from catalog_builder.indexing.item_files import read_item
from catalog_builder.indexing.scan_task import FailedGranule, Outcome, ScannedGranule, ScanTask
from catalog_builder.indexing.scan_workers import scan_all
from catalog_builder.opening.resolve import resolve
from catalog_builder.progress import Progress

if TYPE_CHECKING:
    from catalog_builder.beams.storage.links import Access
    from catalog_builder.catalog.stac.item import Item
    from catalog_builder.progress import Reporter

_INTERVAL: Final = 600.0
"""Seconds after which the index is written anew while granules are scanned."""

_SHARE: Final = 20
"""The interval is at least so many times as long as writing the index takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexingReport:
    """What an indexing run did with the granules of a catalog."""

    folder: str
    """Path of the catalog."""
    started: datetime
    finished: datetime
    granules: int
    """Number of granules in the catalog."""
    before: int
    """Number of granules that had references before."""
    indexed: tuple[str, ...]
    """Ids of the granules that were indexed, sorted."""
    failed: tuple[FailedGranule, ...]
    """Granules that could not be scanned, sorted by id; the next run tries them again."""
    left: int
    """Number of granules that were not scanned because of the limit."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def index_catalog(
    folder: str | Path,
    *,
    executor: Executor | None = None,
    jobs: int | None = None,
    limit: int | None = None,
    access: Access = "auto",
    progress: Reporter | None = None,
) -> IndexingReport:
    """Scan the granules of a catalog that have no beam references yet, and publish what is found.

    If this is interrupted or killed, the next call continues from there.

    Parameters
    ----------
    folder
        The catalog's folder.
    executor
        Runs the scans: threads, processes, or a dask cluster (``Client(address).get_executor()``).
        It is not shut down. Its workers find their logins in their own environments.
    jobs
        Without an executor, the number of worker processes, by default one a core: in a script,
        call this under ``if __name__ == "__main__":``. They are given this process's token. With
        an executor, the most granules that it is given at a time.
    limit
        Most granules to scan.
    access
        How workers read the granules.
    progress
        Called with the progress of the run.

    Returns
    -------
    IndexingReport
        A granule that cannot be scanned is listed there with its error; it does not stop the run.

    Raises
    ------
    catalog_builder.errors.CatalogError
        The folder holds no complete catalog, or is in use.
    catalog_builder.errors.EarthdataError
        Workers cannot log in.
    catalog_builder.errors.WorkersLostError
        The executor broke down.

    """
    started = datetime.now(UTC)
    published = PublishedFolder(Path(folder))
    _require_catalog(published)
    with published.writing():
        # The state of an interrupted build is of items that change now.
        published.discard_state()
        run = _IndexingRun(published, access, progress)
        before = len(run.items) - len(run.wanted) - len(run.failed)
        left = 0 if limit is None else max(len(run.wanted) - limit, 0)
        try:
            run.scan(executor, jobs, len(run.wanted) - left)
        finally:
            if run.index_outdated:
                run.write_index()
    return IndexingReport(
        folder=str(published.root),
        started=started,
        finished=datetime.now(UTC),
        granules=len(run.items),
        before=before,
        indexed=tuple(sorted(run.indexed)),
        failed=tuple(sorted(run.failed, key=lambda failed: failed.granule)),
        left=left,
    )


def _require_catalog(folder: PublishedFolder) -> None:
    for name in (CATALOG, INDEX):
        if folder.files.size(name) is None:
            raise CatalogNotFoundError(
                f"There is no {folder.root / name}: is {folder.root} the folder of a catalog?"
            )
    if folder.files.size(REPORT) is None:
        raise CatalogError(
            f"The first build of {folder.root} is not complete: build again, then index."
        )


class _IndexingRun:
    """One run over a catalog, whose folder is locked."""

    def __init__(self, folder: PublishedFolder, access: Access, progress: Reporter | None) -> None:
        self._folder = folder
        self._access = access
        self._progress = progress
        self._written = time.monotonic()
        self._cost = 0.0
        self.index_outdated = folder.crashed
        """True if items may be newer than the index."""
        self._damaged: set[str] = set()
        """Ids of the granules whose item files are damaged."""
        self.indexed: list[str] = []
        self.failed: list[FailedGranule] = []
        self.items = _item_paths(folder.root)
        """Paths of all items, by id."""
        self.wanted = [name for name in self._each("looking for references") if self._lacks(name)]
        """Ids of the granules whose references are not there."""

    def scan(self, executor: Executor | None, jobs: int | None, count: int) -> None:
        """Scan the first ``count`` of the wanted granules, and publish what is found."""
        total = min(count, len(self.wanted))
        outcomes = scan_all(self._tasks(total), executor=executor, jobs=jobs, finished=self._keep)
        with closing(outcomes):
            for outcome in outcomes:
                if isinstance(outcome, FailedGranule):
                    self.failed.append(outcome)
                else:
                    self._publish(outcome)
                self._report("reading granules", len(self.indexed) + len(self.failed), total)
                if time.monotonic() - self._written > max(_INTERVAL, _SHARE * self._cost):
                    self.write_index()

    def write_index(self) -> None:
        """Write and publish the index of the items as they are now."""
        started = time.monotonic()
        stage_index(
            self._folder,
            list(self.items.values()),
            self._progress,
            instead=self._rows_of_damaged(),
        )
        self._folder.publish_index()
        self.index_outdated = False
        self._written = time.monotonic()
        self._cost = self._written - started

    def _lacks(self, granule: str) -> bool:
        """True if a granule has no references; one whose item is damaged has failed."""
        path = self.items[granule]
        try:
            item = read_item(self._folder, path)
            # Those of layout 1 are replaced.
            return REFERENCES not in published_references(self._folder.files, path, item)
        except FolderError:
            raise  # a link, or a path of no catalog: someone tampered with the folder
        except CatalogError as error:
            self.failed.append(FailedGranule(granule=granule, error=str(error)))
            self._damaged.add(granule)
            return False

    def _rows_of_damaged(self) -> dict[str, Item]:
        """The items whose files are damaged, by path, as the published index has them."""
        if not self._damaged:
            return {}
        items = ItemIndex.open(self._folder.root).dictionaries()
        return {self.items[item["id"]]: item for item in items if item["id"] in self._damaged}

    def _tasks(self, count: int) -> Iterator[ScanTask]:
        for granule in self.wanted[:count]:
            try:
                path = self.items[granule]
                item = PublishedItem(read_item(self._folder, path), str(self._folder.root / path))
                links = resolve(item).links
            except AccessError as error:
                self.failed.append(FailedGranule(granule=granule, error=str(error)))
            else:
                yield ScanTask(granule=granule, links=links, access=self._access)

    def _keep(self, outcome: Outcome) -> None:
        """Publish an outcome that came before an interruption, unless it is published already."""
        if isinstance(outcome, ScannedGranule) and outcome.granule not in self.indexed:
            self._publish(outcome)

    def _publish(self, found: ScannedGranule) -> None:
        """Publish the reference file, then the item that names it; then remove older files."""
        path = self.items[found.granule]
        item = read_item(self._folder, path)
        name = GranuleName.parse(found.granule)
        collection = path.partition("/")[0]
        add_references(
            item,
            path,
            size=len(found.references),
            beams=found.beams,
            orientation=found.orientation,
        )
        self.index_outdated = True
        self._folder.mark_outdated(found.granule)
        self._folder.write(references_path(collection, name), found.references)
        self._folder.write(path, orjson.dumps(item))
        for key in OLDER_REFERENCES:
            self._folder.remove(references_path(collection, name, key))
        self.indexed.append(found.granule)

    def _each(self, stage: str) -> Iterator[str]:
        for number, granule in enumerate(self.items):
            self._report(stage, number, len(self.items))
            yield granule

    def _report(self, stage: str, done: int, total: int) -> None:
        if self._progress is not None:
            self._progress(Progress(stage=stage, done=done, total=total))


def _item_paths(root: Path) -> dict[str, str]:
    """Path of each item in the index, by id, in the order of the index."""
    rows = ItemIndex.open(root).to_table(["id", "collection"])
    pairs = zip(rows["id"].to_pylist(), rows["collection"].to_pylist(), strict=True)
    return {
        granule: item_path(collection, GranuleName.parse(granule)) for granule, collection in pairs
    }
