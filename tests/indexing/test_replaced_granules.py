"""Granules whose files were replaced since they were indexed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from small_granule import SmallBeam, write_granule

from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.catalog.stac.beam_assets import add_references
from catalog_builder.catalog.stac.layout import item_path, references_path
from catalog_builder.indexing.replaced_granules import replaced_granules
from catalog_builder.indexing.scan_task import (
    FailedGranule,
    ScannedGranule,
    ScanTask,
    scan_granule,
)
from catalog_builder.products.granule_name import GranuleName
from catalog_builder.safe_folder import SafeFolder

ID = "ATL03_20190401120000_03850302_006_01"
NAME = GranuleName.parse(ID)
REFERENCES = references_path("ATL03_006", NAME)


class Indexed:
    """A granule that was indexed, in a folder."""

    def __init__(self, folder: Path, granule: str, links: GranuleLinks) -> None:
        self.task = ScanTask(granule=granule, links=links, access="auto")
        self.name = GranuleName.parse(granule)
        self.path = item_path("ATL03_006", self.name)
        self.files = SafeFolder(folder)
        found = scan_granule(self.task)
        assert isinstance(found, ScannedGranule), found
        self.item: dict[str, Any] = {"id": granule, "properties": {}, "assets": {}}
        add_references(
            self.item,
            self.path,
            size=len(found.references),
            beams=found.beams,
            orientation=found.orientation,
        )
        place = folder / references_path("ATL03_006", self.name)
        place.parent.mkdir(parents=True)
        place.write_bytes(found.references)

    def verdict(self) -> bool | FailedGranule:
        tasks = [(self.task, self.path, self.item)]
        ((granule, verdict),) = replaced_granules(self.files, tasks)
        assert granule == self.task.granule
        return verdict


@pytest.fixture
def stored_file(tmp_path: Path) -> Path:
    return write_granule(tmp_path / f"{ID}.h5", gt1l=SmallBeam())


@pytest.fixture
def indexed(stored_file: Path, tmp_path: Path) -> Indexed:
    (tmp_path / "public").mkdir()
    return Indexed(tmp_path / "public", ID, GranuleLinks(local=str(stored_file)))


def test_a_file_of_another_size_is_another(indexed: Indexed, stored_file: Path) -> None:
    assert indexed.verdict() is False
    with stored_file.open("ab") as file:
        file.write(b"\0" * 8)
    assert indexed.verdict() is True


@pytest.mark.parametrize("body", [None, b"", b"no references" * 100], ids=["lost", "empty", "bad"])
def test_references_that_cannot_be_read_are_made_anew(
    indexed: Indexed, tmp_path: Path, body: bytes | None
) -> None:
    place = tmp_path / "public" / REFERENCES
    place.unlink()
    if body is not None:
        place.write_bytes(body)
    assert indexed.verdict() is True


def test_a_granule_that_is_gone_is_told_with_its_error(
    indexed: Indexed, stored_file: Path
) -> None:
    stored_file.unlink()
    verdict = indexed.verdict()
    assert isinstance(verdict, FailedGranule)
    assert verdict.granule == ID
    assert stored_file.name in verdict.error


def test_a_file_of_the_same_size_with_another_etag_is_another(
    stored: tuple[GranuleLinks, Path], tmp_path: Path
) -> None:
    links, path = stored
    indexed = Indexed(tmp_path, path.stem, links)
    assert indexed.verdict() is False
    at = path.stat().st_mtime_ns
    try:
        os.utime(path, ns=(at, at + 5_000_000_000))  # the stand-in's ETag tells the time
        assert indexed.verdict() is True
    finally:
        os.utime(path, ns=(at, at))
