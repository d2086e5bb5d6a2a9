"""Asks CMR page by page while the pages before are worked on, and keeps what becomes of them.

Up to four queries run at once. What is kept does not depend on their order, nor on how the pages
were cut; and who breaks off goes on with the page after the last one that was kept.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from catalog_builder.catalog.cmr.response import read_whole
from catalog_builder.catalog.build.page_worker import PageWork, Recipe, work_on_page
from catalog_builder.catalog.build.state import RowStore, Standing
from catalog_builder.catalog.build.process_pool import Workers
from catalog_builder.errors import CatalogError
from catalog_builder.forks import Lock
from catalog_builder.progress import Progress

if TYPE_CHECKING:
    from catalog_builder.catalog.cmr.client import CmrClient
    from catalog_builder.catalog.cmr.query import GranuleQuery
    from catalog_builder.progress import Reporter
    from catalog_builder.geo.window import Interval

MOST_AT_ONCE: Final = 4
"""Queries that CMR is asked at once."""

PAGE: Final = 1000
"""Records in a page: twice as many would take twice the memory, and save little time."""

_FEW: Final = 2 * PAGE
"""Records that are worked on where CMR is asked: processes would take longer to start."""


@dataclass(frozen=True, slots=True)
class Found:
    """What CMR said while it was asked."""

    hits: int
    """Records that the queries match, in all."""
    asked: datetime
    """When CMR answered first, by its own clock where it shows it."""


def split(query: GranuleQuery, count: int, first: datetime, last: datetime) -> list[GranuleQuery]:
    """The query as ``count`` queries by time, of equal spans between ``first`` and ``last``.

    A granule across a border is in two of them. Raises
    :class:`~catalog_builder.errors.CatalogError` for a count that cannot be.
    """
    if not 1 <= count <= MOST_AT_ONCE:
        raise CatalogError(f"{count} queries at once: CMR is asked 1 to {MOST_AT_ONCE}.")
    if count == 1:
        return [query]
    start, end = query.temporal
    begin, finish = start or first, end or last
    borders = [begin + (finish - begin) * part / count for part in range(1, count)]
    ends: list[datetime | None] = [start, *borders, end]
    windows: list[Interval] = list(pairwise(ends))
    return [replace(query, temporal=window) for window in windows]


class Harvest:
    """Reads queries into a store."""

    def __init__(
        self,
        cmr: CmrClient,
        recipe: Recipe,
        store: RowStore,
        *,
        jobs: int | None = None,
        progress: Reporter | None = None,
        kept: Callable[[], None] = lambda: None,
    ) -> None:
        """``jobs`` is the most processes, by default one a core, none for few records.

        ``kept`` is called with each page that is kept.
        """
        self._cmr = cmr
        self._recipe = recipe
        self._store = store
        self._jobs = jobs or os.cpu_count() or 1
        self._progress = progress
        self._kept = kept
        self._lock = Lock()
        self._hits: dict[str, int] = {}
        self._numbers = iter(range(store.next_page, 10**6))
        self._asked: datetime | None = None
        self._stopped = False
        self._done = 0

    def read(self, queries: Sequence[GranuleQuery]) -> Found:
        """Read all of these. Raises :class:`~catalog_builder.errors.CmrError`."""
        with Workers(self._jobs) as workers:
            if len(queries) == 1:
                self._read(self._cmr, queries[0], workers)
            else:
                self._read_at_once(queries, workers)
        with self._lock:
            self._begin(None)
        return Found(sum(self._hits.values()), self._asked or datetime.now(UTC))

    def _read_at_once(self, queries: Sequence[GranuleQuery], workers: Workers) -> None:
        with ThreadPoolExecutor(min(len(queries), MOST_AT_ONCE)) as threads:
            futures = [
                threads.submit(self._read_with_a_client_of_its_own, query, workers)
                for query in queries
            ]
            try:
                for future in futures:
                    future.result()
            except BaseException:
                self._stopped = True
                threads.shutdown(cancel_futures=True)
                raise

    def _read_with_a_client_of_its_own(self, query: GranuleQuery, workers: Workers) -> None:
        with self._cmr.sibling() as cmr:
            self._read(cmr, query, workers)

    def _read(self, cmr: CmrClient, query: GranuleQuery, workers: Workers) -> None:
        url = query.url(cmr.base)
        with self._lock:
            standing = self._store.standing(url)
            self._hits[url] = standing.hits
            self._done += standing.read
        under_way: deque[tuple[Future[PageWork], Standing]] = deque()
        if standing.whole:
            return
        pages = cmr.pages(url, PAGE, read_whole, search_after=standing.search_after)
        for page in pages:
            if self._stopped:
                break
            with self._lock:
                self._begin(page.answered)
                self._hits[url] = page.hits
                number = next(self._numbers)
            then = Standing(0, page.hits, page.search_after, page.search_after is None)
            work = workers.submit(
                work_on_page, self._recipe, number, page.content, few=page.hits <= _FEW
            )
            under_way.append((work, then))
            del page
            while len(under_way) > workers.ahead or (under_way and under_way[0][0].done()):
                standing = self._keep(url, standing, *under_way.popleft())
        while under_way:
            standing = self._keep(url, standing, *under_way.popleft())

    def _begin(self, answered: datetime | None) -> None:
        """Note when CMR was first asked, by this build or the one that it goes on with."""
        if self._asked is None:
            before = self._store.fact("asked")
            now = answered or datetime.now(UTC)
            self._asked = datetime.fromisoformat(before) if before else now
            self._store.remember("asked", self._asked.isoformat())

    def _keep(
        self, url: str, before: Standing, future: Future[PageWork], then: Standing
    ) -> Standing:
        """Keep a page, in its turn."""
        work = future.result()
        standing = replace(then, read=before.read + work.records)
        with self._lock:
            self._store.add(url, standing, work)
            self._kept()
            self._done += work.records
            if self._progress is not None:
                total = sum(self._hits.values())
                self._progress(Progress(stage="reading CMR", done=self._done, total=total))
        return standing
