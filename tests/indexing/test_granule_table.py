"""What is indexed is told by a few columns of the index, and by the items on record as newer."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from building import WORLD, build_from, records_of
from canned_scans import CannedScans

from catalog_builder.catalog.build.publish import PublishedFolder
from catalog_builder.catalog.build.reindex import refresh_index
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.errors import CatalogError, ItemNotFoundError
from catalog_builder.indexing.granule_table import GranuleTable
from catalog_builder.indexing.index_catalog import index_catalog
from catalog_builder.progress import Progress
from earthdata_standin import EarthdataStandin


@pytest.fixture(scope="module")
def cloud() -> Iterator[EarthdataStandin]:
    with EarthdataStandin(world=WORLD) as cloud:
        yield cloud


@pytest.fixture
def folder(cloud: EarthdataStandin, tmp_path: Path) -> Path:
    """A catalog of which seven granules are indexed."""
    build_from(cloud, tmp_path / "public", records_of(), jobs=1)
    index_catalog(tmp_path / "public", executor=CannedScans(), limit=7)
    return tmp_path / "public"


class Opened:
    """Files that are opened while it watches."""

    def __init__(self) -> None:
        self.names: list[str] | None = None
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and self.names is not None:
            self.names.append(Path(str(arguments[0])).name)
        if event == "os.listdir" and self.names is not None:
            self.names.append("a folder is listed")


opened = Opened()


def items(names: list[str]) -> list[str]:
    return sorted(name for name in names if name.startswith("ATL03_2") and name.endswith(".json"))


def test_no_item_is_read_and_no_folder_listed(folder: Path) -> None:
    steps: list[Progress] = []
    opened.names = []
    table = GranuleTable.read(PublishedFolder(folder), steps.append)
    names, opened.names = opened.names, None
    assert names
    assert items(names) == []
    assert "a folder is listed" not in names
    index = ItemIndex.open(folder)
    assert table.ids.to_pylist() == index.ids
    told = ["icesat2:beams" in item["properties"] for item in index.dictionaries()]
    assert table.indexed.tolist() == told
    assert sum(told) == 7
    sizes = [item["assets"]["data"].get("file:size", math.nan) for item in index.dictionaries()]
    assert np.array_equal(table.sizes, sizes, equal_nan=True)
    assert (steps[0].done, steps[0].total) == (0, len(table))


def test_a_sitting_reads_the_items_that_it_indexes(folder: Path) -> None:
    opened.names = []
    report = index_catalog(folder, executor=CannedScans(), limit=3)
    names, opened.names = opened.names, None
    assert set(items(names)) == {f"{granule}.json" for granule in report.indexed}
    assert len(report.indexed) == 3


def test_an_index_that_is_behind_is_made_of_the_items_on_record(folder: Path) -> None:
    older = (folder / "items.parquet").read_bytes()
    report = index_catalog(folder, executor=CannedScans(), limit=3)
    newer = (folder / "items.parquet").read_bytes()
    (folder / "items.parquet").write_bytes(older)
    published = PublishedFolder(folder)
    with published.writing():
        for granule in [*report.indexed, "ATL03_2018", "nonsense", "../../precious"]:
            published.mark_outdated(granule)
        assert GranuleTable.read(published).indexed.sum() == 10
        opened.names = []
        refresh_index(published)
        names, opened.names = opened.names, None
    assert set(items(names)) == {f"{granule}.json" for granule in report.indexed}
    assert (folder / "items.parquet").read_bytes() == newer
    assert not (folder / ".catalog-builder").exists()


def test_a_build_takes_over_what_an_interrupted_run_indexed(
    cloud: EarthdataStandin, folder: Path
) -> None:
    """Without reading all records, as it had to before."""
    older = (folder / "items.parquet").read_bytes()
    report = index_catalog(folder, executor=CannedScans())
    newer = (folder / "items.parquet").read_bytes()
    (folder / "items.parquet").write_bytes(older)
    staging = folder / ".catalog-builder"
    staging.mkdir()
    (staging / "behind").write_text("\n".join(report.indexed) + "\nATL03_2018")
    built = build_from(cloud, folder, records_of(), jobs=1)
    assert built.mode == "update"
    assert (folder / "items.parquet").read_bytes() == newer


def test_rows_of_granules(folder: Path) -> None:
    table = GranuleTable.read(PublishedFolder(folder))
    ids = table.ids.to_pylist()
    assert table.rows([ids[5], ids[2]]).tolist() == [2, 5]
    assert table.path(2).endswith(f"/{ids[2]}.json")
    with pytest.raises(ItemNotFoundError, match="no granule 'ATL03_x'"):
        table.rows([ids[2], "ATL03_x"])
    (folder / "items.parquet").write_bytes(b"PAR1")
    with pytest.raises(CatalogError, match="damaged: build with --full"):
        GranuleTable.read(PublishedFolder(folder))
