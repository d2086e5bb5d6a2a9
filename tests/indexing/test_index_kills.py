"""kill -9 of workers, schedulers and drivers, on each engine: nothing is lost."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from building import WORLD, build_from, records_of, tree
from canned_scans import CannedScans
from index_engines import ENGINES

from benchmarks.measured_command import tree_of
from catalog_builder.catalog.stac.validation import StacSchemas
from catalog_builder.catalog.verify.checks import verify
from catalog_builder.indexing.index_catalog import index_catalog
from earthdata_standin import EarthdataStandin

TESTS = Path(__file__).parent.parent
KILLS = 20
"""Of each victim, over all engines."""

PROCESSES = [name for name in ENGINES if name != "threads"]


@pytest.fixture(autouse=True)
def not_against_the_schemas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Items of indexed granules are held against them elsewhere."""
    monkeypatch.setattr(StacSchemas, "problems", lambda *_: [])


@pytest.fixture(scope="module")
def cloud() -> Iterator[EarthdataStandin]:
    with EarthdataStandin(world=WORLD, rewrite_links=True) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def plain(cloud: EarthdataStandin, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog that was never indexed."""
    folder = tmp_path_factory.mktemp("plain") / "public"
    build_from(cloud, folder, records_of(), jobs=1)
    return folder


@pytest.fixture(scope="module")
def whole(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """That, indexed at one sitting."""
    folder = Path(shutil.copytree(plain, tmp_path_factory.mktemp("whole") / "public"))
    index_catalog(folder, executor=CannedScans())
    return tree(folder)


def items(folder: Path) -> int:
    return len(list(folder.glob("ATL03_007/cycle-*/*/ATL03_*.json")))


def indexed(folder: Path) -> int:
    bodies = (path.read_bytes() for path in folder.glob("ATL03_007/cycle-*/*/ATL03_*.json"))
    return sum("icesat2:beams" in json.loads(body)["properties"] for body in bodies)


def environment(cloud: EarthdataStandin) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "EARTHDATA_", "CMR_")) and name != "NETRC"
    }
    path = os.pathsep.join((str(TESTS), str(TESTS.parent)))
    return kept | dict(cloud.environment) | {"PYTHONPATH": path}


@contextmanager
def program(arguments: list[str], env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A program in a process group of its own, all of which is gone at the end."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        env=env,
        cwd=TESTS.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with_it = tree_of(process.pid)
        for pid in reversed(with_it):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


class Cluster:
    """A dask scheduler and two workers, each a process of its own."""

    def __init__(self, stack: ExitStack, folder: Path, env: dict[str, str]) -> None:
        file = folder / "scheduler.json"
        dask = ["-m", "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard"]
        quiet = [*dask, "--host", "127.0.0.1", "--scheduler-file", str(file)]
        self.scheduler = stack.enter_context(program(quiet, env))
        wait_until(file.exists)
        worker = ["-m", "distributed.cli.dask_worker", "--no-dashboard", "--nthreads", "1"]
        self.workers = stack.enter_context(
            program([*worker, "--nworkers", "2", "--scheduler-file", str(file)], env)
        )
        wait_until(lambda: "address" in file.read_text())
        self.address: str = json.loads(file.read_text())["address"]


def wait_until(condition: object, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.05)


def worker_of(pids: list[int]) -> int:
    """A process that scans: not one that tracks resources or serves forks."""

    def is_worker(pid: int) -> bool:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
        return not any(name in words for name in (b"resource_tracker", b"-m distributed.cli"))

    return random.choice([pid for pid in pids if is_worker(pid)])


def kill(
    name: str, victim: str, cloud: EarthdataStandin, plain: Path, whole: dict[str, str], tmp: Path
) -> str:
    """Kill at a random moment, look at what is left, finish; returns how the run ended."""
    folder = Path(shutil.copytree(plain, tmp / "public"))
    env = environment(cloud)
    with ExitStack() as stack:
        cluster = Cluster(stack, tmp, env) if name == "dask" else None
        address = [] if cluster is None else [cluster.address]
        arguments = ["-m", "index_engines", name, str(folder), *address]
        driver = stack.enter_context(program(arguments, env))
        assert driver.stdout is not None
        moment = random.randrange(1, 25)
        for line in driver.stdout:
            if line.strip() == str(moment):
                break
        if victim == "driver":
            os.kill(driver.pid, signal.SIGKILL)
        elif victim == "scheduler":
            assert cluster is not None
            os.kill(cluster.scheduler.pid, signal.SIGKILL)
        else:
            above = driver.pid if cluster is None else cluster.workers.pid
            os.kill(worker_of(tree_of(above)[1:]), signal.SIGKILL)
        said = output_of(driver)
        kept = indexed(folder)
        assert kept >= moment - 1
        assert driver.returncode != 0 or kept == items(folder)
        assert verify(folder).problems == ()
    report = index_catalog(folder, executor=CannedScans())
    assert report.before == kept
    assert tree(folder) == whole
    shutil.rmtree(folder)
    return said if driver.returncode else "finished"


def output_of(driver: subprocess.Popen[str]) -> str:
    """What it said until its end; the workers of a pool that is not ours outlive it."""
    driver.wait(timeout=100)
    with suppress(ProcessLookupError):
        os.killpg(driver.pid, signal.SIGKILL)
    return driver.communicate(timeout=100)[0]


def check(name: str, victim: str, ended: str) -> None:
    """Where workers are not replaced, that is told, unless all was done by then."""
    if victim == "worker" and name in ("own", "dask"):
        assert ended == "finished"
    elif victim != "driver" and ended != "finished":
        assert "WorkersLostError: The workers are gone" in ended
        assert "Start again" in ended


def test_a_worker_of_our_own_is_killed(
    cloud: EarthdataStandin, plain: Path, whole: dict[str, str], tmp_path: Path
) -> None:
    check("own", "worker", kill("own", "worker", cloud, plain, whole, tmp_path))


@pytest.mark.heavy
@pytest.mark.parametrize("victim", ["worker", "driver"])
@pytest.mark.parametrize("name", PROCESSES)
def test_kills(
    name: str,
    victim: str,
    cloud: EarthdataStandin,
    plain: Path,
    whole: dict[str, str],
    tmp_path: Path,
) -> None:
    for number in range(KILLS // len(PROCESSES)):
        folder = tmp_path / str(number)
        folder.mkdir()
        check(name, victim, kill(name, victim, cloud, plain, whole, folder))


@pytest.mark.heavy
def test_kills_of_a_scheduler(
    cloud: EarthdataStandin, plain: Path, whole: dict[str, str], tmp_path: Path
) -> None:
    for number in range(KILLS):
        folder = tmp_path / str(number)
        folder.mkdir()
        check("dask", "scheduler", kill("dask", "scheduler", cloud, plain, whole, folder))
