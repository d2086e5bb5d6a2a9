"""Catalogs of thousands of items that are indexed in many sittings, each broken off somewhere.

Scans are canned; all that is written is written by the real thing.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from building import Record, build_from, records_of, tree
from canned_scans import CannedScans

from benchmarks import mission_records
from catalog_builder.catalog.build import fetch_pages
from catalog_builder.catalog.build.publish import PublishedFolder
from catalog_builder.catalog.build.staging_directory import STAGING
from catalog_builder.catalog.index import staged_items as row_spool
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.stac.validation import StacSchemas
from catalog_builder.catalog.verify.checks import verify
from catalog_builder.indexing.index_catalog import IndexingReport, index_catalog
from catalog_builder.progress import Progress
from earthdata_standin import EarthdataStandin, World

COUNT = 2500


class Interruption:
    """Raises KeyboardInterrupt before a file in a folder is written, moved or removed."""

    def __init__(self) -> None:
        self._folder: str | None = None
        self._at: range = range(0)
        self.steps = 0
        """Steps since it was set up."""

    @contextmanager
    def within(self, folder: Path, at: range) -> Iterator[None]:
        """Raise before each of these steps."""
        self._folder, self._at, self.steps = str(folder), at, 0
        try:
            yield
        finally:
            self._folder = None

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._folder is None or event not in _WRITES:
            return
        path = str(arguments[0])
        if event == "open" and not (isinstance(arguments[2], int) and arguments[2] & 3):
            return  # it is only read
        # A path that is not absolute is below an open folder.
        inside = not path.startswith("/") or path.startswith(self._folder)
        if inside and threading.current_thread() is threading.main_thread():
            self.steps += 1
            if self.steps - 1 in self._at:
                raise KeyboardInterrupt


_WRITES = frozenset(("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree"))


@pytest.fixture(scope="session")
def interruption() -> Interruption:
    interruption = Interruption()
    sys.addaudithook(interruption.hook)  # for good; it does nothing unless it is set up
    return interruption


@pytest.fixture(scope="module")
def cloud() -> Iterator[EarthdataStandin]:
    with EarthdataStandin(world=World.simulate(granules=1)) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def records() -> list[Record]:
    """Of some days of two years."""
    mission = mission_records.mission()
    flown = mission.sample(mission.count)
    numbers = np.concatenate([flown[:1100], flown[99_000:][: COUNT - 1100]])
    return list(map(json.loads, mission_records.records(numbers)))


@pytest.fixture(scope="module")
def built(
    cloud: EarthdataStandin, records: list[Record], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A catalog of all of them that was never indexed."""
    folder = tmp_path_factory.mktemp("built") / "public"
    assert build_from(cloud, folder, records, jobs=1).items == COUNT
    return folder


@pytest.fixture(scope="module")
def indexed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That, indexed at one sitting."""
    folder = Path(shutil.copytree(built, tmp_path_factory.mktemp("indexed") / "public"))
    assert len(sit(folder).indexed) == COUNT
    return folder


@pytest.fixture(autouse=True)
def not_against_the_schemas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which take most of the time; items of indexed granules are held against them elsewhere."""
    monkeypatch.setattr(StacSchemas, "problems", lambda *_: [])


def sit(folder: Path, limit: int | None = None) -> IndexingReport:
    report = index_catalog(folder, executor=CannedScans(), limit=limit)
    assert report.failed == ()
    return report


def items(folder: Path) -> list[Path]:
    return sorted(folder.glob("ATL03_007/cycle-*/*/ATL03_*.json"))


def problems(folder: Path, sample: int | None = None) -> list[str]:
    return list(verify(folder, sample=sample).problems)


def test_many_sittings_are_as_one(
    cloud: EarthdataStandin,
    records: list[Record],
    built: Path,
    indexed: Path,
    tmp_path: Path,
    interruption: Interruption,
) -> None:
    folder = Path(shutil.copytree(built, tmp_path / "public"))
    assert len(sit(folder, limit=700).indexed) == 700
    assert problems(folder, sample=300) == []
    build_from(cloud, folder, records, jobs=1)
    step = random.Random(12).randrange(4_000)  # some eight are a granule's
    with interruption.within(folder, range(step, step + 1)), pytest.raises(KeyboardInterrupt):
        sit(folder)
    assert problems(folder, sample=300) == []
    assert not (folder / STAGING).exists()
    report = sit(folder)
    assert report.before >= 700 + 256  # what workers had finished: so much they are handed
    assert report.before + len(report.indexed) == COUNT
    assert tree(folder) == tree(indexed)


