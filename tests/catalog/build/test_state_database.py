"""The database of a build state: its tables, and where it may lie."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from catalog_builder.catalog.build.state_database import (
    PUBLISHED_INDEXES,
    RECORD_INDEXES,
    ROW_INDEXES,
    database_path,
    empty_database,
    open_database,
)
from catalog_builder.errors import FolderError

ENTRIES = "SELECT type, name, sql FROM sqlite_master ORDER BY name"


def test_a_database_is_kept_and_opened_again(tmp_path: Path) -> None:
    with closing(open_database(tmp_path)) as data, data:
        data.execute("INSERT INTO fact VALUES ('purpose', 'all')")
    with closing(open_database(tmp_path)) as data:
        assert data.execute("SELECT * FROM fact").fetchall() == [("purpose", "all")]
    assert database_path(tmp_path).is_file()


def test_one_in_memory_has_whatever_one_on_disk_may_have(tmp_path: Path) -> None:
    with closing(open_database(tmp_path)) as data, closing(empty_database()) as empty:
        for _ in range(2):  # an index that is there already is no error
            data.executescript(ROW_INDEXES + PUBLISHED_INDEXES + RECORD_INDEXES)
        assert data.execute(ENTRIES).fetchall() == empty.execute(ENTRIES).fetchall()


def test_every_record_that_was_read_is_in_the_view(tmp_path: Path) -> None:
    with closing(open_database(tmp_path)) as data:
        data.execute("INSERT INTO row (concept, revision, revised) VALUES ('G1-X', 1, 10)")
        data.execute("INSERT INTO other VALUES ('G2-X', 3, 20)")
        found = data.execute("SELECT * FROM record ORDER BY concept").fetchall()
    assert found == [("G1-X", 1, 10), ("G2-X", 3, 20)]


@pytest.mark.parametrize("companion", ["", "-wal", "-shm", "-journal"])
@pytest.mark.parametrize("kind", ["link", "second name", "folder"])
def test_a_path_that_leads_elsewhere_is_refused(tmp_path: Path, companion: str, kind: str) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"all I have")
    folder = tmp_path / "state"
    folder.mkdir()
    path = folder / f"{database_path(folder).name}{companion}"
    if kind == "link":
        path.symlink_to(outside)
    elif kind == "second name":
        os.link(outside, path)
    else:
        path.mkdir()
    with pytest.raises(FolderError):
        open_database(folder)
    assert outside.read_bytes() == b"all I have"


def test_a_file_that_is_no_database_is_sqlites_error(tmp_path: Path) -> None:
    database_path(tmp_path).write_bytes(b"x" * 4096)
    with pytest.raises(sqlite3.DatabaseError):
        open_database(tmp_path)
