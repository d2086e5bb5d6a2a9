"""What a build has read so far, on disk: so that memory does not grow with the catalog.

Rows lie in a file a page (:mod:`row_pages`), as the workers wrote them; a small database knows
where, and settles which of several records of a granule counts. It survives a process that dies:
what is committed of a page is whole, and a build goes on after it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import numpy as np

from catalog_builder.catalog.build.report import SetAside
from catalog_builder.catalog.index.partitions import Cells
from catalog_builder.atl03 import stem_of
from catalog_builder.catalog.build.page_worker import Identity, ItemRow, PageWork
from catalog_builder.catalog.index.staging import RowPlace

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS row (
    id TEXT, cell INTEGER, revised INTEGER, revision INTEGER, concept TEXT, granule_ur TEXT,
    file TEXT, was_published INTEGER, beams TEXT,
    page INTEGER, batch INTEGER, number INTEGER, stem TEXT);
CREATE TABLE IF NOT EXISTS other (concept TEXT, revision INTEGER, revised INTEGER);
CREATE VIEW IF NOT EXISTS record AS
    SELECT concept, revision, revised FROM row UNION ALL SELECT * FROM other;
CREATE TABLE IF NOT EXISTS set_aside (granule_ur TEXT, concept_id TEXT, reason TEXT);
CREATE TABLE IF NOT EXISTS listing (
    query TEXT PRIMARY KEY, read INTEGER, hits INTEGER, search_after TEXT, whole INTEGER);
CREATE TABLE IF NOT EXISTS outside (concept TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS published (id TEXT, concept TEXT, revision INTEGER, revised INTEGER,
    stem TEXT);
"""
_INDEXES: Final = """
CREATE INDEX IF NOT EXISTS by_stem ON row (stem);
CREATE INDEX IF NOT EXISTS by_place ON row (cell, page, batch, number);
"""
_INDEXES_OF_RECORDS: Final = """
CREATE INDEX IF NOT EXISTS row_by_concept ON row (concept);
CREATE INDEX IF NOT EXISTS other_by_concept ON other (concept);
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the listing of a query has come."""

    read: int
    """Records given so far, repeated ones included."""
    hits: int
    """Records that CMR said, last, the query matches."""
    search_after: str | None
    """Where it goes on; None before its first page."""
    whole: bool


class Published(NamedTuple):
    """A granule that is published already."""

    id: str
    concept: str
    revision: int
    """Revision of the record that its item was made from."""
    revised: int
    """Date of that revision, microseconds since 1970."""


