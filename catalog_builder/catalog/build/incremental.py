"""Incremental builds: fetch only records revised since the last build, and list ids if needed.

A removed granule does not appear among the revised records. So the expected number of records is
compared with CMR's count. If they differ, and at least every seven days, the ids and revisions of
all records are listed, which takes a tenth of the bytes of the records.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from catalog_builder.catalog.build.id_listing import IdListing
from catalog_builder.catalog.build.page_result import ItemRow
from catalog_builder.catalog.build.published_rows import PublishedRow, read_published
from catalog_builder.catalog.build.state import BuildState
from catalog_builder.products.granule_name import ID_STEM, stem_of
from catalog_builder.progress import Progress

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from catalog_builder.catalog.build.fetch_pages import PageFetcher
    from catalog_builder.catalog.build.last_report import LastBuild
    from catalog_builder.catalog.build.report import SetAside
    from catalog_builder.catalog.cmr.client import CmrClient
    from catalog_builder.catalog.cmr.query import GranuleQuery
    from catalog_builder.catalog.cmr.response import References
    from catalog_builder.progress import Reporter

_IDS: Final = 100
"""Records that one query fetches by id: the URL contains the ids."""

_MANY: Final = 20_000
"""Most records that are fetched by id; if there are more, all records are fetched."""


@dataclass(frozen=True, slots=True)
class CmrSummary:
    """CMR's counts and times in a build, for its report."""

    hits: int
    """Number of records in CMR."""
    asked: datetime
    """When CMR first answered, by its own clock."""
    listed: datetime
    """When all ids were last listed, in this build or an earlier one."""
    set_aside: tuple[SetAside, ...]
    """Records that the last build set aside and that have not changed since."""


class IncrementalFetch:
    """Fetches what changed since the last build, and finds which granules are to be removed."""

    def __init__(
        self,
        cmr: CmrClient,
        sources: Sequence[tuple[GranuleQuery, PageFetcher]],
        last: LastBuild,
        state: BuildState,
        old: pq.ParquetFile,
        progress: Reporter | None,
    ) -> None:
        """``sources`` are the query of each collection, and what fetches its records.

        ``old`` is the published index.
        """
        self._cmr = cmr
        self._sources = sources
        self._last = last
        self._state = state
        self._old = old
        self._progress = progress
        self._listing: IdListing | None = None
        self._in_box = any(query.bounding_box is not None for query, _ in sources)

    def fetch(self) -> CmrSummary | None:
        """Fetch what changed; returns None if all records must be fetched instead."""
        asked = min(
            fetcher.fetch([replace(query, revised=(self._last.since, None))]).asked
            for query, fetcher in self._sources
        )
        known = {one.concept_id for one in self._last.set_aside}
        self.store_published()
        hits = sum(self._cmr.hits(query) for query, _ in self._sources)
        # With a box, a record may be known and yet not published, since it lies outside the box.
        # Then only first revisions are certainly new.
        new = self._state.published.count_new_records(
            known, since=self._last.asked, first_only=self._in_box
        )
        freed = self._freed(self._state.published.without_row(read=True))
        if hits != self._last.hits + new or freed or self._last.is_due(asked):
            if self._in_box:
                return None
            wanted = self._list(known)
            if len(wanted) > _MANY:
                return None
            if wanted:
                parts = [wanted[n : n + _IDS] for n in range(0, len(wanted), _IDS)]
                for query, fetcher in self._sources:  # each finds its own among them
                    for part in parts:
                        fetcher.fetch([replace(query, concept_ids=tuple(part))])
                self.store_published()
        return CmrSummary(
            hits=hits,
            asked=asked,
            listed=asked if self._listing else self._last.listed,
            set_aside=self._still_set_aside(known),
        )

    def settle(self, *, items: bool) -> set[str]:
        """Drop the rows that change nothing; returns the ids of published granules to remove.

        A row changes nothing if it is published already, or if another record of its granule
        takes precedence. ``items``: True if items have files, which may differ from the published
        ones.
        """
        removed = set(self._state.published.without_row(read=True))
        if self._listing is not None:
            removed.update(self._listing.removed)
        for row, old in self._state.published.pairs():
            if old.id in removed:
                pass
            elif row.id != old.id:
                if row.id > old.id:
                    removed.add(old.id)
                else:
                    self._state.drop(row, _better(row, old))
            elif (row.concept, row.revision) == (old.concept, old.revision):
                if row.file is None or not items:
                    self._state.drop(row)
            elif (row.revised, row.revision, row.concept) < (
                old.revised,
                old.revision,
                old.concept,
            ):
                self._state.drop(row, _better(row, old))
        return removed - {row.id for row in self._state.each()}

    def _list(self, known: set[str]) -> list[str]:
        """List all ids; returns the concept ids of the records to fetch."""
        listing = self._listing = IdListing(self._references(), self._old)
        removed = {*listing.removed, *self._state.published.without_row(read=True)}
        again = listing.among(self._freed(removed))
        wanted = {
            concept
            for concept, revision in listing.newer
            if concept not in known and not self._state.was_read(concept, revision)
        }
        return sorted(wanted | again)

    def _freed(self, removed: Iterable[str]) -> set[str]:
        """Records that were set aside for a granule that is removed now, in any revision of it."""
        stems = set(map(stem_of, removed))
        return {
            one.concept_id
            for one in self._last.set_aside
            if any(stem_of(word.strip("().,")) in stems for word in one.reason.split())
        }

    def _references(self) -> Iterator[References]:
        done = 0
        for query, _ in self._sources:
            for page in self._cmr.references(query):
                done += len(page.concept_ids)
                if self._progress is not None:
                    self._progress(Progress(stage="listing ids", done=done, total=self._last.hits))
                yield page

    def _still_set_aside(self, known: set[str]) -> tuple[SetAside, ...]:
        """Records that the last build set aside and that have not changed since, if known."""
        there = known if self._listing is None else self._listing.among(known)
        return tuple(
            one
            for one in self._last.set_aside
            if one.concept_id in there and not self._state.was_read(one.concept_id)
        )

    def store_published(self) -> None:
        """Store the published rows with the granule or the record of a row that was read."""
        import pyarrow as pa
        import pyarrow.compute as pc

        stems = pa.array([stem_of(row.id) for row in self._state.each()], pa.string())
        concepts = pa.array(self._state.concepts(), pa.string())

        def related(table: pa.Table) -> pa.Table:
            stem = pc.utf8_slice_codeunits(table["id"], ID_STEM.start, ID_STEM.stop)
            return table.filter(
                pc.or_(
                    pc.is_in(stem, value_set=stems),
                    pc.is_in(table["cmr:concept_id"], value_set=concepts),
                )
            )

        some = read_published(self._old, related) if len(concepts) else ()
        self._state.published.replace(some)


def _better(row: ItemRow, old: PublishedRow) -> ItemRow:
    """The published row of a granule, in the form of the row that is set aside for it."""
    return row._replace(id=old.id, concept=old.concept, revision=old.revision, revised=old.revised)
