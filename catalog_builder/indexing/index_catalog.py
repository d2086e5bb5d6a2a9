"""Indexes a catalog: scans its granules and publishes their beam references.

Workers scan the granules' files where they are stored. This process publishes what they find, so
that it can be interrupted at any moment; the next run continues from there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from catalog_builder.catalog.build.publish import PublishedFolder
from catalog_builder.catalog.stac.layout import CATALOG, INDEX, REPORT, require_known_collections
from catalog_builder.errors import CatalogError, CatalogNotFoundError
from catalog_builder.indexing.estimate import Estimate
from catalog_builder.indexing.index_run import IndexRun
from catalog_builder.indexing.own_processes import usable_cores
from catalog_builder.indexing.scan_task import FailedGranule
from catalog_builder.indexing.scan_workers import worker_count

if TYPE_CHECKING:
    from catalog_builder.beams.storage.links import Access
    from catalog_builder.progress import Reporter


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


def index_catalog(
    folder: str | Path,
    *,
    granules: Collection[str] | None = None,
    again: bool = False,
    stale: bool = False,
    plain: bool = False,
    executor: Executor | None = None,
    jobs: int | None = None,
    limit: int | None = None,
    access: Access = "auto",
    progress: Reporter | None = None,
    price: float | None = None,
    estimated: Callable[[Estimate], None] | None = None,
) -> IndexingReport:
    """Scan the granules of a catalog that have no beam references yet, and publish what is found.

    If this is interrupted or killed, the next call continues from there.

    Parameters
    ----------
    folder
        The catalog's folder.
    granules
        Ids of the only granules to index; by default all.
    again
        Index granules that have references too.
    stale
        Index those too whose file was replaced since: its size or ETag is another. One request a
        granule that has references.
    plain
        Publish the references as plain JSON too, which take ten to twenty times as many bytes, for
        tools that read no zstd: also of the granules that have references already.
    executor
        Runs the scans: any ``concurrent.futures.Executor``, such as threads, processes, loky, or a
        dask cluster (``Client(address).get_executor(pure=False)``). It is not shut down. Its
        workers find their logins in their own environments.
    jobs
        Without an executor, the number of worker processes, by default one a core: in a script,
        call this under ``if __name__ == "__main__":``. They are given this process's token, and
        killed when this is interrupted. With an executor, the most granules that it is given at a
        time.
    limit
        Most granules to scan.
    access
        How workers read the granules.
    progress
        Called with the progress of the run.
    price
        Of a core-hour, for the estimate.
    estimated
        Called before the first scan with the number of granules and their size, and once five
        were scanned with what all of them will take.

    Returns
    -------
    IndexingReport
        A granule that cannot be scanned is listed there with its error; it does not stop the run.

    Raises
    ------
    catalog_builder.errors.CatalogError
        The folder holds no complete catalog, or is in use, or one of ``granules`` is not in it.
    catalog_builder.errors.EarthdataError
        Workers cannot log in.
    catalog_builder.errors.WorkersLostError
        The executor broke down.
    KeyboardInterrupt
        After Ctrl-C. What was indexed is kept; where writing the index would take longer than a
        second, the next run or build writes it.

    """
    started = datetime.now(UTC)
    published = PublishedFolder(Path(folder))
    _require_catalog(published)
    with published.writing():
        # The state of an interrupted build is of items that change now.
        published.discard_state()
        run = IndexRun(published, access, progress, plain=plain)
        try:
            rows = run.wanted(granules, again=again, stale=stale)
            left = 0 if limit is None else max(len(rows) - limit, 0)
            rows = rows[: len(rows) - left]
            workers = _workers(executor, jobs)

            def tell() -> None:
                if estimated is not None and len(rows):
                    estimated(run.estimate(rows, workers=workers, price=price))

            if plain:
                run.write_plain(granules)
            tell()
            run.scan(rows, executor, jobs, tell)
        except KeyboardInterrupt:
            run.write_index_soon()
            raise
        except BaseException:
            run.write_index()
            raise
        run.write_index()
    return IndexingReport(
        folder=str(published.root),
        started=started,
        finished=datetime.now(UTC),
        granules=len(run.table),
        before=run.before,
        indexed=tuple(sorted(run.indexed)),
        failed=tuple(sorted(run.failed, key=lambda failed: failed.granule)),
        left=left,
    )


def estimate_indexing(
    folder: str | Path,
    *,
    granules: Collection[str] | None = None,
    again: bool = False,
    executor: Executor | None = None,
    jobs: int | None = None,
    limit: int | None = None,
    access: Access = "auto",
    progress: Reporter | None = None,
    price: float | None = None,
) -> tuple[Estimate, tuple[FailedGranule, ...]]:
    """What :func:`index_catalog` would take with these arguments; nothing is written.

    Scans five of the granules, and also gives those that could not be scanned. Raises as
    :func:`index_catalog` does.
    """
    published = PublishedFolder(Path(folder))
    _require_catalog(published)
    run = IndexRun(published, access, progress)
    rows = run.wanted(granules, again=again, stale=False)[:limit]
    run.scan_sample(rows, executor, jobs)
    workers = _workers(executor, jobs)
    return run.estimate(rows, workers=workers, price=price), tuple(run.failed)


def _workers(executor: Executor | None, jobs: int | None) -> int | None:
    """Granules that are scanned at a time."""
    if executor is None:
        return jobs or usable_cores()
    return worker_count(executor) or jobs


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
    require_known_collections(folder.files)