class RowStore:
    """The rows and records of a build, in a folder of its own. Not shared between threads."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.lost: list[ItemRow] = []
        """Rows that were taken out."""
        self._data = sqlite3.connect(folder / "rows.sqlite", check_same_thread=False)
        self._data.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA cache_size=-8000;" + _TABLES
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        self._data.close()

    def standing(self, query: str) -> Standing:
        """How far the listing of a query has come."""
        found = self._data.execute(
            "SELECT read, hits, search_after, whole FROM listing WHERE query = ?", (query,)
        ).fetchone()
        read, hits, search_after, whole = found or (0, 0, None, False)
        return Standing(read, hits, search_after, bool(whole))

    def add(self, query: str, standing: Standing, work: PageWork) -> None:
        """Take in what became of a page, and how far its query has come with it: both or none."""
        with self._data:
            marks = ", ".join("?" * (len(ItemRow._fields) + len(RowPlace._fields) + 1))
            self._data.executemany(
                f"INSERT INTO row VALUES ({marks})",
                (
                    (*row, *place, stem_of(row.id))
                    for row, place in zip(work.rows, work.places, strict=True)
                ),
            )
            self._others(work.others)
            self._data.executemany(
                "INSERT INTO set_aside VALUES (?, ?, ?)",
                ((one.granule_ur, one.concept_id, one.reason) for one in work.set_aside),
            )
            self._data.executemany(
                "INSERT OR IGNORE INTO outside VALUES (?)", ((one,) for one in work.outside)
            )
            self._data.execute(
                "INSERT OR REPLACE INTO listing VALUES (?, ?, ?, ?, ?)",
                (
                    query,
                    standing.read,
                    standing.hits,
                    standing.search_after,
                    standing.whole,
                ),
            )

    @property
    def next_page(self) -> int:
        """Number of the next page: no file of rows has it yet."""
        return max((int(path.name) for path in self.folder.glob("[0-9]*")), default=0) + 1

    @property
    def records(self) -> int:
        """Records that were read, each once."""
        return self._count("SELECT count(DISTINCT concept) FROM record")

    @property
    def outside(self) -> int:
        """Granules whose footprint does not meet the box."""
        return self._count("SELECT count(*) FROM outside")

    @property
    def rows(self) -> int:
        """Rows there are."""
        return self._count("SELECT count(*) FROM row")

    def has(self, granule: str) -> bool:
        """Whether there is a row of this id."""
        return bool(
            self._count(
                "SELECT count(*) FROM row WHERE stem = ? AND id = ?", stem_of(granule), granule
            )
        )

    def fresh(self, *, items: bool, new: bool) -> Iterator[str]:
        """Ids of the rows that are new, or else of those that are other than what is published.

        ``items``: whether items have files, which tell; else what was taken in as published does.
        """
        query = f"SELECT row.id FROM {_fresh(items=items, new=new)}"
        return (granule for (granule,) in self._data.execute(query))

    def fresh_count(self, *, items: bool, new: bool) -> int:
        """How many those are."""
        return self._count(f"SELECT count(*) FROM {_fresh(items=items, new=new)}")

    def misnamed(self) -> list[ItemRow]:
        """Rows whose item lies beside its place under another name than its own."""
        found = self._data.execute("SELECT * FROM row WHERE file != id || '.json'")
        return [_row(one) for one in found]

    def writes(self, granule: str) -> bool:
        """Whether there is a row of this id whose item has a file that differs."""
        query = "SELECT count(*) FROM row WHERE stem = ? AND id = ? AND file IS NOT NULL"
        return bool(self._count(query, stem_of(granule), granule))

    def settle(self) -> None:
        """Keep one row of each granule: its highest revision, as its latest record has it.

        The others are set aside where they are records of their own.
        """
        self._data.executescript(_INDEXES)
        with self._data:
            doubled = self._data.execute("SELECT stem FROM row GROUP BY stem HAVING count(*) > 1")
            for (stem,) in doubled.fetchall():
                found = self._data.execute(
                    "SELECT rowid, * FROM row WHERE stem = ? "
                    "ORDER BY id, revised, revision, concept, rowid",
                    (stem,),
                ).fetchall()
                *others, best = [(rowid, _row(one)) for rowid, *one in found]
                for rowid, row in others:
                    self._data.execute("DELETE FROM row WHERE rowid = ?", (rowid,))
                    self._lose(row, best[1])

    def drop(self, row: ItemRow, better: ItemRow | None = None) -> None:
        """Take out a row; it is set aside where another record of its granule is better."""
        with self._data:
            self._data.execute(
                "DELETE FROM row WHERE stem = ? AND id = ?", (stem_of(row.id), row.id)
            )
            self._lose(row, better)

    def remember(self, name: str, value: str) -> None:
        """Keep a fact of the build, for when it is gone on with."""
        with self._data:
            self._data.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, value))

    def fact(self, name: str) -> str | None:
        """A fact that was kept."""
        found = self._data.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return found[0] if found else None

    def hold_published(self, rows: Iterable[Published]) -> None:
        """Take in what is published already, to be held against what was read."""
        with self._data:
            self._data.execute("DELETE FROM published")
            self._data.executemany(
                "INSERT INTO published VALUES (?, ?, ?, ?, ?)",
                ((*row, stem_of(row.id)) for row in rows),
            )
        self._data.executescript(
            "CREATE INDEX IF NOT EXISTS published_by_stem ON published (stem);"
            "CREATE INDEX IF NOT EXISTS published_by_concept ON published (concept);"
        )

    def beams(self, granule: str) -> list[str]:
        """Beams whose reference sets the item of a row keeps."""
        found = self._data.execute(
            "SELECT beams FROM row WHERE stem = ? AND id = ?", (stem_of(granule), granule)
        ).fetchone()
        return found[0].split() if found else []

    def pairs(self) -> list[tuple[ItemRow, Published]]:
        """Rows, each with what is published of its granule."""
        found = self._data.execute(
            "SELECT published.id, published.concept, published.revision, published.revised, row.* "
            "FROM row JOIN published USING (stem) ORDER BY row.id, published.id"
        )
        count = len(Published._fields)
        return [(_row(one[count:]), Published(*one[:count])) for one in found]

    def without_row(self, *, read: bool) -> list[str]:
        """Ids of published granules that have no row; with ``read``, if their record was read."""
        found = self._data.execute(
            "SELECT id FROM published WHERE NOT EXISTS (SELECT 1 FROM row "
            "WHERE row.stem = published.stem AND row.id = published.id) "
            "AND (NOT ? OR concept IN (SELECT concept FROM record))",
            (read,),
        )
        return [one for (one,) in found]

    def unknown(self, known: Collection[str], *, since: datetime, first_only: bool) -> int:
        """How many records were read that are not published, nor among these concept ids.

        ``first_only`` counts only those in their first revision, and revised after ``since``.
        """
        found = self._data.execute(
            "SELECT DISTINCT concept FROM record WHERE concept NOT IN "
            "(SELECT concept FROM published) AND (NOT ? OR (revision = 1 AND revised > ?))",
            (first_only, round(since.timestamp() * 1_000_000)),
        )
        return sum(concept not in known for (concept,) in found)

    def concepts(self) -> list[str]:
        """Concept ids of the records that were read."""
        found = self._data.execute("SELECT DISTINCT concept FROM record ORDER BY concept")
        return [one for (one,) in found]

    def was_read(self, concept: str, revision: int = 0) -> bool:
        """Whether a record was read, in this revision or a later one."""
        self._data.executescript(_INDEXES_OF_RECORDS)
        query = "SELECT count(*) FROM record WHERE concept = ? AND revision >= ?"
        return bool(self._count(query, concept, revision))

    def _lose(self, row: ItemRow, better: ItemRow | None) -> None:
        """Note a row that was taken out; its record was read all the same."""
        self._others([Identity(row.concept, row.revision, row.revised)])
        if better is not None:
            self._set_aside_for(row, better)
        self.lost.append(row)

    def _others(self, records: Iterable[Identity]) -> None:
        self._data.executemany("INSERT INTO other VALUES (?, ?, ?)", records)

    def _set_aside_for(self, row: ItemRow, better: ItemRow) -> None:
        if row.concept == better.concept:
            return  # it was revised while the listing ran
        if row.id == better.id:
            reason = f"{better.concept} is a later record of the same granule, {better.id}."
        else:
            reason = f"{better.id} ({better.concept}) is a later revision of the same granule."
        self._data.execute(
            "INSERT INTO set_aside VALUES (?, ?, ?)", (row.granule_ur, row.concept, reason)
        )

    def set_aside(self) -> tuple[SetAside, ...]:
        """Records that cannot be used, in an order that does not depend on CMR's."""
        found = self._data.execute("SELECT DISTINCT * FROM set_aside ORDER BY 1, 2, 3")
        return tuple(SetAside(granule_ur=a, concept_id=b, reason=c) for a, b, c in found)

    def usual_reason(self) -> str | None:
        """Why most of the records are set aside that are."""
        with closing(
            self._data.execute(
                "SELECT reason FROM set_aside GROUP BY reason ORDER BY count(*) DESC, reason"
            )
        ) as found:
            first = found.fetchone()
        return first[0] if first else None

    def each(self) -> Iterator[ItemRow]:
        """All rows, by id."""
        return map(_row, self._data.execute("SELECT * FROM row ORDER BY id"))

    def cells(self) -> tuple[Cells, Cells]:
        """Which cells of the index rows are in, sorted, and how many are in each."""
        found = self._data.execute("SELECT cell, count(*) FROM row GROUP BY cell ORDER BY cell")
        pairs = np.array(found.fetchall(), dtype=np.int64).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]

    def places(self, low: int, high: int) -> list[RowPlace]:
        """Where the rows lie that are in these cells, the last one not included; sorted."""
        found = self._data.execute(
            "SELECT page, batch, number FROM row WHERE cell >= ? AND cell < ? "
            "ORDER BY page, batch, number",
            (low, high),
        )
        return list(map(RowPlace._make, found))

    def any_beams(self) -> bool:
        """Whether a row is of an indexed granule."""
        return bool(self._count("SELECT count(*) FROM row WHERE beams != ''"))

    def _count(self, query: str, *values: str | int) -> int:
        return int(self._data.execute(query, values).fetchone()[0])


def _fresh(*, items: bool, new: bool) -> str:
    """Which rows are new, or other than what is published."""
    if items:
        return f"row WHERE {'NOT was_published' if new else 'was_published AND file IS NOT NULL'}"
    joined = (
        "row LEFT JOIN published ON published.stem = row.stem AND published.id = row.id WHERE "
    )
    if new:
        return joined + "published.id IS NULL"
    return joined + "(published.concept, published.revision) != (row.concept, row.revision)"


def _row(values: Sequence[Any]) -> ItemRow:
    """A line of the table, of which the first columns are a row's."""
    return ItemRow(*values[: len(ItemRow._fields)])