@pytest.mark.heavy
@pytest.mark.parametrize("seed", range(3))
def test_ten_sittings_broken_off_at_random_are_as_one(
    built: Path, indexed: Path, tmp_path: Path, interruption: Interruption, seed: int
) -> None:
    """Half of them are interrupted, half are killed: these do nothing any more."""
    folder = Path(shutil.copytree(built, tmp_path / "public"))
    choose = random.Random(seed)
    known = 0
    for number in range(10):
        step = choose.randrange(2_000)  # some seven are a granule's
        at = range(step, sys.maxsize if number % 2 else step + 1)
        with interruption.within(folder, at), pytest.raises(KeyboardInterrupt):
            sit(folder)
        assert problems(folder) == []
        before = sit(folder, limit=1).before
        assert before > known
        known = before
    sit(folder)
    assert tree(folder) == tree(indexed)
    assert not (folder / STAGING).exists()


def test_all_of_it_is_read_back(indexed: Path) -> None:
    assert problems(indexed) == []
    index = ItemIndex.open(indexed)
    path = items(indexed)[77]
    assert next(index.search(ids=[path.stem]).dictionaries()) == json.loads(path.read_bytes())
    assert len(index.to_table()) == len(index.to_geodataframe()) == COUNT


def test_a_build_after_indexing_after_a_build(
    cloud: EarthdataStandin, records: list[Record], indexed: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(indexed, tmp_path / "public"))
    later = [revised(record) for record in records[:1000:10]]
    later += [record for number, record in enumerate(records) if number >= 1000 or number % 10 > 1]
    build_from(cloud, folder, later, jobs=1)
    assert problems(folder, sample=300) == []
    report = sit(folder)
    assert 0 < len(report.indexed) < 100
    assert problems(folder, sample=300) == []
    before = tree(folder)
    build_from(cloud, folder, later, jobs=1, full=True)
    assert tree(folder) == before


def revised(record: Record) -> Record:
    """The record's next revision; half of them are of another file."""
    meta, umm = dict(record["meta"]), json.loads(json.dumps(record["umm"]))
    meta["revision-date"] = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000Z}"
    meta["revision-id"] += 1
    if sum(umm["GranuleUR"].encode()) % 2:
        umm["DataGranule"]["ProductionDateTime"] = "2026-01-01T00:00:00.000Z"
    return {"meta": meta, "umm": umm}


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_spool, "_PAGE", 2)


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("killed", [False, True], ids=["interrupted", "killed"])
def test_broken_off_between_any_two_steps(
    cloud: EarthdataStandin, tmp_path: Path, interruption: Interruption, killed: bool
) -> None:
    """Interrupted, it writes its index after all; killed, nothing any more."""
    records = usable()[:3]
    build_from(cloud, tmp_path / "plain", records, jobs=1)
    sit(tmp_path / "plain", limit=1)
    whole = Path(shutil.copytree(tmp_path / "plain", tmp_path / "whole"))
    with interruption.within(whole, range(0)):
        sit(whole, limit=1)
        steps = interruption.steps
    assert steps > 20
    sit(whole)
    assert problems(whole) == []
    for step in range(steps):
        folder = Path(shutil.copytree(tmp_path / "plain", tmp_path / f"{step}"))
        at = range(step, sys.maxsize if killed else step + 1)
        with interruption.within(folder, at), pytest.raises(KeyboardInterrupt):
            sit(folder, limit=1)
        assert problems(folder) == []
        if step % 2:
            build_from(cloud, folder, records, jobs=1)
            assert problems(folder) == []
            assert not (folder / STAGING).exists()
        sit(folder)
        assert tree(folder) == tree(whole)
        assert not (folder / STAGING).exists()


@pytest.mark.usefixtures("small_pages")
def test_what_a_build_read_before_indexing_does_not_hold_after_it(
    cloud: EarthdataStandin,
    tmp_path: Path,
    interruption: Interruption,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fetch_pages, "PAGE", 3)
    records = usable()[:8]
    folder, whole = tmp_path / "public", tmp_path / "whole"
    build_from(cloud, folder, records, jobs=1)
    shutil.copytree(folder, whole)
    sit(whole)

    def stop(progress: Progress) -> None:
        if progress.stage == "reading CMR" and progress.done >= 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_from(cloud, folder, records, jobs=1, full=True, progress=stop)
    assert PublishedFolder(folder).state.is_dir()
    with interruption.within(folder, range(60, sys.maxsize)), pytest.raises(KeyboardInterrupt):
        sit(folder)
    report = verify(folder)
    assert report.problems == ()
    assert any("granules may not agree" in note for note in report.notes)
    build_from(cloud, folder, records, jobs=1, full=True)
    assert problems(folder) == []
    assert 0 < sit(folder).before < 8
    assert tree(folder) == tree(whole)


def usable() -> list[Record]:
    """Records of the simulated world that become items."""
    return [record for record in records_of() if data_links(record)]


def data_links(record: Record) -> list[str]:
    urls = [link["URL"] for link in record["umm"]["RelatedUrls"]]
    return [url for url in urls if url.startswith("s3://") and url.endswith(".h5")]
