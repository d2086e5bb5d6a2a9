"""Fetches CMR's records page by page, and stores the results of the page workers.

The next page is fetched while earlier ones are processed. Up to four queries run at once. Neither
their order nor the division into pages changes what is stored. An interrupted build resumes with
the page after the last one that was stored.
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

from catalog_builder.catalog.build.page_result import PageResult, PagingCursor
from catalog_builder.catalog.build.page_worker import BuildConfiguration, process_page
from catalog_builder.catalog.build.process_pool import Workers
from catalog_builder.catalog.build.state import BuildState
from catalog_builder.catalog.cmr.response import read_whole
from catalog_builder.errors import CatalogError
from catalog_builder.forks import Lock
from catalog_builder.progress import Progress

if TYPE_CHECKING:
    from catalog_builder.catalog.cmr.client import CmrClient
    from catalog_builder.catalog.cmr.query import GranuleQuery
    from catalog_builder.geo.window import Interval
    from catalog_builder.progress import Reporter

MOST_AT_ONCE: Final = 4
"""Most queries that are sent to CMR at once."""

PAGE: Final = 1000
"""Records in a page; 2,000 would take twice the memory and save little time."""

_FEW: Final = 2 * PAGE
"""Up to this many records are processed here: starting worker processes would take longer."""


@dataclass(frozen=True, slots=True)
class FetchResult:
    """CMR's counts and times for the queries."""

    hits: int
    """Number of records that the queries match, in all."""
    asked: datetime
    """When CMR first answered, by its own clock if the answer has a date."""


def split(query: GranuleQuery, count: int, first: datetime, last: datetime) -> list[GranuleQuery]:
    """Split a query into ``count`` queries of equal time spans between ``first`` and ``last``.

    A granule across a border matches two queries. Raises
    :class:`~catalog_builder.errors.CatalogError` for a count below 1 or above 4.
    """
    if not 1 <= count <= MOST_AT_ONCE:
        raise CatalogError(f"{count} queries at once: 1 to {MOST_AT_ONCE} are possible.")
    if count == 1:
        return [query]
    start, end = query.temporal
    begin, finish = start or first, end or last
    borders = [begin + (finish - begin) * part / count for part in range(1, count)]
    ends: list[datetime | None] = [start, *borders, end]
    windows: list[Interval] = list(pairwise(ends))
    return [replace(query, temporal=window) for window in windows]


class PageFetcher:
    """Fetches the records of queries into a build state."""

    def __init__(
        self,
        cmr: CmrClient,
        configuration: BuildConfiguration,
        state: BuildState,
        *,
        jobs: int | None = None,
        progress: Reporter | None = None,
        stored: Callable[[], None] = lambda: None,
    ) -> None:
        """``jobs`` is the most worker processes: by default one a core, none for few records.

        ``stored`` is called after each page that was stored.
        """
        self._cmr = cmr
        self._configuration = configuration
        self._state = state
        self._jobs = jobs or os.cpu_count() or 1
        self._progress = progress
        self._stored = stored
        self._lock = Lock()
        self._hits: dict[str, int] = {}
        self._numbers = iter(range(0))
        self._asked: datetime | None = None
        self._stopped = False
        self._done = 0

    def fetch(self, queries: Sequence[GranuleQuery]) -> FetchResult:
        """Fetch all records of these queries.

        Raises :class:`~catalog_builder.errors.CmrError`.
        """
        # Other fetchers of the build have written pages meanwhile.
        self._numbers = iter(range(self._state.next_page, 10**6))
        with Workers(self._jobs) as workers:
            if len(queries) == 1:
                self._fetch(self._cmr, queries[0], workers)
            else:
                self._fetch_at_once(queries, workers)
        with self._lock:
            self._note_answer(None)
        return FetchResult(sum(self._hits.values()), self._asked or datetime.now(UTC))

    def _fetch_at_once(self, queries: Sequence[GranuleQuery], workers: Workers) -> None:
        with ThreadPoolExecutor(min(len(queries), MOST_AT_ONCE)) as threads:
            futures = [
                threads.submit(self._fetch_with_own_client, query, workers) for query in queries
            ]
            try:
                for future in futures:
                    future.result()
            except BaseException:
                self._stopped = True
                threads.shutdown(cancel_futures=True)
                raise

    def _fetch_with_own_client(self, query: GranuleQuery, workers: Workers) -> None:
        with self._cmr.sibling() as cmr:
            self._fetch(cmr, query, workers)

    def _fetch(self, cmr: CmrClient, query: GranuleQuery, workers: Workers) -> None:
        url = query.url(cmr.base)
        with self._lock:
            cursor = self._state.cursor(url)
            self._hits[url] = cursor.hits
            self._done += cursor.read
        pending: deque[tuple[Future[PageResult], PagingCursor]] = deque()
        if cursor.complete:
            return
        pages = cmr.pages(url, PAGE, read_whole, search_after=cursor.search_after)
        for page in pages:
            if self._stopped:
                break
            with self._lock:
                self._note_answer(page.answered)
                self._hits[url] = page.hits
                number = next(self._numbers)
            after = PagingCursor(0, page.hits, page.search_after, page.search_after is None)
            result = workers.submit(
                process_page,
                self._configuration,
                number,
                page.content,
                few=page.hits <= _FEW,
            )
            pending.append((result, after))
            del page
            while len(pending) > workers.limit or (pending and pending[0][0].done()):
                cursor = self._store(url, cursor, *pending.popleft())
        while pending:
            cursor = self._store(url, cursor, *pending.popleft())

    def _note_answer(self, answered: datetime | None) -> None:
        """Record when CMR first answered, in this build or in the one that it resumes."""
        if self._asked is None:
            before = self._state.fact("asked")
            now = answered or datetime.now(UTC)
            self._asked = datetime.fromisoformat(before) if before else now
            self._state.remember("asked", self._asked.isoformat())

    def _store(
        self, url: str, before: PagingCursor, future: Future[PageResult], after: PagingCursor
    ) -> PagingCursor:
        """Store the result of the next page; returns the cursor after it."""
        result = future.result()
        cursor = replace(after, read=before.read + result.records)
        with self._lock:
            self._state.add(url, cursor, result)
            self._stored()
            self._done += result.records
            if self._progress is not None:
                total = sum(self._hits.values())
                self._progress(Progress(stage="reading CMR", done=self._done, total=total))
        return cursor
