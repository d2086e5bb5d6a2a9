"""Checks the build state that an interrupted build left, before a new build resumes it.

The state lies in the published folder, so it may be damaged or forged, and a build that resumes it
publishes the files that it names. So all of it is checked before any of it is used. If anything in
it cannot come from a build, all records are fetched from CMR again.
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

from catalog_builder.catalog.build.page_result import ItemRow
from catalog_builder.catalog.build.state_database import database_path, empty_database
from catalog_builder.catalog.index.partitions import partitions_of
from catalog_builder.catalog.index.schema import item_schema
from catalog_builder.catalog.index.staging import RowLocation, read_checked_rows
from catalog_builder.catalog.index.to_arrow import to_items
from catalog_builder.catalog.stac.layout import REFERENCE_KEYS, optional_assets
from catalog_builder.errors import CatalogError
from catalog_builder.products.granule_name import is_granule_id, stem_of

_log = logging.getLogger(__name__)

_SUFFIX: Final = re.compile(r"(\.[0-9a-f]{16})?")
"""Possible suffixes after ``.json`` in the name of a new item file."""

_SEARCH_AFTER: Final = re.compile(r"[!-~]+")
"""Values that may be sent to CMR in a header."""

_COLUMNS: Final = {
    "other": (str, int, int),
    "set_aside": (str, str, str),
    "listing": (str, int, int, str | None, int),
    "outside": (str,),
    "fact": (str, str),
    "published": (str, str, int, int, str, str),
}
"""Types of the columns of all tables except ``row``."""


def is_sound(folder: Path, purpose: str, read_item: Callable[[ItemRow], bytes | None]) -> bool:
    """True if the build state in a folder has this purpose, and can have been written by a build.

    ``read_item`` reads the new item file of a row. Raises
    :class:`~catalog_builder.errors.FolderError` for a link, or anything else that is not a file,
    at the path of the database.
    """
    path = database_path(folder)
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
            _require_rows(data, folder, read_item)
    except (sqlite3.Error, CatalogError, ValueError, TypeError, OverflowError) as error:
        _log.warning(
            "The state of an interrupted build in %s cannot be used (%s): all records are fetched "
            "again.",
            folder,
            error,
        )
        return False
    return True


def _require_schema(data: sqlite3.Connection) -> None:
    """Raise ValueError for unknown or missing tables, views or triggers, or a damaged file."""
    query = "SELECT type, name, tbl_name, sql FROM sqlite_master"
    with closing(empty_database()) as ours:
        known = set(ours.execute(query))
    found = set(data.execute(query))
    tables = {entry for entry in known if entry[0] != "index"}
    if not tables <= found <= known:
        raise ValueError("its database has other tables")
    for (fault,) in data.execute("PRAGMA quick_check"):
        if fault != "ok":
            raise ValueError(f"its database is damaged: {fault}")


def _require_types(data: sqlite3.Connection) -> None:
    for table, types in _COLUMNS.items():
        for values in data.execute(f"SELECT * FROM {table}"):
            if not all(map(isinstance, values, types)):
                raise ValueError(f"{table} holds {values!r}")
    for (search_after,) in data.execute("SELECT search_after FROM listing"):
        if search_after is not None and not _SEARCH_AFTER.fullmatch(search_after):
            raise ValueError(f"a paging cursor is {search_after!r}")


def _require_rows(
    data: sqlite3.Connection, folder: Path, read_item: Callable[[ItemRow], bytes | None]
) -> None:
    """Raise ValueError for a row that no build writes, or that differs from its staged item."""
    schema = item_schema(beams=True, extra=optional_assets(REFERENCE_KEYS), siblings=True)
    for _, of_page in groupby(_rows(data), key=lambda pair: pair[1].page):
        rows, locations = zip(*of_page, strict=True)
        found = read_checked_rows(folder, locations, schema)
        if found["id"].to_pylist() != [row.id for row in rows] or (
            partitions_of(found).tolist() != [row.partition for row in rows]
        ):
            raise ValueError("rows lie elsewhere")
        for row, item in zip(rows, to_items(found), strict=True):
            if row.file is not None and orjson.loads(read_item(row) or b"") != item:
                raise ValueError(f"the item {row.file} is another")


def _rows(data: sqlite3.Connection) -> Iterator[tuple[ItemRow, RowLocation]]:
    for values in data.execute("SELECT * FROM row ORDER BY page, batch, number"):
        row, stem = ItemRow(*values[: len(ItemRow._fields)]), values[-1]
        location = RowLocation(*values[len(ItemRow._fields) : -1])
        if not _is_row(row) or stem != stem_of(row.id):
            raise ValueError(f"a row is {values!r}")
        if not all(isinstance(number, int) and number >= 0 for number in location):
            raise ValueError(f"a row lies at {location!r}")
        yield row, location


def _is_row(row: ItemRow) -> bool:
    """True if a build can have written this row."""

    def all_are(kind: Any, *values: Any) -> bool:
        return all(isinstance(value, kind) for value in values)

    return (
        all_are(str, row.id, row.concept, row.granule_ur, row.reference_keys, row.siblings)
        and all_are(int, row.partition, row.revised, row.revision, row.was_published)
        and is_granule_id(row.id)
        and all(map(is_granule_id, row.siblings.split()))
        and set(row.reference_keys.split()) <= set(REFERENCE_KEYS)
        and (
            row.file is None
            or (
                isinstance(row.file, str)
                and row.file.startswith(f"{row.id}.json")
                and bool(_SUFFIX.fullmatch(row.file.removeprefix(f"{row.id}.json")))
            )
        )
    )
