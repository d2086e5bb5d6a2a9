"""Listings from CMR: follows pages to the last one, and yields their records or references."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, Final

from catalog_builder.catalog.cmr.response import Content, Page, References, read_references
from catalog_builder.errors import CmrUnavailableError
from catalog_builder.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from catalog_builder.progress import Reporter

Records = list[dict[str, Any]]

_SHORTEST: Final = 20
"""A listing is given up after this many times the pages that its records need."""

_MOST_HITS: Final = 10**7
"""Largest plausible number of records of a query: ten times those of ATL03."""

_STANDSTILLS: Final = 10
"""Pages in a row with the same paging cursor before the listing is given up."""


def follow_pages(
    read_page: Callable[[str | None], Page[Content]], search_after: str | None, page_size: int
) -> Iterator[Page[Content]]:
    """The pages of a query, until an answer has no paging cursor.

    ``read_page`` reads the page after a paging cursor (``CMR-Search-After``), or the first for
    None; ``search_after`` is the cursor to begin after. Raises
    :class:`~catalog_builder.errors.CmrUnavailableError` if the cursor stays the same, or there are
    far more pages than CMR's count of records can fill.
    """
    standstills = 0
    for number in count(1):
        page = read_page(search_after)
        yield page
        if page.search_after is None:
            return
        if number > 100 + _SHORTEST * min(page.hits, _MOST_HITS) / max(page_size, 1):
            raise CmrUnavailableError(
                f"CMR's listing of {page.hits} records does not end: it has given {number} pages "
                f"of up to {page_size}. Start again later."
            )
        standstills = standstills + 1 if page.search_after == search_after else 0
        if standstills == _STANDSTILLS:
            raise CmrUnavailableError(
                f"CMR's listing of {page.hits} records does not advance: start again later."
            )
        search_after = page.search_after


def listed_references(pages: Iterator[Page[bytes]]) -> Iterator[References]:
    """The concept ids and revisions on each page of a short listing in XML.

    Raises :class:`~catalog_builder.errors.CmrUnavailableError` for a page that cannot be read.
    """
    for page in pages:
        try:
            yield read_references(page.content)
        except (TypeError, ValueError) as error:
            raise CmrUnavailableError(
                f"CMR's listing of {page.hits} records cannot be read ({error}): start again "
                "later."
            ) from error


class Listing:
    """Records of a query: an iterator that holds one page at a time.

    A record that is revised while the listing runs may come twice, the second time, near the end,
    in its new revision (queries sort by revision date): a caller that keys records by concept id
    keeps the later one. The same revision repeated on the next page is skipped.
    """

    def __init__(self, pages: Iterator[Page[Records]], progress: Reporter | None = None) -> None:
        self.hits: int | None = None
        """Number of matching records by CMR's last count; None before the first page. It may
        change while the listing runs."""
        self.read = 0
        """Records yielded so far."""
        self._records = self._stream(pages, progress)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self

    def __next__(self) -> dict[str, Any]:
        return next(self._records)

    def _stream(
        self, pages: Iterator[Page[Records]], progress: Reporter | None
    ) -> Iterator[dict[str, Any]]:
        before: set[str | None] = set()
        for page in pages:
            self.hits = page.hits
            records = page.content
            keys: set[str | None] = {_revision(record) for record in records}
            records.reverse()
            while records:  # emptied as it goes, so that no two pages are held
                record = records.pop()
                if _revision(record) not in before:
                    self.read += 1
                    yield record
            if progress is not None:
                progress(Progress(stage="reading CMR", done=self.read, total=page.hits))
            before = (keys or before) - {None}


def _revision(record: Any) -> str | None:
    """Concept id and revision of a record; None if it lacks one of them."""
    try:
        return f"{record['meta']['concept-id']} {record['meta']['revision-id']}"
    except (KeyError, TypeError):
        return None
