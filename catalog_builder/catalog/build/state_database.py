"""The SQLite database of the build state: its tables and indexes."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from catalog_builder.safe_folder import SafeFolder

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS row (
    id TEXT, partition INTEGER, revised INTEGER, revision INTEGER, concept TEXT, granule_ur TEXT,
    file TEXT, was_published INTEGER, reference_keys TEXT, siblings TEXT,
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
    siblings TEXT, stem TEXT);
"""

# Indexes are created when first needed, since filling an indexed table takes longer.
ROW_INDEXES: Final = """
CREATE INDEX IF NOT EXISTS by_stem ON row (stem);
CREATE INDEX IF NOT EXISTS by_place ON row (partition, page, batch, number);
"""
PUBLISHED_INDEXES: Final = """
CREATE INDEX IF NOT EXISTS published_by_stem ON published (stem);
CREATE INDEX IF NOT EXISTS published_by_concept ON published (concept);
"""
RECORD_INDEXES: Final = """
CREATE INDEX IF NOT EXISTS row_by_concept ON row (concept);
CREATE INDEX IF NOT EXISTS other_by_concept ON other (concept);
"""

_FILE: Final = "rows.sqlite"


def database_path(folder: Path) -> Path:
    """Path of the database in a folder; SQLite opens it and its companion files by path.

    Raises :class:`~catalog_builder.errors.FolderError` for a link, a file with a second name, or
    anything else that is not a file, at the path of one of them.
    """
    files = SafeFolder(folder)
    for companion in ("-journal", "-wal", "-shm"):
        files.checked(f"{_FILE}{companion}", alone=True)
    return files.checked(_FILE, alone=True)


def open_database(folder: Path) -> sqlite3.Connection:
    """Open the database in a folder; its tables are created if there are none."""
    data = sqlite3.connect(database_path(folder), check_same_thread=False)
    data.executescript(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA cache_size=-8000;" + _TABLES
    )
    return data


def empty_database() -> sqlite3.Connection:
    """A database in memory with all tables and indexes that one on disk may have."""
    data = sqlite3.connect(":memory:")
    data.executescript(_TABLES + ROW_INDEXES + PUBLISHED_INDEXES + RECORD_INDEXES)
    return data
