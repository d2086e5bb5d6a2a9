"""Published rows: the granules of the old index, compared with those that a build has read."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from catalog_builder.catalog.build.page_result import ItemRow
from catalog_builder.catalog.build.state_database import PUBLISHED_INDEXES
from catalog_builder.catalog.stac.sibling_links import PROPERTIES
from catalog_builder.errors import CatalogError
from catalog_builder.products.granule_name import is_granule_id, pass_of, stem_of

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_GROUPS: Final = 50
"""Row groups of the index that are read at a time."""

_COLUMNS: Final = ("id", "cmr:concept_id", "cmr:revision_id", "updated")
_NUMBERS: Final = {"cmr:revision_id": "int64", "updated": "int64"}
"""Types of those that are no text."""


class PublishedRow(NamedTuple):
    """One granule of the old index."""

    id: str
    concept: str
    """Concept id of its record."""
    revision: int
    """Revision of the record that the item was made from."""
    revised: int
    """Date of that revision, microseconds since 1970."""
    siblings: str = ""
    """Ids of the siblings that the item names, separated by spaces."""


@contextmanager
def damaged_index_refused() -> Iterator[None]:
    """Raise CatalogError for errors of pyarrow while it reads a damaged index."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, MemoryError) or getattr(error, "errno", None) is not None:
            raise  # the index is not damaged: the disk or the memory is full
        words = " ".join(str(error).split())
        raise CatalogError(
            f"The published index is damaged ({words}): build with --full (full=True)."
        ) from error


def read_published(
    index: pq.ParquetFile, choose: Callable[[pa.Table], pa.Table] | None = None
) -> Iterator[PublishedRow]:
    """Read the rows of an index; ``choose`` filters them, some row groups at a time.

    Raises :class:`~catalog_builder.errors.CatalogError` for a damaged index.
    """
    import pyarrow as pa

    named = [name for name in PROPERTIES if name in index.schema_arrow.names]
    for first in range(0, index.num_row_groups, _GROUPS):
        groups = list(range(first, min(first + _GROUPS, index.num_row_groups)))
        with damaged_index_refused():
            columns = [*_COLUMNS, *named]
            table = index.read_row_groups(groups, columns=columns).select(columns)
            table = table.cast(pa.schema([(n, _NUMBERS.get(n, "string")) for n in columns]))
            if table["id"].null_count:
                raise pa.ArrowInvalid("a row has no id")
        if choose is not None:
            table = choose(table)
        siblings = [
            " ".join(filter(None, row.values())) for row in table.select(named).to_pylist()
        ]
        yield from map(
            PublishedRow,
            *(column.to_pylist() for column in table.select(_COLUMNS).columns),
            siblings or [""] * len(table),
        )


def read_published_passes(
    index: pq.ParquetFile | None, touched: Collection[str]
) -> Iterator[PublishedRow]:
    """Read the rows of an index, but those of ``touched`` granules, that are of their passes.

    A pass is a track in a cycle and a region, in any collection. Yields nothing without an index,
    nor rows whose id is none. Raises :class:`~catalog_builder.errors.CatalogError` for a damaged
    index.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    passes = pa.array(sorted(set(map(pass_of, touched))), pa.string())

    def of_passes(table: pa.Table) -> pa.Table:
        names = [pass_of(one) for one in table["id"].to_pylist()]
        return table.filter(pc.is_in(pa.array(names, pa.string()), value_set=passes))

    if index is not None and len(passes):
        for row in read_published(index, of_passes):
            if row.id not in touched and is_granule_id(row.id):
                yield row


def count_collections(index: pq.ParquetFile) -> Counter[str]:
    """Number of rows of each collection in an index.

    Raises :class:`~catalog_builder.errors.CatalogError` for a damaged index.
    """
    import pyarrow.compute as pc

    with damaged_index_refused():
        counts = pc.value_counts(index.read(columns=["collection"])["collection"])
    return Counter({str(one["values"]): int(one["counts"]) for one in counts.to_pylist()})


class PublishedRows:
    """The published rows in the database of a build state."""

    def __init__(self, data: sqlite3.Connection) -> None:
        self._data = data

    def replace(self, rows: Iterable[PublishedRow]) -> None:
        """Store these rows in place of all others."""
        with self._data:
            self._data.execute("DELETE FROM published")
            self._data.executemany(
                "INSERT INTO published VALUES (?, ?, ?, ?, ?, ?)",
                ((*row, stem_of(row.id)) for row in rows),
            )
        self._data.executescript(PUBLISHED_INDEXES)

    def pairs(self) -> list[tuple[ItemRow, PublishedRow]]:
        """Each row of the build with each published row of its granule, in any revision."""
        found = self._data.execute(
            "SELECT published.id, published.concept, published.revision, published.revised, "
            "published.siblings, row.* "
            "FROM row JOIN published USING (stem) ORDER BY row.id, published.id"
        )
        count = len(PublishedRow._fields)
        return [
            (ItemRow(*one[count : count + len(ItemRow._fields)]), PublishedRow(*one[:count]))
            for one in found
        ]

    def has(self, granule: str) -> bool:
        """True if a granule is among them."""
        query = "SELECT count(*) FROM published WHERE stem = ? AND id = ?"
        return bool(self._data.execute(query, (stem_of(granule), granule)).fetchone()[0])

    def without_row(self, *, read: bool) -> list[str]:
        """Ids of published granules without a row in the build.

        ``read``: only granules whose record the build has read.
        """
        found = self._data.execute(
            "SELECT id FROM published WHERE NOT EXISTS (SELECT 1 FROM row "
            "WHERE row.stem = published.stem AND row.id = published.id) "
            "AND (NOT ? OR concept IN (SELECT concept FROM record))",
            (read,),
        )
        return [one for (one,) in found]

    def count_new_records(
        self, known: Collection[str], *, since: datetime, first_only: bool
    ) -> int:
        """Number of records read that are neither published nor among these concept ids.

        ``first_only``: count only first revisions of records, dated after ``since``.
        """
        found = self._data.execute(
            "SELECT DISTINCT concept FROM record WHERE concept NOT IN "
            "(SELECT concept FROM published) AND (NOT ? OR (revision = 1 AND revised > ?))",
            (first_only, round(since.timestamp() * 1_000_000)),
        )
        return sum(concept not in known for (concept,) in found)

    def added(self) -> Iterator[str]:
        """Ids of the rows of the build that are not published."""
        return self._ids("published.id IS NULL")

    def changed(self) -> Iterator[str]:
        """Ids of the rows of the build that are published from another record, or otherwise."""
        return self._ids(
            "(published.concept, published.revision, published.siblings) "
            "!= (row.concept, row.revision, row.siblings)"
        )

    def _ids(self, condition: str) -> Iterator[str]:
        query = (
            "SELECT row.id FROM row LEFT JOIN published ON published.stem = row.stem "
            f"AND published.id = row.id WHERE {condition}"
        )
        return (granule for (granule,) in self._data.execute(query))
