"""What a rebuild asks CMR: only what was revised since the last one, and the ids where it must.

A granule that is gone leaves no trace in what was revised. So the number of records that there
should be is held against CMR's count; where they differ, and now and then in any case, all ids and
revisions are listed, a tenth of the bytes of the records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from catalog_builder.catalog.build.id_listing import IdListing
from catalog_builder.atl03 import ID_STEM, stem_of
from catalog_builder.catalog.build.page_worker import ItemRow
from catalog_builder.catalog.build.state import Published, RowStore
from catalog_builder.progress import Progress

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from catalog_builder.catalog.build.report import SetAside
    from catalog_builder.catalog.cmr.client import CmrClient
    from catalog_builder.catalog.cmr.response import References
    from catalog_builder.catalog.cmr.query import GranuleQuery
    from catalog_builder.catalog.build.fetch_pages import Harvest
    from catalog_builder.catalog.build.last_report import LastBuild
    from catalog_builder.progress import Reporter

_IDS: Final = 100
"""Records asked for by id at a time: they stand in a URL."""

_MANY: Final = 20_000
"""Records to be asked for by id, beyond which all are read anew."""

_GROUPS: Final = 50
"""Row groups of an index read at a time: some columns of them."""

_COLUMNS: Final = ("id", "cmr:concept_id", "cmr:revision_id", "updated")


@dataclass(frozen=True, slots=True)
class Asked:
    """What CMR was asked for a rebuild, and said."""

    hits: int
    """Records there are."""
    asked: datetime
    """When it answered first, by its own clock."""
    listed: datetime
    """When all ids were last listed: now, or by an earlier build."""
    set_aside: tuple[SetAside, ...]
    """Records that the last build set aside and that are as they were."""


class Update:
    """One rebuild's reading, and what it finds to be gone."""

    def __init__(
        self,
        cmr: CmrClient,
        query: GranuleQuery,
        last: LastBuild,
        store: RowStore,
        old: pq.ParquetFile,
        progress: Reporter | None,
    ) -> None:
        """``query`` is that of the definition, and ``old`` the published index."""
        self._cmr = cmr
        self._query = query
        self._last = last
        self._store = store
        self._old = old
        self._progress = progress
        self._listing: IdListing | None = None
        self._in_box = query.bounding_box is not None

    def read(self, harvest: Harvest) -> Asked | None:
        """Read what there is to be read; None where all has to be read anew."""
        found = harvest.read([replace(self._query, revised=(self._last.since, None))])
        known = {one.concept_id for one in self._last.set_aside}
        self._hold_published()
        hits = self._cmr.hits(self._query)
        # Of a box, who lies outside is not known: but what is new is in its first revision.
        new = self._store.unknown(known, since=self._last.asked, first_only=self._in_box)
        if hits != self._last.hits + new or self._last.is_due(found.asked):
            if self._in_box:
                return None
            wanted = self._list(known)
            if len(wanted) > _MANY:
                return None
            if wanted:
                parts = [wanted[n : n + _IDS] for n in range(0, len(wanted), _IDS)]
                for part in parts:
                    harvest.read([replace(self._query, concept_ids=tuple(part))])
                self._hold_published()
        return Asked(
            hits=hits,
            asked=found.asked,
            listed=found.asked if self._listing else self._last.listed,
            set_aside=self._still_set_aside(known),
        )

    def gone(self, *, items: bool) -> set[str]:
        """Settle what was read with what is published: ids of published granules to be removed.

        Rows that are published as they are leave the store, and so do those of records that are
        not the ones that count. ``items``: whether items have files, which may differ.
        """
        gone = set(self._store.without_row(read=True))
        if self._listing is not None:
            gone.update(self._listing.gone)
        for row, old in self._store.pairs():
            if old.id in gone:
                pass
            elif row.id != old.id:
                if row.id > old.id:
                    gone.add(old.id)
                else:
                    self._store.drop(row, _better(row, old))
            elif (row.concept, row.revision) == (old.concept, old.revision):
                if row.file is None or not items:
                    self._store.drop(row)
            elif (row.revised, row.revision, row.concept) < (
                old.revised,
                old.revision,
                old.concept,
            ):
                self._store.drop(row, _better(row, old))
        return gone - {row.id for row in self._store.each()}

    def _list(self, known: set[str]) -> list[str]:
        """List all ids; returns those of records that have to be read."""
        listing = self._listing = IdListing(self._references(), self._old)
        gone = {*listing.gone, *self._store.without_row(read=True)}
        # What was set aside for a granule that is gone may take its place.
        again = listing.among(
            one.concept_id
            for one in self._last.set_aside
            if any(word.strip("().,") in gone for word in one.reason.split())
        )
        wanted = {
            concept
            for concept, revision in listing.behind
            if concept not in known and not self._store.was_read(concept, revision)
        }
        return sorted(wanted | again)

    def _references(self) -> Iterator[References]:
        done = 0
        for page in self._cmr.references(self._query):
            done += len(page.concept_ids)
            if self._progress is not None:
                self._progress(Progress(stage="listing ids", done=done, total=self._last.hits))
            yield page

    def _still_set_aside(self, known: set[str]) -> tuple[SetAside, ...]:
        """Records that were set aside and are as they were, as far as is known."""
        there = known if self._listing is None else self._listing.among(known)
        return tuple(
            one
            for one in self._last.set_aside
            if one.concept_id in there and not self._store.was_read(one.concept_id)
        )

    def _hold_published(self) -> None:
        """Take what is published into the store, as far as it may concern what was read."""
        import pyarrow as pa
        import pyarrow.compute as pc

        stems = pa.array([stem_of(row.id) for row in self._store.each()], pa.string())
        concepts = pa.array(self._store.concepts(), pa.string())

        def concerned(table: pa.Table) -> pa.Table:
            stem = pc.utf8_slice_codeunits(table["id"], ID_STEM.start, ID_STEM.stop)
            return table.filter(
                pc.or_(
                    pc.is_in(stem, value_set=stems),
                    pc.is_in(table["cmr:concept_id"], value_set=concepts),
                )
            )

        some = published_rows(self._old, concerned) if len(concepts) else ()
        self._store.hold_published(some)


def published_rows(
    index: pq.ParquetFile, which: Callable[[pa.Table], pa.Table] | None = None
) -> Iterator[Published]:
    """What an index says is published; ``which`` chooses among some of the rows at a time."""
    import pyarrow as pa

    for first in range(0, index.num_row_groups, _GROUPS):
        groups = list(range(first, min(first + _GROUPS, index.num_row_groups)))
        table = index.read_row_groups(groups, columns=list(_COLUMNS)).select(_COLUMNS)
        if which is not None:
            table = which(table)
        *texts, revised = table.columns
        yield from map(
            Published, *(column.to_pylist() for column in (*texts, revised.cast(pa.int64())))
        )


def _better(row: ItemRow, old: Published) -> ItemRow:
    """What is published, as far as it counts for a row that is set aside for it."""
    return row._replace(id=old.id, concept=old.concept, revision=old.revision, revised=old.revised)
