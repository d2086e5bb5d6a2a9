"""Files that may not be read say so, by every door, and name the file."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from sample_items import make_item
from stored_chunks import all_rows, file_references
from stored_files import write_granule

from catalog_builder import open_beam, open_index
from catalog_builder.beams.read.fetch import read_planned
from catalog_builder.beams.read.plan import plan_reads
from catalog_builder.beams.storage.granule_file import open_hdf5
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.beams.storage.local_file import open_local
from catalog_builder.catalog.build.reindex import write_index
from catalog_builder.catalog.definition import Definition
from catalog_builder.catalog.index.catalog_location import CatalogLocation
from catalog_builder.errors import (
    AccessError,
    CatalogBuilderError,
    GranuleNotFoundError,
    NotATL03Error,
)


@contextmanager
def another_user() -> Iterator[None]:
    """Root may read everything: another user, in this process, for a while."""
    mine = os.geteuid()
    if mine == 0:
        os.seteuid(54321)
    try:
        yield
    finally:
        os.seteuid(mine)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    write_granule(tmp_path / "granule.h5", 200_000)
    (tmp_path / "definition.toml").write_text("title = 'x'")
    write_index([make_item(3)], tmp_path / "items.parquet")
    return tmp_path


def read_by_references(files: Path) -> Callable[[], object]:
    references = file_references(files / "granule.h5")
    plan = plan_reads(references, all_rows(references))

    return lambda: read_planned(GranuleLinks(local=str(files / "granule.h5")), plan)


DOORS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "open_local": ("granule.h5", lambda files: os.close(open_local(str(files / "granule.h5")))),
    "open_beam": ("granule.h5", lambda files: open_beam(files / "granule.h5", "gt1l")),
    "open_index": ("items.parquet", lambda files: len(open_index(files))),
    "catalog file": (
        "definition.toml",
        lambda files: CatalogLocation.parse(files).read("definition.toml"),
    ),
    "definition": ("definition.toml", lambda files: Definition.load(files / "definition.toml")),
}


@pytest.mark.parametrize("door", DOORS)
def test_what_may_not_be_read_says_so(files: Path, door: str) -> None:
    name, read = DOORS[door]
    with suppress(CatalogBuilderError):
        read(files)  # imports what it takes
    (files / name).chmod(0)
    with another_user(), pytest.raises(CatalogBuilderError) as caught:
        read(files)
    assert "may not be read" in str(caught.value)
    assert not isinstance(caught.value, NotATL03Error)
    assert str(files / name) in str(caught.value)


def test_planned_reads_say_so_too(files: Path) -> None:
    read = read_by_references(files)
    read()
    (files / "granule.h5").chmod(0)
    with another_user(), pytest.raises(AccessError, match=r"granule\.h5 may not be read"):
        read()


def test_what_is_no_file_says_so(tmp_path: Path) -> None:
    for name in ("none.h5", "", "\0"):
        with pytest.raises(AccessError):
            open_local(str(tmp_path / name))
    with pytest.raises(GranuleNotFoundError, match=r"is a folder, and no .*open_index"):
        open_local(str(tmp_path))
    os.mkfifo(tmp_path / "pipe.h5")
    with pytest.raises(GranuleNotFoundError, match="no file"):
        open_local(str(tmp_path / "pipe.h5"))


def test_a_file_that_another_program_writes_is_no_damaged_file(tmp_path: Path) -> None:
    path = write_granule(tmp_path / "granule.h5", 200_000)
    with path.open("r+b") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)  # as HDF5 does while it writes
        with (
            pytest.raises(AccessError, match=r"granule\.h5 cannot be read: Resource temporarily"),
            open_hdf5(GranuleLinks(local=str(path))),
        ):
            pass
    (tmp_path / "text.h5").write_text("no granule")
    with (
        pytest.raises(NotATL03Error, match=r"text\.h5 is not an HDF5 file"),
        open_hdf5(GranuleLinks(local=str(tmp_path / "text.h5"))),
    ):
        pass
