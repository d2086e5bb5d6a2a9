"""Which granules a run scans, and when it publishes what was found."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from building import WORLD, build_from, records_of, tree
from canned_scans import CannedScans

from catalog_builder.catalog.build.publish import PublishedFolder
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.indexing.index_catalog import index_catalog
from catalog_builder.indexing.index_run import IndexRun, spread_first
from catalog_builder.progress import Progress
from earthdata_standin import EarthdataStandin


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("built") / "public"
    with EarthdataStandin(world=WORLD) as cloud:
        build_from(cloud, folder, records_of(), jobs=1)
        yield folder


@pytest.fixture
def published(built: Path, tmp_path: Path) -> Path:
    """A catalog without references."""
    return Path(shutil.copytree(built, tmp_path / "public"))


def indexed_rows(folder: Path) -> list[str]:
    """Ids of the granules that have references by the index."""
    rows = ItemIndex.open(folder).dictionaries()
    return [item["id"] for item in rows if "references" in item["assets"]]


def test_the_index_is_written_on_the_way(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog_builder.indexing.index_run._INTERVAL", 0.0)
    monkeypatch.setattr("catalog_builder.indexing.index_run._SHARE", 0)
    seen = []

    def look(progress: Progress) -> None:
        if progress.stage == "reading granules":
            seen.append(len(indexed_rows(published)))

    index_catalog(published, executor=CannedScans(), limit=3, progress=look)
    assert seen == [0, 0, 1, 2]


def test_only_granules_without_references_are_wanted(published: Path) -> None:
    report = index_catalog(published, executor=CannedScans(), limit=3)
    run = IndexRun(PublishedFolder(published), "auto")
    everything = [run.table.granule(row) for row in range(len(run.table))]
    lacking = [granule for granule in everything if granule not in report.indexed]
    some = {report.indexed[0], lacking[0]}

    def wanted(granules: set[str] | None, *, again: bool) -> list[str]:
        rows = run.wanted(granules, again=again, stale=False)
        return [run.table.granule(int(row)) for row in rows]

    assert run.before == 3
    assert wanted(None, again=False) == lacking
    assert wanted(some, again=False) == [lacking[0]]
    assert set(wanted(some, again=True)) == some
    assert wanted(None, again=True) == everything


def test_a_sample_publishes_nothing(published: Path) -> None:
    class Counted(CannedScans):
        scanned = 0

        def submit(self, function: Callable[..., Any], /, *args: Any, **options: Any) -> Any:
            self.scanned += 1
            return super().submit(function, *args, **options)

    before, executor = tree(published), Counted()
    run = IndexRun(PublishedFolder(published), "auto")
    run.scan_sample(np.arange(len(run.table)), executor, None)
    assert executor.scanned == 5 < len(run.table)
    assert (run.indexed, run.failed) == ({}, [])
    assert tree(published) == before


def test_what_workers_had_finished_is_published_after_an_interruption(published: Path) -> None:
    def stop(progress: Progress) -> None:
        if progress.stage == "reading granules" and progress.done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        index_catalog(published, executor=CannedScans(), progress=stop)
    # All were handed out at a time, and canned scans are done at once.
    assert indexed_rows(published) == ItemIndex.open(published).ids


@pytest.mark.parametrize("count", [0, 1, 4, 5, 6, 1000])
def test_a_sample_is_spread_over_all_rows(count: int) -> None:
    rows = np.arange(count) * 3
    order = spread_first(rows)
    assert sorted(order) == rows.tolist()
    if count > 5:
        assert (order[0], order[4]) == (rows[0], rows[-1])
        assert max(np.diff(order[:5])) <= 3 * (count / 4 + 1)
