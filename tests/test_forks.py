"""A forked child of a process that read: by every door an answer, and the parent goes on."""

from __future__ import annotations

import faulthandler
import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import fsspec
import intake
import numpy as np
import pytest
from click.testing import CliRunner
from published_catalog import publish
from scripted_server import Answer, Asked, ScriptedServer
from stored_chunks import all_rows, file_references
from stored_files import BUCKET, KEY, links_to, store, write_granule
from web_folder import serve_folder

import catalog_builder
from catalog_builder import forks
from catalog_builder.auth.s3_credentials import find_credentials
from catalog_builder.beams.read.fetch import read_planned
from catalog_builder.beams.read.plan import plan_reads
from catalog_builder.beams.storage.byte_source import _collection_paused
from catalog_builder.beams.storage.granule_file import open_hdf5
from catalog_builder.beams.storage.s3 import StoreSource
from catalog_builder.byte_cache import ByteCache
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.cli import main
from catalog_builder.errors import AccessError, StaleReferencesError
from catalog_builder.indexing.index_catalog import index_catalog
from catalog_builder.opening.one_granule import describe, open_lazy
from catalog_builder.opening.resolve import resolve
from catalog_builder.saving import save_beams, save_granules
from catalog_builder.transport.session import PlainSession
from earthdata_standin import EarthdataStandin, World

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")

HANGS = 5
"""Seconds after its start signal in which a child answers, or still works: one that has used no
processor time meanwhile hangs. A child that works may take longer where the machine is busy."""

SECONDS = 20
"""How long several processes together may take: one that hangs, hangs for ever."""

MOST = 120
"""Seconds after which children are killed that only seem to work."""

Item = dict[str, Any]


@contextmanager
def forking() -> Iterator[None]:
    """Python 3.12 and later warn of a fork beside threads: that is what is tried here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def in_child(work: Callable[[], Any], hangs: float = HANGS) -> Any:
    """What comes of it in a forked child, which is killed where it does not answer."""
    here, there = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(target=answer, args=(there, work))
    with forking():
        child.start()
    there.close()
    try:
        assert here.poll(MOST), "the child does not start"
        assert here.recv() == "started"
        assert answers(here, child.pid or 0, hangs), f"the child gave no answer in {hangs} s"
        outcome = here.recv()
    finally:
        child.kill()
        child.join()
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome


def answers(here: Connection, child: int, hangs: float) -> bool:
    """Whether a child answers before it hangs."""
    began = time.monotonic()
    wait, used = hangs, processor_time(child)
    while not here.poll(wait):
        before, used = used, processor_time(child)
        if used == before or time.monotonic() > began + MOST:
            return False
        wait = 1.0
    return True


def processor_time(process: int) -> str:
    """What a process has used of it; the empty text where the system does not say."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return " ".join(stat[11:13])


def answer(there: Connection, work: Callable[[], Any]) -> None:
    there.send("started")
    try:
        there.send(work())
    except BaseException as error:
        there.send(error)


@contextmanager
def forked_pool() -> Iterator[ProcessPoolExecutor]:
    """Two forked workers, which are killed where they do not end."""

    def kill() -> None:
        for child in multiprocessing.active_children():
            child.kill()

    timer = threading.Timer(MOST, kill)
    timer.start()
    context = multiprocessing.get_context("fork")
    try:
        with forking(), ProcessPoolExecutor(2, mp_context=context) as pool:
            yield pool
    finally:
        timer.cancel()


