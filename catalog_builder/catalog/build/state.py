"""The build state: what a build has read so far, on disk, so that memory stays small.

Page workers write the rows of each page to a file (:mod:`~catalog_builder.catalog.index.staging`).
A SQLite database records where each row lies, and the records that were read. A page is committed
as a whole, so a build that was interrupted or crashed is resumed after its last page.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final, Self

import numpy as np

from catalog_builder.catalog.build.page_result import (
    ItemRow,
    PageResult,
    PagingCursor,
    RecordIdentity,
)
from catalog_builder.catalog.build.published_rows import PublishedRows
from catalog_builder.catalog.build.report import SetAside
from catalog_builder.catalog.build.state_database import (
    RECORD_INDEXES,
    ROW_INDEXES,
    open_database,
)
from catalog_builder.catalog.index.partitions import Partitions
from catalog_builder.catalog.index.staging import RowLocation
from catalog_builder.catalog.stac.layout import optional_assets
from catalog_builder.products.granule_name import stem_of

_PAGE: Final = re.compile(r"[0-9]{6}")


class BuildState:
    """The rows and records of a build, in a folder. Not for several threads at once."""

    def __init__(self, folder: Path) -> None:
        """Open the folder; an existing state must have been checked (:mod:`.state_checks`).

        Raises :class:`~catalog_builder.errors.FolderError` if a link, or anything else, lies at
        the path of one of its files.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.dropped: list[ItemRow] = []
        """Rows that were removed."""
        self._data = open_database(folder)
        self.published = PublishedRows(self._data)
        """Rows of the old index that were stored here."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database."""
        self._data.close()

    def cursor(self, query: str) -> PagingCursor:
        """How far the pages of a query, given by its URL, have been read."""
        found = self._data.execute(
            "SELECT read, hits, search_after, whole FROM listing WHERE query = ?", (query,)
        ).fetchone()
        read, hits, search_after, complete = found or (0, 0, None, False)
        return PagingCursor(read, hits, search_after, bool(complete))

    def add(self, query: str, cursor: PagingCursor, page: PageResult) -> None:
        """Store the result of a page and the cursor after it, in one transaction."""
        with self._data:
            self._insert(
                (*row, *location, stem_of(row.id))
                for row, location in zip(page.rows, page.locations, strict=True)
            )
            self._add_others(page.others)
            self._set_aside((one.granule_ur, one.concept_id, one.reason) for one in page.set_aside)
            self._data.executemany(
                "INSERT OR IGNORE INTO outside VALUES (?)", ((one,) for one in page.outside)
            )
            self._data.execute(
                "INSERT OR REPLACE INTO listing VALUES (?, ?, ?, ?, ?)",
                (query, cursor.read, cursor.hits, cursor.search_after, cursor.complete),
            )

    @property
    def next_page(self) -> int:
        """Number of the next page, for which there is no file of rows yet."""
        names = (path.name for path in self.folder.iterdir())
        return max(map(int, filter(_PAGE.fullmatch, names)), default=0) + 1

    @property
    def records(self) -> int:
        """Number of different records that were read."""
        return self._count("SELECT count(DISTINCT concept) FROM record")

    @property
    def outside(self) -> int:
        """Number of granules whose footprint does not meet the box."""
        return self._count("SELECT count(*) FROM outside")

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self._count("SELECT count(*) FROM row")

    def rows_of(self, collection: str) -> int:
        """Number of rows of a collection."""
        name, release = collection.split("_")
        return self._count("SELECT count(*) FROM row WHERE id GLOB ?", f"{name}[_-]*_{release}_??")

    def has(self, granule: str) -> bool:
        """True if there is a row of this id."""
        return bool(
            self._count(
                "SELECT count(*) FROM row WHERE stem = ? AND id = ?", stem_of(granule), granule
            )
        )

    def added(self, *, items: bool) -> Iterator[str]:
        """Ids of the rows that are not published.

        ``items``: True to compare with published item files, else with :attr:`published`.
        """
        return self._ids("NOT was_published") if items else self.published.added()

    def changed(self, *, items: bool) -> Iterator[str]:
        """Ids of the rows that differ from what is published; ``items`` as in :meth:`added`."""
        if items:
            return self._ids("was_published AND file IS NOT NULL")
        return self.published.changed()

    def variants(self) -> list[ItemRow]:
        """Rows whose new item file is a variant, with a suffix in its name."""
        found = self._data.execute("SELECT * FROM row WHERE file != id || '.json'")
        return [_row(one) for one in found]

    def writes(self, granule: str) -> bool:
        """True if there is a row of this id with a new item file."""
        query = "SELECT count(*) FROM row WHERE stem = ? AND id = ? AND file IS NOT NULL"
        return bool(self._count(query, stem_of(granule), granule))

    def drop_duplicates(self) -> None:
        """Keep one row of each granule: its highest revision, from the latest record of that.

        Records of the other rows are set aside.
        """
        self._data.executescript(ROW_INDEXES)
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
                    self._note_dropped(row, best[1])

    def drop(self, row: ItemRow, better: ItemRow | None = None, reason: str = "") -> None:
        """Remove a row; its record is set aside for a reason, or if there is a ``better`` row."""
        with self._data:
            self._data.execute(
                "DELETE FROM row WHERE stem = ? AND id = ?", (stem_of(row.id), row.id)
            )
            self._note_dropped(row, better, reason)

    def add_set_aside(self, granule_ur: str, concept: str, reason: str) -> None:
        """Set aside a record that was not read."""
        with self._data:
            self._set_aside([(granule_ur, concept, reason)])

    def remember(self, name: str, value: str) -> None:
        """Store a named fact, in case the build is resumed."""
        with self._data:
            self._data.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, value))

    def fact(self, name: str) -> str | None:
        """A stored fact."""
        found = self._data.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return found[0] if found else None

    def reference_keys(self, granule: str) -> list[str]:
        """Asset keys of the reference files that the item of a row keeps."""
        found = self._data.execute(
            "SELECT reference_keys FROM row WHERE stem = ? AND id = ?", (stem_of(granule), granule)
        ).fetchone()
        return found[0].split() if found else []

    def concepts(self) -> list[str]:
        """Concept ids of the records that were read."""
        found = self._data.execute("SELECT DISTINCT concept FROM record ORDER BY concept")
        return [one for (one,) in found]

    def was_read(self, concept: str, revision: int = 0) -> bool:
        """True if a record was read, in this revision or a later one."""
        self._data.executescript(RECORD_INDEXES)
        query = "SELECT count(*) FROM record WHERE concept = ? AND revision >= ?"
        return bool(self._count(query, concept, revision))

    def set_aside(self) -> tuple[SetAside, ...]:
        """Records that cannot be used, sorted."""
        found = self._data.execute("SELECT DISTINCT * FROM set_aside ORDER BY 1, 2, 3")
        return tuple(SetAside(granule_ur=a, concept_id=b, reason=c) for a, b, c in found)

    def most_frequent_reason(self) -> str | None:
        """The reason for which most records are set aside; None if none is."""
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

    def any_siblings(self) -> bool:
        """True if the item of a row names siblings."""
        return bool(self._count("SELECT count(*) FROM row WHERE siblings != ''"))

    def replace_rows(self, rows: Iterable[tuple[ItemRow, RowLocation]]) -> None:
        """Store these rows, each in place of that of its id, if there is one."""
        with self._data:
            for row, location in rows:
                stem = stem_of(row.id)
                self._data.execute("DELETE FROM row WHERE stem = ? AND id = ?", (stem, row.id))
                self._insert([(*row, *location, stem)])

    def partitions(self) -> tuple[Partitions, Partitions]:
        """The partitions of the index that hold rows, sorted, and how many rows each holds."""
        found = self._data.execute(
            "SELECT partition, count(*) FROM row GROUP BY partition ORDER BY partition"
        )
        pairs = np.array(found.fetchall(), dtype=np.int64).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]

    def locations(self, first: int, stop: int) -> list[RowLocation]:
        """Where the rows of the partitions ``first`` to ``stop - 1`` lie, sorted."""
        found = self._data.execute(
            "SELECT page, batch, number FROM row WHERE partition >= ? AND partition < ? "
            "ORDER BY page, batch, number",
            (first, stop),
        )
        return list(map(RowLocation._make, found))

    def any_beams(self) -> bool:
        """True if a row is of an indexed granule."""
        return bool(self._count("SELECT count(*) FROM row WHERE reference_keys != ''"))

    def extra_assets(self) -> frozenset[str]:
        """The assets that items of rows keep and few catalogs have."""
        found = self._data.execute("SELECT DISTINCT reference_keys FROM row").fetchall()
        return optional_assets(key for (keys,) in found for key in keys.split())

    def _insert(self, rows: Iterable[tuple[Any, ...]]) -> None:
        marks = ", ".join("?" * (len(ItemRow._fields) + len(RowLocation._fields) + 1))
        self._data.executemany(f"INSERT INTO row VALUES ({marks})", rows)

    def _note_dropped(self, row: ItemRow, better: ItemRow | None, reason: str = "") -> None:
        """Note that a row was removed; its record still counts as read."""
        self._add_others([RecordIdentity(row.concept, row.revision, row.revised)])
        if better is not None and row.concept != better.concept:  # else revised meanwhile
            if row.id == better.id:
                reason = f"{better.concept} is a later record of the same granule, {better.id}."
            else:
                reason = f"{better.id} ({better.concept}) is a later revision of the same granule."
        if reason:
            self._set_aside([(row.granule_ur, row.concept, reason)])
        self.dropped.append(row)

    def _add_others(self, records: Iterable[RecordIdentity]) -> None:
        self._data.executemany("INSERT INTO other VALUES (?, ?, ?)", records)

    def _set_aside(self, records: Iterable[tuple[str, str, str]]) -> None:
        self._data.executemany("INSERT INTO set_aside VALUES (?, ?, ?)", records)

    def _ids(self, condition: str) -> Iterator[str]:
        found = self._data.execute(f"SELECT id FROM row WHERE {condition}")
        return (granule for (granule,) in found)

    def _count(self, query: str, *values: str | int) -> int:
        return int(self._data.execute(query, values).fetchone()[0])


def _row(values: Sequence[Any]) -> ItemRow:
    """The row in the first columns of a line of the table."""
    return ItemRow(*values[: len(ItemRow._fields)])
