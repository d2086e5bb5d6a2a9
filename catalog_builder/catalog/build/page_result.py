"""The result of a page worker: what it returns to the build for a page of records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from catalog_builder.catalog.build.report import SetAside
from catalog_builder.catalog.index.staging import RowLocation


class RecordIdentity(NamedTuple):
    """A record's id and revision; empty values if they cannot be read."""

    concept: str
    """Concept id."""
    revision: int
    revised: int
    """Date of the revision, microseconds since 1970."""


class ItemRow(NamedTuple):
    """The values of an item that a build needs later."""

    id: str
    partition: int
    """Partition of the index that it belongs to."""
    revised: int
    """Date of the record's revision, microseconds since 1970."""
    revision: int
    """Revision of the record."""
    concept: str
    """Concept id of the record."""
    granule_ur: str
    file: str | None
    """Name of the new item file in the staging directory; None if the published one is equal."""
    was_published: bool
    """True if an item file is published already."""
    reference_keys: str
    """Asset keys of the published reference files that the item keeps, separated by spaces."""
    siblings: str = ""
    """Ids of the siblings that the item names, separated by spaces."""


class PageResult(NamedTuple):
    """The rows of a page, and the records that have none."""

    rows: list[ItemRow]
    locations: list[RowLocation]
    """Where each row lies in the build state."""
    others: list[RecordIdentity]
    """Records without a row: set aside, or outside the box."""
    set_aside: list[SetAside]
    outside: list[str]
    """Concept ids of granules whose footprint does not meet the box."""

    @property
    def records(self) -> int:
        """Number of records in the page."""
        return len(self.rows) + len(self.others)


@dataclass(frozen=True, slots=True)
class PagingCursor:
    """How far the pages of a query have been read."""

    read: int
    """Records read so far, repeated ones included."""
    hits: int
    """Number of records that the query matches, by CMR's last count."""
    search_after: str | None
    """``CMR-Search-After`` for the next page; None before the first page."""
    complete: bool
    """True if there is no next page."""
