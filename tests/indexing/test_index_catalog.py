"""Beam references of a whole catalog: any executor, workers that die, work that breaks off."""

from __future__ import annotations

import copy
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from building import times, tree
from click.testing import CliRunner
from index_engines import engine
from published_catalog import publish

from catalog_builder.beams.references.frames import Frame, cut
from catalog_builder.beams.references.kerchunk_reader import read_frame
from catalog_builder.catalog.build.staging_directory import STAGING
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.verify.checks import verify
from catalog_builder.cli import main
from catalog_builder.errors import (
    CatalogError,
    CatalogNotFoundError,
    LoginMissingError,
    WorkersLostError,
)
from catalog_builder.indexing.index_catalog import index_catalog
from catalog_builder.progress import Progress
from earthdata_standin import EarthdataStandin, World

Item = dict[str, Any]

GRANULES = 4


@pytest.fixture(scope="module")
def running(world: World) -> Iterator[EarthdataStandin]:
    with EarthdataStandin(world=world, rewrite_links=True) as cloud:
        records = [with_size(r, 1_000_000) for r in cloud.world.granules if wanted(r)]
        cloud.world = replace(cloud.world, granules=records[:GRANULES])
        yield cloud


def wanted(record: Mapping[str, Any]) -> bool:
    """Whether it is of the release in the catalog, and in the cloud."""
    links = {link["Type"] for link in record["umm"]["RelatedUrls"]}
    release = record["meta"]["collection-concept-id"] == "C3326974349-NSIDC_CPRD"
    return release and "GET DATA VIA DIRECT ACCESS" in links


def with_size(record: dict[str, Any], size: int) -> dict[str, Any]:
    record = copy.deepcopy(record)
    for file in record["umm"]["DataGranule"]["ArchiveAndDistributionInformation"]:
        file["SizeInBytes"] = size
    return record


