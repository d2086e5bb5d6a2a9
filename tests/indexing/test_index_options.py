"""``index`` on request: what it will take, which granules again, and an end at any moment."""

from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from building import times, tree
from click.testing import CliRunner
from published_catalog import publish

from benchmarks.measured_command import tree_of
from catalog_builder.catalog.build.staging_directory import STAGING
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.verify.checks import verify
from catalog_builder.cli import main
from catalog_builder.doctor import diagnose
from catalog_builder.errors import ItemNotFoundError
from catalog_builder.indexing.estimate import Estimate
from catalog_builder.indexing.index_catalog import estimate_indexing, index_catalog
from catalog_builder.progress import Progress
from earthdata_standin import EarthdataStandin, World

GRANULES = 6


@pytest.fixture(scope="module")
def running(world: World) -> Iterator[EarthdataStandin]:
    with EarthdataStandin(world=world, rewrite_links=True) as cloud:
        records = []
        for record in copy.deepcopy(list(cloud.world.granules)):
            urls = [link["URL"] for link in record["umm"]["RelatedUrls"]]
            key = next((url[5:] for url in urls if url[:5] == "s3://" and url[-3:] == ".h5"), "")
            path = cloud.world.objects.get(key)
            if "C3326974349" in record["meta"]["collection-concept-id"] and path is not None:
                for file in record["umm"]["DataGranule"]["ArchiveAndDistributionInformation"]:
                    file["SizeInBytes"] = path.stat().st_size
                records.append(record)
        cloud.world = replace(cloud.world, granules=records[:GRANULES])
        yield cloud


@pytest.fixture
def cloud(
    running: EarthdataStandin, monkeypatch: pytest.MonkeyPatch
) -> Iterator[EarthdataStandin]:
    for name in list(os.environ):
        if name in {"CMR_URL", "NETRC"} or name.startswith(("EARTHDATA_", "AWS_")):
            monkeypatch.delenv(name)
    for name, value in running.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    world = running.world
    running.requests.clear()
    yield running
    running.world = world
    running.faults.latency = 0.0


@pytest.fixture
def published(cloud: EarthdataStandin, tmp_path: Path) -> Path:
    return publish(tmp_path / "catalog")


@pytest.fixture
def indexed(published: Path) -> Path:
    with ThreadPoolExecutor(2) as threads:
        assert index_catalog(published, executor=threads).failed == ()
    return published


def granule_reads(cloud: EarthdataStandin) -> list[Any]:
    return [r for r in cloud.requests if r.service == "s3" and ".h5" in r.path]


def ids(folder: Path) -> list[str]:
    return ItemIndex.open(folder).ids


def test_an_estimate_counts_what_the_host_counts(cloud: EarthdataStandin, published: Path) -> None:
    before = tree(published)
    with ThreadPoolExecutor(1) as threads:
        found, failed = estimate_indexing(published, executor=threads, price=0.5)
    assert failed == ()
    assert tree(published) == before
    reads = granule_reads(cloud)
    assert (found.granules, found.sampled, found.workers) == (GRANULES, 5, 1)
    sizes = {path.name: path.stat().st_size for path in stored(cloud)}
    read = {Path(request.path).name for request in reads}
    scale = sum(sizes.values()) / sum(sizes[name] for name in read)
    assert found.stored == sum(sizes.values())
    moved = sum(request.bytes for request in reads if request.method == "GET")
    assert found.bytes == pytest.approx(scale * moved, rel=0.01)
    assert found.requests == pytest.approx(scale * len(reads), rel=0.1)
    assert found.core_hours is not None
    assert found.cost == 0.5 * found.core_hours
    assert found.wall == pytest.approx(3600 * found.core_hours)
    assert len(read) == 5


def stored(cloud: EarthdataStandin) -> list[Path]:
    """The files of the granules in the catalog."""
    found = []
    for record in cloud.world.granules:
        urls = [link["URL"] for link in record["umm"]["RelatedUrls"]]
        key = next(url[5:] for url in urls if url[:5] == "s3://" and url[-3:] == ".h5")
        path = cloud.world.objects.get(key)
        assert path is not None
        found.append(path)
    return found


def test_every_run_tells_its_price(published: Path) -> None:
    told: list[Estimate] = []
    with ThreadPoolExecutor(2) as threads:
        index_catalog(published, executor=threads, price=2, estimated=told.append)
        first, then = told
        assert (first.granules, first.sampled, first.bytes) == (GRANULES, 0, None)
        assert first.stored
        assert (then.granules, then.sampled, then.workers) == (GRANULES, 5, 2)
        assert then.bytes
        assert then.cost
        index_catalog(published, executor=threads, price=2, estimated=told.append)
    assert len(told) == 2  # there was nothing to do


def test_progress_is_told_in_granules_and_bytes(cloud: EarthdataStandin, published: Path) -> None:
    steps: list[Progress] = []
    with ThreadPoolExecutor(1) as threads:
        index_catalog(published, executor=threads, progress=steps.append)
    assert (steps[0].stage, steps[0].done, steps[0].total) == ("reading the index", 0, GRANULES)
    reading = [step for step in steps if step.stage == "reading granules"]
    assert [step.done for step in reading] == list(range(GRANULES + 1))
    moved = [step.bytes_done or 0 for step in reading]
    assert moved == sorted(moved)
    served = sum(read.bytes for read in granule_reads(cloud) if read.method == "GET")
    assert moved[-1] == reading[-1].bytes_total == pytest.approx(served, rel=0.01)


