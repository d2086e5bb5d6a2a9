"""Gives the granules of a published catalog their beam references.

Each granule's file is scanned where it lies, by workers; what they find is written as it comes,
here: a granule's reference sets first, then its item, which names them, and now and then the index
of all items. So the work can end at any moment, and goes on from there when it is started again.
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
from catalog_builder.catalog.build.reindex import place_index
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.index.lookup import PublishedItem
from catalog_builder.catalog.stac.beam_assets import add_references, indexed_beams, references_of
from catalog_builder.catalog.stac.layout import CATALOG, INDEX, REPORT, item_path, references_path
from catalog_builder.errors import AccessError, CatalogError, CatalogNotFoundError
from catalog_builder.indexing.scan_task import FailedGranule, Outcome, ScannedGranule, ScanTask
from catalog_builder.indexing.scan_workers import scan_all
from catalog_builder.opening.resolve import resolve
from catalog_builder.progress import Progress

if TYPE_CHECKING:
    from catalog_builder.beams.storage.links import Access
    from catalog_builder.progress import Reporter

_INTERVAL: Final = 600.0
"""Seconds after which the index is written again while granules are scanned."""

_SHARE: Final = 20
"""That interval is at least so many times what the writing takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexingReport:
    """What became of the granules of a catalog that were to be indexed."""

    folder: str
    """Path of the catalog."""
    started: datetime
    finished: datetime
    granules: int
    """Granules in the catalog."""
    before: int
    """Granules that had their references already."""
    indexed: tuple[str, ...]
    """Ids of those that got them, sorted."""
    failed: tuple[FailedGranule, ...]
    """Those that could not be scanned, sorted by id; the next run tries them again."""
    left: int
    """Granules that were not tried, for there was a limit."""

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
    """Scan the granules of the catalog in a folder that lack references, and publish those.

    ``executor`` runs the scans: threads, processes, or a dask cluster's
    (``Client(address).get_executor()``); it is not shut down. Without one, ``jobs`` processes are
    started, by default one a core; in a script, call this under ``if __name__ == "__main__":``
    then. With an executor ``jobs`` is the most granules that are handed to it at a time. Workers
    read the granules by ``access``. This process logs in once, and the processes that it starts
    are handed the token; workers of an executor find their logins in their own environments.

    ``limit`` is the most granules to scan. A granule that fails is in the report, with its error;
    the others go on. Interrupted or killed, the next call goes on where this one stopped.

    Raises :class:`~catalog_builder.errors.CatalogError` where the folder is no finished catalog or
    is in use, :class:`~catalog_builder.errors.EarthdataError` where workers cannot log in, and
    :class:`~catalog_builder.errors.WorkersLostError` where the executor breaks down.
    """
    started = datetime.now(UTC)
    published = PublishedFolder(Path(folder))
    _require_catalog(published)
    with published.writing():
        # Of items that change now, a build that broke off has read what no longer holds.
        published.forget_work()
        work = _Work(published, access, progress)
        before = len(work.items) - len(work.wanted)
        left = 0 if limit is None else max(len(work.wanted) - limit, 0)
        try:
            work.scan(executor, jobs, len(work.wanted) - left)
        finally:
            if work.behind:
                work.write_index()
    return IndexingReport(
        folder=str(published.root),
        started=started,
        finished=datetime.now(UTC),
        granules=len(work.items),
        before=before,
        indexed=tuple(sorted(work.indexed)),
        failed=tuple(sorted(work.failed, key=lambda one: one.granule)),
        left=left,
    )


def _require_catalog(folder: PublishedFolder) -> None:
    for name in (CATALOG, INDEX):
        if folder.size(name) is None:
            raise CatalogNotFoundError(
                f"There is no {folder.root / name}: is {folder.root} the folder of a catalog?"
            )
    if folder.size(REPORT) is None:
        raise CatalogError(
            f"The first build of {folder.root} did not come to its end: build again, then index."
        )


class _Work:
    """One run over a catalog, under the folder's lock."""

    def __init__(self, folder: PublishedFolder, access: Access, progress: Reporter | None) -> None:
        self._folder = folder
        self._access = access
        self._progress = progress
        self._written = time.monotonic()
        self._cost = 0.0
        self.behind = folder.died
        """Whether items say more than the index; after a death no one knows."""
        self.indexed: list[str] = []
        self.failed: list[FailedGranule] = []
        self.items = _item_paths(folder.root)
        """Paths of all items, by id."""
        self.wanted = [name for name in self._each("looking for references") if self._lacks(name)]
        """Ids of the granules whose references are not there."""

    def scan(self, executor: Executor | None, jobs: int | None, count: int) -> None:
        """Scan the first ``count`` granules that are wanted, and publish what is found."""
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
        """Make the index say what the items say."""
        begun = time.monotonic()
        place_index(self._folder, list(self.items.values()), self._progress)
        self._folder.catch_up()
        self.behind = False
        self._written = time.monotonic()
        self._cost = self._written - begun

    def _lacks(self, granule: str) -> bool:
        path = self.items[granule]
        return not indexed_beams(self._folder, path, self._item(path))

    def _tasks(self, count: int) -> Iterator[ScanTask]:
        for granule in self.wanted[:count]:
            try:
                path = self.items[granule]
                item = PublishedItem(self._item(path), str(self._folder.root / path))
                links = resolve(item).links
            except AccessError as error:
                self.failed.append(FailedGranule(granule=granule, error=str(error)))
            else:
                yield ScanTask(granule=granule, links=links, access=self._access)

    def _keep(self, outcome: Outcome) -> None:
        """Publish what was found before the scanning was interrupted, unless that was done."""
        if isinstance(outcome, ScannedGranule) and outcome.granule not in self.indexed:
            self._publish(outcome)

    def _publish(self, found: ScannedGranule) -> None:
        """Write the reference sets, then the item that names them, then forget older sets."""
        path = self.items[found.granule]
        item = self._item(path)
        name = GranuleName.parse(found.granule)
        before = {place for place, _ in references_of(item, path).values()}
        places = {
            beam: references_path(item["collection"], name, beam) for beam in found.references
        }
        add_references(
            item,
            path,
            sizes={beam: len(body) for beam, body in found.references.items()},
            beams=found.beams,
            orientation=found.orientation,
        )
        self.behind = True
        self._folder.fall_behind(found.granule)
        for beam, body in found.references.items():
            self._folder.write(places[beam], body)
        self._folder.write(path, orjson.dumps(item))
        for place in before - set(places.values()):
            self._folder.remove(place)
        self.indexed.append(found.granule)

    def _item(self, path: str) -> dict[str, Any]:
        try:
            item: dict[str, Any] = orjson.loads(self._folder.read(path))
        except (FileNotFoundError, orjson.JSONDecodeError) as error:
            raise CatalogError(
                f"{self._folder.root / path} cannot be read: {error}. Build the catalog again."
            ) from error
        return item

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