def in_python(program: str) -> str:
    """What a new interpreter prints, which is killed with its children where it does not end."""
    with subprocess.Popen(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            return process.communicate(timeout=SECONDS)[0]
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise


@pytest.fixture(scope="module")
def cloud(world: World) -> Iterator[EarthdataStandin]:
    with (
        EarthdataStandin(world=world, rewrite_links=True) as cloud,
        pytest.MonkeyPatch.context() as m,
    ):
        for name in list(os.environ):
            if name in {"CMR_URL", "NETRC"} or name.startswith(("EARTHDATA_", "AWS_")):
                m.delenv(name)
        for name, value in cloud.environment.items():
            m.setenv(name, value)
        records = [record for record in cloud.world.granules if in_the_cloud(record)]
        cloud.world = replace(cloud.world, granules=records[:3])
        yield cloud


def in_the_cloud(record: Item) -> bool:
    links = {link["Type"] for link in record["umm"]["RelatedUrls"]}
    release = record["meta"]["collection-concept-id"] == "C3326974349-NSIDC_CPRD"
    return release and "GET DATA VIA DIRECT ACCESS" in links


@pytest.fixture(scope="module")
def folder(cloud: EarthdataStandin, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog with references."""
    folder = publish(tmp_path_factory.mktemp("published") / "catalog")
    with ThreadPoolExecutor(4) as threads:
        index_catalog(folder, executor=threads)
    return folder


@pytest.fixture(scope="module")
def hosted(folder: Path) -> Iterator[str]:
    with ScriptedServer(serve_folder(folder)) as server:
        yield server.url


@pytest.fixture
def items(folder: Path) -> list[Item]:
    """Of granules with references, two of which this process has read by every library."""
    items = [i.to_dict() for i in catalog_builder.open_index(folder)]
    items = [item for item in items if "references" in item["assets"]]
    for item in items[:2]:
        heights(item)
        heights(item, references=False)
        heights(item, references=False, access="https")
    return items


def heights(item: Item, **options: Any) -> float:
    return float(catalog_builder.open_beam(item, "gt1l", ["h_ph"], **options).h_ph.sum())


def tree_heights(item: Item) -> float:
    return float(catalog_builder.open_granule(item, ["gt1l"], ["h_ph"])["gt1l"].h_ph.sum())


def lazy_heights(item: Item) -> float:
    return float(open_lazy(item, "gt1l", ["h_ph"]).h_ph.sum().compute(scheduler="threads"))


def many_heights(item: Item) -> float:
    tree = catalog_builder.open_beams([item], "gt1l", ["h_ph"])
    return float(tree[item["id"]].h_ph.sum().compute())


def photon_heights(item: Item) -> float:
    found = catalog_builder.open_photons(
        [item], (-180, -90, 180, 90), beams=["gt1l"], variables=["h_ph"]
    )
    return float(found.h_ph.sum())


def known_chunks(item: Item) -> dict[str, int]:
    found = catalog_builder.open_references(item)
    return {beam: len(one.datasets) for beam, one in found.beams.items()}


DOORS: dict[str, Callable[[Item], Any]] = {
    "open_references": known_chunks,
    "open_photons": photon_heights,
    "describe": describe,
    "open_beam": heights,
    "open_beam, h5py": lambda item: heights(item, references=False),
    "open_beam, https": lambda item: heights(item, access="https"),
    "open_granule": tree_heights,
    "open_beams": many_heights,
    "to_dask": lazy_heights,
}


# -- every door


@pytest.mark.parametrize("door", DOORS)
def test_a_child_reads_the_same(items: list[Item], door: str) -> None:
    read = DOORS[door]
    for item in (items[0], items[-1]):  # read by the parent, and not
        assert in_child(partial(read, item)) == read(item)


def test_a_pool_of_forked_workers_reads(items: list[Item]) -> None:
    with forking(), multiprocessing.get_context("fork").Pool(2) as pool:
        found = pool.map_async(heights, items).get(SECONDS)
    assert found == list(map(heights, items))


def test_a_fork_of_a_fork_reads(items: list[Item]) -> None:
    def fork_again() -> Any:
        return heights(items[0]), in_child(lambda: heights(items[0])), heights(items[1])

    first, second = heights(items[0]), heights(items[1])
    # The child itself only waits for a while.
    assert in_child(fork_again, SECONDS) == (first, first, second)


def test_a_child_downloads(items: list[Item], cloud: EarthdataStandin, tmp_path: Path) -> None:
    for number, access in enumerate(("s3", "https")):
        # What the parent has read by obstore, too, in this process.
        (here,) = save_granules([items[0]], tmp_path / f"here{number}", access=access)
        to = tmp_path / f"there{number}"
        (there,) = in_child(partial(save_granules, [items[0]], to, access=access))
        assert there.read_bytes() == here.read_bytes()


def test_the_verbs_answer_in_a_child(items: list[Item], folder: Path, tmp_path: Path) -> None:
    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(main, words)
        return done.exit_code, done.output

    granule = items[0]["id"]
    code, output = in_child(lambda: run("download", str(folder), granule, "--to", str(tmp_path)))
    assert code == 0, output
    assert list(tmp_path.glob("*.h5"))
    code, output = in_child(lambda: run("verify", str(folder)))
    assert code == 0, output


def test_dask_computes_in_forked_processes(items: list[Item]) -> None:
    lazy = open_lazy(items[0], "gt1l", ["h_ph"], chunks=500)
    with forked_pool() as pool:
        found = lazy.h_ph.sum().compute(scheduler="processes", pool=pool)
    assert float(found) == pytest.approx(heights(items[0]))


def test_forked_workers_index(cloud: EarthdataStandin, items: list[Item], tmp_path: Path) -> None:
    again = publish(tmp_path / "again")
    with forked_pool() as pool:
        report = index_catalog(again, executor=pool)
    assert (report.failed, len(report.indexed) > 0) == ((), True)


def test_a_child_searches(folder: Path, hosted: str, items: list[Item]) -> None:
    for address in (str(folder), hosted):
        index = catalog_builder.open_index(address)
        ids = search(index, items[0])
        assert items[0]["id"] in ids
        assert in_child(partial(search, index, items[0])) == ids
        assert in_child(lambda: search(catalog_builder.open_index(address), items[0])) == ids  # noqa: B023
        assert in_child(lambda: catalog_builder.verify(address).ok)  # noqa: B023


def test_a_child_searches_in_s3(cloud: EarthdataStandin, folder: Path, items: list[Item]) -> None:
    world = cloud.world
    store(cloud, {"catalog/items.parquet": folder / "items.parquet"})
    keys = find_credentials(cloud.credentials_endpoint)()
    options = {
        "key": keys["access_key_id"],
        "secret": keys["secret_access_key"],
        "token": keys["token"],
        "endpoint_url": os.environ["AWS_ENDPOINT_URL_S3"],
    }
    address = f"s3://{BUCKET}/catalog"
    try:
        index = catalog_builder.open_index(address, storage_options=options)
        ids = search(index, items[0])
        assert items[0]["id"] in ids
        assert in_child(partial(search, index, items[0])) == ids
        again = partial(catalog_builder.open_index, address, storage_options=options)
        assert in_child(lambda: search(again(), items[0])) == ids
        assert search(index, items[0]) == ids
    finally:
        cloud.world = world


def test_a_child_that_hangs_is_told() -> None:
    lock = threading.Lock()
    lock.acquire()
    began = time.monotonic()
    with pytest.raises(AssertionError, match="no answer in 5 s"):
        in_child(lock.acquire)
    assert time.monotonic() - began >= HANGS


def search(index: ItemIndex, item: Item) -> list[str]:
    found = index.search(rgt=item["properties"]["sat:relative_orbit"])
    return sorted(each.id for each in found)


def test_intake_reads_in_a_child(hosted: str, items: list[Item]) -> None:
    catalog = intake.open_catalog(f"{hosted}/catalog.yml")

    def read(catalog: Any) -> float:
        return float(catalog.beam(granule=items[0]["id"], beam="gt1l").read().h_ph.sum())

    assert read(catalog) == heights(items[0])
    assert in_child(lambda: read(catalog)) == heights(items[0])
    assert in_child(lambda: read(intake.open_catalog(f"{hosted}/catalog.yml"))) == heights(
        items[0]
    )


# -- a fork in the middle of something


@pytest.mark.parametrize("references", [None, False])
def test_a_fork_while_another_thread_reads(items: list[Item], references: Any) -> None:
    over = threading.Event()

    def go_on() -> None:
        while not over.is_set():
            heights(items[0], references=references)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        for _ in range(3):
            assert in_child(lambda: (heights(items[0]), gc.isenabled())) == (
                (heights(items[0]), True)
            )
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("access", ["s3", "https"])
def test_a_file_that_was_open_is_read_on(
    cloud: EarthdataStandin, tmp_path: Path, access: Any
) -> None:
    world, path = cloud.world, write_granule(tmp_path / "granule.h5")
    store(cloud, {KEY: path})
    try:
        with open_hdf5(links_to(cloud), access) as (file, _):
            assert int(file["first"][0]) == 0
            assert in_child(lambda: int(file["second"][-1])) == file["second"].shape[0] - 1
            assert int(file["second"][7]) == 7  # and here too
    finally:
        cloud.world = world


def test_planned_reads_in_a_child_know_another_version(
    cloud: EarthdataStandin, tmp_path: Path
) -> None:
    world, path = cloud.world, write_granule(tmp_path / "granule.h5", 300_000)
    store(cloud, {KEY: path})
    links = links_to(cloud)
    references = file_references(path, etag=StoreSource(links).etag)
    plan = plan_reads(references, all_rows(references))
    try:
        here = read_planned(links, plan, "s3")
        there = in_child(lambda: read_planned(links, plan, "s3"))
        np.testing.assert_array_equal(there["first"], here["first"])
        write_granule(path, 300_001)
        with pytest.raises(StaleReferencesError):
            in_child(lambda: read_planned(links, plan, "s3"))
    finally:
        cloud.world = world


def test_an_open_store_is_refused_by_name(items: list[Item], cloud: EarthdataStandin) -> None:
    source = StoreSource(resolve(items[0]).links)
    with pytest.raises(AccessError, match=r"forked from.*'spawn' or 'forkserver'"):
        in_child(lambda: source.read(0, 10))


def test_a_fork_while_another_thread_saves(items: list[Item], tmp_path: Path) -> None:
    from xarray.backends.locks import HDF5_LOCK

    with HDF5_LOCK:  # as while it writes
        (file,) = in_child(partial(save_beams, [items[0]], tmp_path, beams=["gt1l"]))
    assert file.is_file()


# -- what belongs to one process


def test_locks_are_free_in_a_child() -> None:
    lock = forks.Lock()

    def enter() -> bool:
        with lock:
            return True

    with lock:
        assert in_child(enter)
    assert enter()


def test_what_was_counted_is_put_right() -> None:
    cache = ByteCache[str, str](1000)
    cache.put("a", "value", 16)
    cache._bytes = -7  # as between two statements
    assert in_child(lambda: cache.bytes) == 16
    _collection_paused.__enter__()
    try:
        assert (gc.isenabled(), in_child(gc.isenabled)) == (False, True)
    finally:
        _collection_paused.__exit__()


def test_a_child_gets_keys_of_its_own(cloud: EarthdataStandin) -> None:
    provider = find_credentials(cloud.credentials_endpoint)
    mine = provider()
    theirs = in_child(lambda: dict(provider()))
    assert theirs["access_key_id"] != mine["access_key_id"]
    assert provider() == mine


def test_sessions_share_no_connection() -> None:
    def reply(asked: Asked) -> Answer:
        return Answer(body=asked.path.encode())

    with ScriptedServer(reply) as server, PlainSession() as session:
        session.cookies.set("kept", "yes")
        assert session.get(f"{server.url}/a").text == "/a"
        assert connections(session) == 1

        def ask() -> tuple[str, int, str | None]:
            fresh = connections(session)
            return session.get(f"{server.url}/b").text, fresh, session.cookies.get("kept")

        assert in_child(ask) == ("/b", 0, "yes")
        assert session.get(f"{server.url}/c").text == "/c"
        assert connections(session) == 1


def connections(session: PlainSession) -> int:
    """How many servers it is connected to."""
    return len(session.get_adapter("http://any").poolmanager.pools)  # type: ignore[attr-defined]


def test_a_child_does_not_disturb_the_file_systems_of_its_parent(hosted: str) -> None:
    """A connection that it closes must not be taken from the selector, which both share."""
    url = f"{hosted}/catalog.json"
    files = fsspec.filesystem("http")
    whole = files.cat_file(url)
    gc.collect()  # what tests before left is not the child's to clear away

    def leave() -> float:
        nonlocal files
        faulthandler.dump_traceback_later(HANGS - 0.5, file=sys.__stderr__)  # where it hangs
        began = time.monotonic()
        fsspec.filesystem("http").cat_file(url)  # forgets those of the parent
        del files
        gc.collect()
        return time.monotonic() - began

    assert in_child(leave) < SECONDS
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(files.cat_file, url).result(SECONDS) == whole


# -- in an interpreter of its own


def test_a_fork_where_nothing_was_read_keeps_obstore() -> None:
    program = (
        "import os, sys, catalog_builder.opening.one_granule, catalog_builder.forks as forks\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    print(forks.obstore_is_lost(), 'obstore' in sys.modules, flush=True)\n"
        "    import obstore\n"
        "    if os.fork() == 0: print(forks.obstore_is_lost(), flush=True)\n"
        "    else: os.wait()\n"
        "    os._exit(0)\n"
        "os.waitpid(pid, 0)\n"
    )
    assert in_python(program).split() == ["False", "False", "True"]


def test_a_fork_takes_the_lock_of_hdf5_before_those_of_pools() -> None:
    """Where h5py was imported first, its hook would wait for a thread that waits for a pool."""
    program = (
        "import os, threading, time, h5py\n"
        "from h5py._objects import phil\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "import catalog_builder.forks\n"
        "inside = threading.Event()\n"
        "pool = ThreadPoolExecutor(1)\n"
        "def read():\n"
        "    with phil:\n"
        "        inside.set(); time.sleep(0.3)\n"
        "        pool.submit(int).result()\n"
        "thread = threading.Thread(target=read, daemon=True); thread.start(); inside.wait()\n"
        "pid = os.fork()\n"
        "if pid == 0: os._exit(0)\n"
        "os.waitpid(pid, 0); thread.join(); print('done')\n"
    )
    assert in_python(program).split() == ["done"]


def test_a_fork_waits_for_what_another_thread_imports(tmp_path: Path) -> None:
    (tmp_path / "slow_to_import.py").write_text(
        "import threading, time, sys\nsys.begun.set(); time.sleep(0.5)\nvalue = 7\n"
    )
    program = (
        "import os, sys, threading\n"
        "import catalog_builder.forks\n"
        f"sys.path.insert(0, {str(tmp_path)!r}); sys.begun = threading.Event()\n"
        "threading.Thread(target=__import__, args=('slow_to_import',)).start()\n"
        "sys.begun.wait()\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    import slow_to_import\n"
        "    print(slow_to_import.value, flush=True); os._exit(0)\n"
        "os.waitpid(pid, 0)\n"
    )
    assert in_python(program).split() == ["7"]
