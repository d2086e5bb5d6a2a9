"""One indexing run over a catalog: which granules it scans, and what it publishes of them.

A granule's references are published first, then its item, which names them; from time to time, and
at the end, the index gets the new rows. Which granules the index does not show yet is on record
before their files change, so that the next run or build takes them over wherever this one ends.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from catalog_builder.beams.references.plain_json import plain_references
from catalog_builder.catalog.build.item_files import read_item
from catalog_builder.catalog.build.reindex import refresh_index
from catalog_builder.catalog.index.published_item import PublishedItem
from catalog_builder.catalog.stac.beam_assets import add_plain_references, add_references
from catalog_builder.catalog.stac.layout import (
    OLDER_REFERENCES,
    PLAIN_REFERENCES,
    REFERENCES,
    references_path,
)
from catalog_builder.errors import (
    AccessError,
    CatalogError,
    FolderError,
    ProductError,
    ReferencesError,
)
from catalog_builder.indexing.estimate import SAMPLE, Estimate, estimate
from catalog_builder.indexing.granule_table import GranuleTable
from catalog_builder.indexing.replaced_granules import replaced_granules
from catalog_builder.indexing.scan_task import (
    FailedGranule,
    Outcome,
    ScanCost,
    ScannedGranule,
    ScanTask,
)
from catalog_builder.indexing.scan_workers import logged_in, scan_all
from catalog_builder.opening.resolve import resolve
from catalog_builder.products.granule_name import GranuleName
from catalog_builder.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    from catalog_builder.beams.storage.links import Access
    from catalog_builder.catalog.build.publish import PublishedFolder
    from catalog_builder.catalog.stac.item import Item
    from catalog_builder.progress import Reporter

_INTERVAL: Final = 600.0
"""Seconds after which the index is written anew while granules are scanned."""

_SHARE: Final = 20
"""The interval is at least so many times as long as writing the index takes."""

_SOON: Final = 1.0
"""Seconds that writing the index may take after an interruption; else the next run does it."""

READING: Final = "reading granules"
"""Stage of the progress while granules are scanned."""


class IndexRun:
    """One run over a catalog; its folder is locked, but for an estimate."""

    def __init__(
        self,
        folder: PublishedFolder,
        access: Access,
        progress: Reporter | None = None,
        *,
        plain: bool = False,
    ) -> None:
        """Reads a few columns of the index; ``plain``: plain references are published as well."""
        self._folder = folder
        self._plain = plain
        self._access = access
        self._progress = progress
        self._written = time.monotonic()
        self._cost = 0.0
        self._under_way: dict[str, tuple[str, Item, float]] = {}
        """Path, item and size of the granule's file of those that workers are handed."""
        self.table = GranuleTable.read(folder, progress)
        self.before = int(self.table.indexed.sum())
        """Number of granules that had references before."""
        self.indexed: dict[str, None] = {}
        """Ids of the granules that were indexed, in that order."""
        self.failed: list[FailedGranule] = []
        self.sample: list[tuple[float, ScanCost]] = []
        """Size of the file and cost of those that were scanned first."""

    def wanted(
        self, granules: Collection[str] | None, *, again: bool, stale: bool
    ) -> NDArray[np.int64]:
        """Rows of the granules to scan: those without references.

        ``granules``: of these only; ``again``: also those with references; ``stale``: also those
        whose file was replaced.
        """
        table = self.table
        rows = np.arange(len(table)) if granules is None else table.rows(granules)
        if again:
            return rows
        lacking = rows[~table.indexed[rows]]
        if not stale:
            return lacking
        replaced = self._replaced(rows[table.indexed[rows]])
        return np.sort(np.concatenate((lacking, replaced)))

    def scan(
        self,
        rows: NDArray[np.int64],
        executor: Executor | None,
        jobs: int | None,
        sampled: Callable[[], None],
    ) -> None:
        """Scan these granules, and publish what is found.

        ``sampled`` is called once, when a few were scanned, for an estimate of all.
        """
        total, done, moved = len(rows), 0, 0
        self._report(READING, 0, total)
        tasks = self._tasks(spread_first(rows))
        outcomes = scan_all(tasks, executor=executor, jobs=jobs, finished=self._keep)
        with closing(outcomes):
            for outcome in outcomes:
                if isinstance(outcome, FailedGranule):
                    self._under_way.pop(outcome.granule, None)
                    self.failed.append(outcome)
                else:
                    self._publish(outcome)
                    moved += outcome.cost.bytes if outcome.cost else 0
                done = len(self.indexed) + len(self.failed)
                self._report(READING, done, total, moved)
                if done == min(SAMPLE, total):
                    sampled()
                if time.monotonic() - self._written > max(_INTERVAL, _SHARE * self._cost):
                    self.write_index()

    def write_plain(self, granules: Collection[str] | None) -> None:
        """Publish plain references of granules that have others only; nothing is scanned.

        A granule whose references cannot be read is noted as failed.
        """
        table = self.table
        rows = np.arange(len(table)) if granules is None else table.rows(granules)
        rows = rows[table.indexed[rows]]
        for done, row in enumerate(rows):
            self._report("writing plain references", done, len(rows))
            granule, path = table.granule(row), table.path(row)
            item = read_item(self._folder, path)
            if PLAIN_REFERENCES in item["assets"] or REFERENCES not in item["assets"]:
                continue
            name, collection = GranuleName.parse(granule), path.partition("/")[0]
            body = self._folder.files.read(references_path(collection, name))
            try:
                text = plain_references(body or b"")
            except ReferencesError as error:
                self.failed.append(FailedGranule(granule=granule, error=str(error)))
                continue
            add_plain_references(item, path, len(text))
            self._folder.mark_outdated(granule)
            self._folder.write(references_path(collection, name, PLAIN_REFERENCES), text)
            self._folder.write(path, orjson.dumps(item))

    def scan_sample(
        self, rows: NDArray[np.int64], executor: Executor | None, jobs: int | None
    ) -> None:
        """Scan a few of these granules, and publish nothing."""
        tasks = self._tasks(spread_first(rows)[:SAMPLE])
        for outcome in scan_all(tasks, executor=executor, jobs=jobs):
            *_, size = self._under_way.pop(outcome.granule)
            if isinstance(outcome, FailedGranule):
                self.failed.append(outcome)
            else:
                self._sample(outcome, size)

    def estimate(
        self, rows: NDArray[np.int64], *, workers: int | None, price: float | None
    ) -> Estimate:
        """What it takes to index these granules, as far as is known by now."""
        stored = self.table.stored_bytes(rows)
        return estimate(len(rows), stored, self.sample, workers=workers, price=price)

    def write_index(self) -> None:
        """Write and publish the index with the rows of the granules that were indexed."""
        if not self._folder.index_outdated:
            return
        started = time.monotonic()
        refresh_index(self._folder, self._progress)
        self._written = time.monotonic()
        self._cost = self._written - started

    def write_index_soon(self) -> None:
        """Write the index after an interruption if that is done soon: someone waits."""
        newer = len(self._folder.outdated_granules())
        # Measured on a busy machine: 20,000 rows and 1,000 new ones a second.
        if len(self.table) / 20_000 + newer / 1_000 <= _SOON:
            self.write_index()

    def _replaced(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of these granules, which are indexed, whose files were replaced since."""

        def tasks() -> Iterator[tuple[ScanTask, str, Item]]:
            for task in logged_in(self._tasks(rows)):
                path, item, _ = self._under_way.pop(task.granule)
                yield task, path, item

        found: list[str] = []
        for number, (granule, verdict) in enumerate(
            replaced_granules(self._folder.files, tasks())
        ):
            self._report("looking for replaced granules", number, len(rows))
            if isinstance(verdict, FailedGranule):
                self.failed.append(verdict)
            elif verdict:
                found.append(granule)
        return self.table.rows(found)

    def _tasks(self, rows: Iterable[int]) -> Iterator[ScanTask]:
        for row in rows:
            granule, size = self.table.granule(row), float(self.table.sizes[row])
            try:
                path = self.table.path(row)
                item = read_item(self._folder, path)
                links = resolve(PublishedItem(item, str(self._folder.root / path))).links
            except FolderError:
                raise  # a link, or a path of no catalog: someone tampered with the folder
            except (AccessError, CatalogError, ProductError) as error:
                self.failed.append(FailedGranule(granule=granule, error=str(error)))
            else:
                self._under_way[granule] = path, item, size
                yield ScanTask(granule=granule, links=links, access=self._access)

    def _keep(self, outcome: Outcome) -> None:
        """Publish an outcome that came before an interruption, unless it is published already."""
        if isinstance(outcome, ScannedGranule) and outcome.granule in self._under_way:
            self._publish(outcome)

    def _publish(self, found: ScannedGranule) -> None:
        """Publish the reference file, then the item that names it; then remove older files."""
        path, item, size = self._under_way[found.granule]
        name = GranuleName.parse(found.granule)
        collection = path.partition("/")[0]
        gone = [key for key in (PLAIN_REFERENCES, *OLDER_REFERENCES) if key in item["assets"]]
        plain = self._plain or PLAIN_REFERENCES in gone
        text = plain_references(found.references) if plain else b""
        add_references(
            item,
            path,
            size=len(found.references),
            beams=found.beams,
            orientation=found.orientation,
            plain_size=len(text) if plain else None,
        )
        self._folder.mark_outdated(found.granule)
        self._folder.write(references_path(collection, name), found.references)
        if plain:
            self._folder.write(references_path(collection, name, PLAIN_REFERENCES), text)
        self._folder.write(path, orjson.dumps(item))
        for key in gone:
            if key != PLAIN_REFERENCES:
                self._folder.remove(references_path(collection, name, key))
        del self._under_way[found.granule]
        self.indexed[found.granule] = None
        self._sample(found, size)

    def _sample(self, found: ScannedGranule, size: float) -> None:
        if found.cost is not None and len(self.sample) < SAMPLE:
            self.sample.append((size, found.cost))

    def _report(self, stage: str, done: int, total: int, moved: int | None = None) -> None:
        if self._progress is None:
            return
        reckoned = round(moved / done * total) if moved and done else None
        self._progress(
            Progress(stage=stage, done=done, total=total, bytes_done=moved, bytes_total=reckoned)
        )


def spread_first(rows: NDArray[np.int64]) -> list[int]:
    """The same rows, first a few from all over them: a sample for an estimate."""
    chosen = np.unique(np.linspace(0, len(rows) - 1, SAMPLE).round().astype(np.int64))
    chosen = chosen[: len(rows)]
    return [*rows[chosen].tolist(), *np.delete(rows, chosen).tolist()]
