"""Whether what an interrupted build had read is fit to be gone on with.

It lies in the folder that is published, so it may be damaged, or anyone's: a build that goes on
with it would rename and publish what it says. All of it is looked at once, before any of it is
used; where something cannot be what a build wrote, all is read from CMR again.
"""

from __future__ import annotations

import logging
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import orjson

from catalog_builder.atl03 import BEAMS
from catalog_builder.catalog.index.partitions import partitions_of
from catalog_builder.catalog.index.schema import item_schema
from catalog_builder.catalog.index.to_arrow import to_items
from catalog_builder.catalog.stac.layout import stem_of
from catalog_builder.catalog.build.page_worker import ItemRow
from catalog_builder.catalog.index.lookup import is_granule_id
from catalog_builder.catalog.index.staging import RowLocation, read_checked_rows
from catalog_builder.catalog.build.state import database, empty_database
from catalog_builder.errors import CatalogError

_log = logging.getLogger(__name__)

_SUFFIX: Final = re.compile(r"(\.[0-9a-f]{16})?")
"""What an item's name may have after ``.json`` while it lies aside."""

_CURSOR: Final = re.compile(r"[!-~]+")
"""What is sent to CMR as a header."""

_COLUMNS: Final = {
    "other": (str, int, int),
    "set_aside": (str, str, str),
    "listing": (str, int, int, str | None, int),
    "outside": (str,),
    "fact": (str, str),
    "published": (str, str, int, int, str),
}
"""Types of the columns of all tables but that of rows."""


def is_sound(folder: Path, purpose: str, item_of: Callable[[ItemRow], bytes | None]) -> bool:
    """Whether the rows in a folder are a build's of this purpose, each of them as it was written.

    ``item_of`` reads the item file that was written for a row. Raises
    :class:`~catalog_builder.errors.FolderError` for a link, or anything else, in the place of the
    database.
    """
    path = database(folder)
    try:
        with closing(sqlite3.connect(path)) as data:
            data.execute("PRAGMA trusted_schema = OFF")
            _require_schema(data)
            facts = dict(data.execute("SELECT name, value FROM fact"))
            if facts.get("purpose") != purpose:
                return False
            if "asked" in facts and datetime.fromisoformat(facts["asked"]).tzinfo is None:
                raise ValueError("a time without a zone")
            _require_types(data)
            _require_rows(data, folder, item_of)
    except (sqlite3.Error, CatalogError, ValueError, TypeError, OverflowError) as error:
        _log.warning(
            "What an interrupted build left in %s cannot be used (%s): all is read again.",
            folder,
            error,
        )
        return False
    return True


def _require_schema(data: sqlite3.Connection) -> None:
    """Raise ValueError for a table, index, view or trigger that is none of ours, or lacks."""
    ask = "SELECT type, name, tbl_name, sql FROM sqlite_master"
    with closing(empty_database()) as ours:
        wanted = set(ours.execute(ask))
    found = set(data.execute(ask))
    tables = {one for one in wanted if one[0] != "index"}
    if not tables <= found <= wanted:
        raise ValueError("its database has other tables")
    for (fault,) in data.execute("PRAGMA quick_check"):
        if fault != "ok":
            raise ValueError(f"its database is damaged: {fault}")


def _require_types(data: sqlite3.Connection) -> None:
    for table, types in _COLUMNS.items():
        for values in data.execute(f"SELECT * FROM {table}"):
            if not all(map(isinstance, values, types)):
                raise ValueError(f"{table} holds {values!r}")
    for (cursor,) in data.execute("SELECT search_after FROM listing"):
        if cursor is not None and not _CURSOR.fullmatch(cursor):
            raise ValueError(f"a listing goes on after {cursor!r}")


def _require_rows(
    data: sqlite3.Connection, folder: Path, item_of: Callable[[ItemRow], bytes | None]
) -> None:
    """Raise ValueError for a row that no build writes, or that its page holds otherwise."""
    schema = item_schema(beams=True)
    for _, of_page in groupby(_rows(data), key=lambda one: one[1].page):
        rows, locations = zip(*of_page, strict=True)
        found = read_checked_rows(folder, locations, schema)
        if found["id"].to_pylist() != [row.id for row in rows] or (
            partitions_of(found).tolist() != [row.partition for row in rows]
        ):
            raise ValueError("rows lie elsewhere")
        for row, item in zip(rows, to_items(found), strict=True):
            if row.file is not None and orjson.loads(item_of(row) or b"") != item:
                raise ValueError(f"the item {row.file} is another")


def _rows(data: sqlite3.Connection) -> Iterator[tuple[ItemRow, RowLocation]]:
    for values in data.execute("SELECT * FROM row ORDER BY page, batch, number"):
        row, stem = ItemRow(*values[: len(ItemRow._fields)]), values[-1]
        location = RowLocation(*values[len(ItemRow._fields) : -1])
        if not _is_row(row) or stem != stem_of(row.id):
            raise ValueError(f"a row is {values!r}")
        if not all(isinstance(one, int) and one >= 0 for one in location):
            raise ValueError(f"a row lies at {location!r}")
        yield row, location


def _is_row(row: ItemRow) -> bool:
    """Whether a row is one that a build writes."""

    def are(kind: Any, *values: Any) -> bool:
        return all(isinstance(value, kind) for value in values)

    return (
        are(str, row.id, row.concept, row.granule_ur, row.beams)
        and are(int, row.partition, row.revised, row.revision, row.was_published)
        and is_granule_id(row.id)
        and set(row.beams.split()) <= set(BEAMS)
        and (
            row.file is None
            or (
                isinstance(row.file, str)
                and row.file.startswith(f"{row.id}.json")
                and bool(_SUFFIX.fullmatch(row.file.removeprefix(f"{row.id}.json")))
            )
        )
    )