@pytest.fixture(scope="module")
def indexed(running: EarthdataStandin, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog that threads indexed, to be looked at."""
    folder = tmp_path_factory.mktemp("indexed") / "public"
    with pytest.MonkeyPatch.context() as patch:
        lead_to(running, patch)
        publish(folder)
        with ThreadPoolExecutor(4) as threads:
            report = index_catalog(folder, executor=threads)
    assert (report.failed, report.left, report.before) == ((), 0, 0)
    assert list(report.indexed) == sorted(ItemIndex.open(folder).ids)
    return folder


@pytest.fixture
def cloud(
    running: EarthdataStandin, monkeypatch: pytest.MonkeyPatch
) -> Iterator[EarthdataStandin]:
    """One stand-in for the whole module, for its address is in the items."""
    lead_to(running, monkeypatch)
    world = running.world
    running.requests.clear()
    yield running
    running.world = world


def lead_to(cloud: EarthdataStandin, patch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name in {"CMR_URL", "NETRC"} or name.startswith(("EARTHDATA_", "AWS_")):
            patch.delenv(name)
    for name, value in cloud.environment.items():
        patch.setenv(name, value)


@pytest.fixture
def published(cloud: EarthdataStandin, tmp_path: Path) -> Path:
    """A catalog without references."""
    return publish(tmp_path / "catalog")


@pytest.fixture
def copied(indexed: Path, cloud: EarthdataStandin, tmp_path: Path) -> Path:
    """A catalog with references, to be changed."""
    return Path(shutil.copytree(indexed, tmp_path / "copied"))


def items(folder: Path) -> dict[Path, Item]:
    return {
        path: json.loads(path.read_bytes()) for path in sorted(folder.glob("*/cycle-*/*/ATL03_*"))
    }


def references(item: Item) -> dict[str, Item]:
    return {key: asset for key, asset in item["assets"].items() if key.startswith("references")}


def done(count: int, act: Callable[[], None]) -> Callable[[Progress], None]:
    """A reporter that acts once so many granules were read."""

    def report(progress: Progress) -> None:
        if progress.stage == "reading granules" and progress.done == count:
            act()

    return report


def interrupt() -> None:
    raise KeyboardInterrupt


def kill_a_child() -> None:
    os.kill(multiprocessing.active_children()[0].pid or 0, signal.SIGKILL)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def logins(cloud: EarthdataStandin) -> int:
    return sum(r.path == "/s3credentials" and r.status == 200 for r in cloud.requests)


def test_every_beam_has_its_references(indexed: Path) -> None:
    for path, item in items(indexed).items():
        beams = item["properties"]["icesat2:beams"]
        assert item["properties"]["icesat2:sc_orient"] in (0, 1)
        ((key, asset),) = references(item).items()
        assert key == "references"
        file = path.parent / asset["href"]
        day, cycle = path.parent.name, path.parent.parent.name
        place = f"ATL03_007/references/{cycle}/{day}/{item['id']}.json.zst"
        assert file.resolve() == (indexed / place).resolve()
        assert asset["file:size"] == file.stat().st_size
        assert asset["type"] == "application/vnd.zarr+kerchunk"
        assert asset["roles"] == ["data", "virtual", "references"]
        frames = {beam: Frame.parse(facts["references"]) for beam, facts in beams.items()}
        for beam, frame in cut(file.read_bytes(), frames).items():
            found = read_frame(frame, beam)
            assert (found.granule, found.beam) == (item["id"], beam)
            assert found.href == item["assets"]["data"]["href"]
            assert found.etag
            (photons,) = found.datasets["heights/h_ph"].shape
            assert beams[beam]["photons"] == photons > 0
            assert beams[beam]["strength"] in ("strong", "weak")
            assert 1 <= beams[beam]["spot"] <= 6
            assert 2 <= len(beams[beam]["track"]) <= 120
            assert all(
                -180 <= lon <= 180 and -90 <= lat <= 90 for lon, lat in beams[beam]["track"]
            )


def test_the_catalog_is_as_valid_as_before(indexed: Path, schemas: Path) -> None:
    report = verify(indexed, schemas=schemas)
    assert (report.problems, report.notes) == ((), ())
    rows = {item["id"]: item for item in ItemIndex.open(indexed).dictionaries()}
    assert rows == {item["id"]: item for item in items(indexed).values()}
    collection = json.loads((indexed / "ATL03_007" / "collection.json").read_bytes())
    for item in items(indexed).values():
        for key, asset in item["assets"].items():
            told = collection["item_assets"][key]
            assert told.items() <= asset.items()


def test_what_has_references_is_not_read_again(copied: Path, cloud: EarthdataStandin) -> None:
    written = times(copied)
    report = index_catalog(copied, jobs=1)
    assert (report.indexed, report.failed, report.before) == ((), (), report.granules)
    assert times(copied) == written
    assert logins(cloud) == 0
    assert not (copied / STAGING).exists()


def test_a_granule_that_lost_a_reference_set_is_indexed_again(copied: Path, indexed: Path) -> None:
    path, item = next(iter(items(copied).items()))
    (path.parent / references(item)["references"]["href"]).unlink()
    with ThreadPoolExecutor(1) as executor:
        assert index_catalog(copied, executor=executor).indexed == ()
        again = index_catalog(copied, executor=executor, granules=[item["id"]], again=True)
    assert again.indexed == (item["id"],)
    assert tree(copied) == tree(indexed)


@pytest.mark.parametrize(
    "name",
    # A fork server is spoken to through a Unix socket.
    ["own", "spawn", pytest.param("forkserver", marks=pytest.mark.enable_socket), "loky"],
)
def test_processes_write_the_same_bytes(published: Path, indexed: Path, name: str) -> None:
    with engine(name) as executor:
        if executor is None:
            index_catalog(published, jobs=2)
        else:
            index_catalog(published, executor=executor)
            assert executor.submit(os.getpid).result() != os.getpid()  # it is still open
    assert tree(published) == tree(indexed)


@pytest.mark.heavy
def test_a_dead_process_is_replaced_and_its_granule_read(published: Path, indexed: Path) -> None:
    report = index_catalog(published, jobs=2, progress=done(1, kill_a_child))
    assert (len(report.indexed), report.failed) == (report.granules, ())
    assert tree(published) == tree(indexed)
    assert multiprocessing.active_children() == []


def test_an_executor_that_breaks_down_is_told_of(published: Path, indexed: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with (
        ProcessPoolExecutor(1, mp_context=context) as executor,
        pytest.raises(WorkersLostError, match="Start again"),
    ):
        index_catalog(published, executor=executor, jobs=2, progress=done(2, kill_a_child))
    assert verify(published).ok
    with ThreadPoolExecutor(2) as threads:
        report = index_catalog(published, executor=threads)
    assert report.before >= 2
    assert tree(published) == tree(indexed)


@pytest.mark.heavy
def test_a_dask_cluster_survives_the_death_of_a_worker(
    published: Path, indexed: Path, cloud: EarthdataStandin
) -> None:
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0"
        ) as cluster,
        Client(cluster) as client,
    ):
        workers = sorted(client.run(os.getpid).values())
        assert os.getpid() not in workers
        killed = done(1, lambda: os.kill(workers[0], signal.SIGKILL))
        report = index_catalog(published, executor=client.get_executor(), progress=killed)
        assert not alive(workers[0])
    assert (len(report.indexed), report.failed) == (report.granules, ())
    assert tree(published) == tree(indexed)
    assert logins(cloud) >= 2  # each worker its own


@pytest.mark.parametrize("jobs", [None, 2], ids=["threads", "processes"])
def test_interrupted_it_goes_on_where_it_stopped(
    published: Path, indexed: Path, jobs: int | None
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(published, jobs, progress=done(2, interrupt))
    assert verify(published).problems == ()
    assert not (published / STAGING).exists()
    kept = sum(bool(references(item)) for item in items(published).values())
    assert kept >= 2  # and those that workers were at, and brought to their end
    report = run(published, jobs)
    assert (report.before, len(report.indexed)) == (kept, GRANULES - kept)
    assert tree(published) == tree(indexed)


def run(folder: Path, jobs: int | None, **options: Any) -> Any:
    if jobs is not None:
        return index_catalog(folder, jobs=jobs, **options)
    with ThreadPoolExecutor(2) as threads:
        return index_catalog(folder, executor=threads, **options)


@pytest.mark.heavy
def test_killed_it_goes_on_and_leaves_no_worker_behind(published: Path, indexed: Path) -> None:
    script = (
        "import multiprocessing, os, signal, sys\n"
        "from catalog_builder.indexing.index_catalog import index_catalog\n"
        "def report(progress):\n"
        "    if progress.stage == 'reading granules' and progress.done == 2:\n"
        "        print(*(one.pid for one in multiprocessing.active_children()), flush=True)\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "index_catalog(sys.argv[1], jobs=2, progress=report)\n"
    )
    # Its workers would keep our end of a pipe open: let it write to a file.
    said = published.with_name("pids")
    with said.open("w") as output:
        killed = subprocess.run([sys.executable, "-c", script, str(published)], stdout=output)
    assert killed.returncode == -signal.SIGKILL
    workers = [int(pid) for pid in said.read_text().split()]
    assert workers
    end = time.monotonic() + 20
    while any(map(alive, workers)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(map(alive, workers))
    assert (published / STAGING).is_dir()
    report = index_catalog(published, jobs=2)
    assert report.before == 2
    assert tree(published) == tree(indexed)
    assert not (published / STAGING).exists()


def test_after_a_death_the_index_is_made_again(copied: Path, indexed: Path) -> None:
    plain = publish(copied.with_name("plain"))
    shutil.copy(plain / "items.parquet", copied / "items.parquet")
    (copied / STAGING).mkdir()
    index_catalog(copied, jobs=1)
    assert tree(copied) == tree(indexed)


def test_a_limit(published: Path) -> None:
    with ThreadPoolExecutor(2) as threads:
        report = index_catalog(published, executor=threads, limit=2)
        assert (len(report.indexed), report.left) == (2, report.granules - 2)
        assert verify(published).ok
        report = index_catalog(published, executor=threads, limit=1000)
    assert (report.before, report.left) == (2, 0)
    assert len(report.indexed) == report.granules - 2


def spoil(path: Path, change: Callable[[Item], None]) -> str:
    item = json.loads(path.read_bytes())
    change(item)
    path.write_text(json.dumps(item))
    return str(item["id"])


@pytest.mark.parametrize("jobs", [None, 2], ids=["threads", "processes"])
def test_a_granule_that_fails_does_not_stop_the_rest(published: Path, jobs: int | None) -> None:
    paths = list(items(published))
    other = json.loads(paths[3].read_bytes())["assets"]["data"]["href"]

    def lose(item: Item) -> None:
        for key in ("data", "https"):
            item["assets"][key]["href"] = item["assets"][key]["href"].replace(
                "/ATL03_", "/no/ATL03_"
            )

    def mistake(item: Item) -> None:
        item["assets"]["data"]["href"] = other

    def hide(item: Item) -> None:
        del item["assets"]["data"], item["assets"]["https"]

    bad = {
        spoil(paths[0], lose): "no",
        spoil(paths[1], mistake): f"another granule, {Path(other).stem}",
        spoil(paths[2], hide): "none of the assets data and https",
    }
    report = run(published, jobs)
    errors = {one.granule: one.error for one in report.failed}
    assert errors.keys() == bad.keys()
    for granule, words in bad.items():
        assert words in errors[granule]
    assert len(report.indexed) == GRANULES - 3
    assert [bool(references(item)) for item in items(published).values()] == [0, 0, 0, 1]


def test_without_a_login_it_stops_at_once(
    published: Path, cloud: EarthdataStandin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EARTHDATA_TOKEN")
    monkeypatch.setenv("NETRC", os.devnull)
    before = tree(published)
    with pytest.raises(LoginMissingError):
        index_catalog(published, jobs=1)
    assert tree(published) == before
    assert not (published / STAGING).exists()


def test_a_rebuild_keeps_the_references(copied: Path) -> None:
    before, written = tree(copied), times(copied)
    publish(copied)
    assert (tree(copied), times(copied)) == (before, written)


def test_a_rebuild_drops_what_is_gone_or_revised(
    copied: Path, cloud: EarthdataStandin, indexed: Path
) -> None:
    records = {
        record["umm"]["GranuleUR"][:36]: record
        for record in copy.deepcopy(list(cloud.world.granules))
    }
    gone, revised, touched, *_ = (item["id"] for item in items(copied).values())
    del records[gone]
    for granule in (revised, touched):
        records[granule]["meta"]["revision-id"] += 1
        records[granule]["meta"]["revision-date"] = "2026-01-01T00:00:00.000Z"
    records[revised] = with_size(records[revised], 2_000_000)
    cloud.world = replace(cloud.world, granules=list(records.values()))
    publish(copied)
    assert verify(copied).problems == ()
    after = {item["id"]: item for item in items(copied).values()}
    old = {item["id"]: item for item in items(indexed).values()}
    assert gone not in after
    assert references(after[revised]) == {}
    assert "icesat2:beams" not in after[revised]["properties"]
    assert references(after[touched]) == references(old[touched]) != {}
    left = {path.name[:36] for path in copied.rglob("*.zst")}
    assert left == after.keys() - {revised}
    assert [path for path in copied.rglob("*") if path.is_dir() and not any(path.iterdir())] == []


def test_where_it_cannot_be_done(published: Path, tmp_path: Path) -> None:
    with pytest.raises(CatalogNotFoundError, match=r"There is no .*nowhere/catalog\.json"):
        index_catalog(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
    failures = []

    def again() -> None:
        with pytest.raises(CatalogError, match="indexing run") as caught:
            publish(published)
        failures.append(caught.value)

    with ThreadPoolExecutor(1) as threads:
        index_catalog(published, executor=threads, limit=2, progress=done(1, again))
    assert len(failures) == 1
    (published / "build-report.json").unlink()
    with pytest.raises(CatalogError, match="build again, then index"):
        index_catalog(published)


def test_the_verb_on_a_cluster(published: Path, indexed: Path) -> None:
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=1, threads_per_worker=2, processes=True, dashboard_address="127.0.0.1:0"
    ) as cluster:
        arguments = ["index", str(published), "--dask", cluster.scheduler_address]
        answer = CliRunner().invoke(main, arguments)
    assert answer.exit_code == 0, answer.output
    assert tree(published) == tree(indexed)