def test_the_verb_estimates(cloud: EarthdataStandin, published: Path) -> None:
    arguments = ["index", str(published), "--estimate", "--price", "0.05", "--jobs", "2"]
    answer = CliRunner().invoke(main, arguments)
    assert answer.exit_code == 0, answer.output
    facts = dict(line.split(maxsplit=1) for line in answer.stdout.splitlines() if "  " in line)
    assert f"granules to index          {GRANULES}" in answer.stdout
    assert "a core-hour" in facts["cost"]
    answer = CliRunner().invoke(main, [*arguments, "--json"])
    told = json.loads(answer.stdout)
    assert (told["granules"], told["sampled"], told["price"]) == (GRANULES, 5, 0.05)
    assert not (published / STAGING).exists()
    answer = CliRunner().invoke(main, ["index", str(published), "--jobs", "1", "--limit", "2"])
    first, then = answer.stderr.splitlines()
    assert first.startswith("2 granules of ")
    assert "to read in" in then
    assert then.endswith("(by 2 that were scanned).")
    found = next(one for one in diagnose(None, published, 1.0).checks if one.name == "indexing")
    assert found.state == "ok"
    assert found.found.startswith(f"{GRANULES - 2} granules of ")
    assert "1 a core-hour" in found.found


def test_granules_are_indexed_again(cloud: EarthdataStandin, indexed: Path) -> None:
    before, written = tree(indexed), times(indexed)
    granule = ids(indexed)[2]
    arguments = ["index", str(indexed), "--again", granule, "--jobs", "1", "--json"]
    answer = CliRunner().invoke(main, arguments)
    assert answer.exit_code == 0, answer.output
    assert json.loads(answer.stdout)["indexed"] == [granule]
    assert tree(indexed) == before
    later = times(indexed)
    changed = {path for path in later if later[path] != written[path]} - {"items.parquet"}
    assert changed
    assert all(granule in path for path in changed)
    with ThreadPoolExecutor(2) as threads:
        assert index_catalog(indexed, executor=threads, granules=[granule]).indexed == ()
        assert len(index_catalog(indexed, executor=threads, again=True).indexed) == GRANULES
        with pytest.raises(ItemNotFoundError, match="holds no granule 'ATL03_nothing'"):
            index_catalog(indexed, executor=threads, granules=["ATL03_nothing"])
    assert tree(indexed) == before


def test_stale_references_are_made_anew(
    cloud: EarthdataStandin, indexed: Path, tmp_path: Path
) -> None:
    before = tree(indexed)
    cloud.requests.clear()
    with ThreadPoolExecutor(2) as threads:
        report = index_catalog(indexed, executor=threads, stale=True)
        assert (report.indexed, report.failed) == ((), ())
        reads = granule_reads(cloud)
        assert len(reads) == GRANULES
        assert all(request.method == "HEAD" for request in reads)
        path = next(p for p in stored(cloud) if p.stem == ids(indexed)[1])
        gone = next(indexed.glob(f"*/cycle-*/*/{ids(indexed)[3]}.json"))
        kept, item, at = path.read_bytes(), gone.read_bytes(), path.stat().st_mtime_ns
        try:
            path.write_bytes(kept + b"\0" * 8)
            gone.write_bytes(item.replace(b"/ATL03_", b"/nowhere/ATL03_"))
            report = index_catalog(indexed, executor=threads, stale=True)
        finally:
            path.write_bytes(kept)
            os.utime(path, ns=(at, at))  # the stand-in's ETag tells the time
            gone.write_bytes(item)
        assert report.indexed == (path.stem,)
        assert [one.granule for one in report.failed] == [gone.stem]
        assert "nothing at s3://" in report.failed[0].error
        assert tree(indexed) != before
        assert verify(indexed).problems == ()
        report = index_catalog(indexed, executor=threads, stale=True)
    assert report.indexed == (path.stem,)
    assert tree(indexed) == before


@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_within_two_seconds(
    cloud: EarthdataStandin, published: Path, ended_by: signal.Signals
) -> None:
    """Also while its processes wait for a host that does not answer."""
    before = tree(published)
    cloud.faults.latency = 60.0
    process = subprocess.Popen(
        [sys.executable, "-m", "catalog_builder.cli", "index", str(published), "--jobs", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    end = time.monotonic() + 60
    while not granule_reads(cloud) and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(0.5)
    below = tree_of(process.pid)
    assert len(below) > 2
    began = time.monotonic()
    if ended_by == signal.SIGINT:
        os.killpg(process.pid, ended_by)  # as a terminal does
    else:
        os.kill(process.pid, ended_by)
    _, said = process.communicate(timeout=30)
    assert time.monotonic() - began < 2
    assert process.returncode == 130
    assert "Traceback" not in said
    assert f"to resume: catalog-builder index {published}" in said.splitlines()[-1]
    end = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in below):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert tree(published) == before
    assert not (published / STAGING).exists()
