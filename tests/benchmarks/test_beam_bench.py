"""The benchmark's far store and its counting: what it reports rests on them."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import replace

import pytest
import requests

from benchmarks import classes
from benchmarks.floor import Floor
from benchmarks.our_openers import arrays_of
from benchmarks.server import Link, Store
from benchmarks.table import OURS, Row, promises, tables
from benchmarks.task import count_rounds
from catalog_builder import open_beam

DATA = bytes(range(256)) * 4000


@pytest.fixture
def far(tmp_path):
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "data").write_bytes(DATA)
    store = Store(folder=tmp_path.resolve(), latency=0.02, bandwidth=10e6, link=Link(1e9))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=store.serve, args=(listener,), daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=5-9", slice(5, 10)),
        ("bytes=-7", slice(-7, None)),
        ("bytes=1020000-", slice(1020000, None)),
    ],
)
def test_ranges_are_the_requested_ones(far, asked, part):
    answer = requests.get(f"{far}/bench/data", headers={"Range": asked}, timeout=5)
    assert answer.status_code == 206
    assert answer.content == DATA[part]


def test_a_whole_file_takes_its_latency_and_bandwidth(far):
    began = time.monotonic()
    answer = requests.get(f"{far}/bench/data?version=2", timeout=5)
    took = time.monotonic() - began
    assert answer.content == DATA
    assert took > 0.02 + 0.5 * len(DATA) / 10e6  # the last slice is not waited for


def test_only_files_of_the_folder_and_of_the_requested_version(far):
    etag = requests.head(f"{far}/bench/data", timeout=5).headers["ETag"]
    assert requests.get(f"{far}/bench/data", headers={"If-Match": etag}, timeout=5).ok
    other = requests.get(f"{far}/bench/data", headers={"If-Match": '"x"'}, timeout=5)
    assert other.status_code == 412
    assert requests.get(f"{far}/bench/none", timeout=5).status_code == 404
    assert requests.get(f"{far}/bench/%2e%2e/%2e%2e/etc/passwd", timeout=5).status_code == 404


def test_the_log_counts_requests_and_bytes(far):
    requests.get(f"{far}/-/reset", timeout=5)
    requests.get(f"{far}/bench/data", headers={"Range": "bytes=0-99"}, timeout=5)
    requests.head(f"{far}/bench/data", timeout=5)
    log = requests.get(f"{far}/-/log", timeout=5).json()
    assert [(entry["method"], entry["bytes"]) for entry in log] == [("GET", 100), ("HEAD", 0)]


def test_arrays_of_a_dataset_are_those_of_its_photons(stored):
    beam = open_beam(stored[1], "gt1l", ["h_ph", "signal_conf_ph"])
    assert "crs" in beam.coords  # of no dimension
    arrays = arrays_of(beam, ["heights/h_ph", "heights/signal_conf_ph"])
    assert {name.removeprefix("heights/") for name in arrays} == {
        *("h_ph", "signal_conf_ph", "lat_ph", "lon_ph", "delta_time")
    }
    assert {len(values) for values in arrays.values()} == {beam.sizes["photon"]}


def test_rounds_are_the_longest_row_of_requests_one_after_the_other():
    def entry(began, ended):
        return {"began": began, "ended": ended}

    assert count_rounds([]) == 0
    assert count_rounds([entry(0, 2), entry(1, 3), entry(1.5, 4)]) == 1
    assert count_rounds([entry(0, 2), entry(1, 3), entry(2.5, 4), entry(4, 5)]) == 3


def test_tables_tell_what_was_missed():
    floor = Floor(bytes=60_000_000, inflate=0.4, cores=2)

    def row(opener, wall, gets):
        run = {
            "wall": wall,
            "cpu": 0.5,
            "rss": 1e6,
            "gets": gets,
            "bytes": 61e6,
            "catalog": 1,
            "rounds": 1,
        }
        return Row(opener=opener, layout="v006", task="a", floor=floor, runs=(run,), error=None)

    rows = [row(OURS, 0.3, 99), row("h5coro", 1.2, 20)]
    missed = [line for line in promises(rows) if "MISSED" in line]
    assert missed == ["- MISSED: a, v006, ours, references: GETs 99, at most 14"]
    kerchunk = row("kerchunk + zarr", 0.2, 20)
    assert "against h5coro 0.3, at most 0.4" in "".join(promises([*rows, kerchunk]))
    indexed = row("hidefix with saved index", 0.42, 20)
    assert "1.5 times of it against hidefix with saved index 0.3, at most 0.28" in "".join(
        promises([*rows, indexed])
    )
    slow = row(OURS, 1.3 * floor.wall, 9)
    for task in ("a", "g"):
        missed = [line for line in promises([replace(slow, task=task)]) if "MISSED" in line]
        assert any("wall s" in line for line in missed)
    about = {"date": "2026-01-01", "cores": 2, "processor": "x", "granules": "y"}
    about["sets"] = {"v006": {"beams": 6, "bytes": 250_123, "load": 0.0041, "load_all": 0.0123}}
    told = "six beams: 250 kB (v006), one beam loaded in 4.1 ms, all in 12.3 ms."
    assert told in tables(rows, about)
    assert "| h5coro | 20+1 | 1 | 61.0 | 60.0 | 0.50 | 1 | 1.200 |" in tables(rows, about)


def test_classes_are_told_beside_the_beam_without() -> None:
    plain = {"wall": 0.5, "cpu": 0.4, "gets": 16, "rounds": 1, "bytes": 72_000_000}
    more = {"wall": 0.6, "cpu": 0.5, "gets": 21, "rounds": 1, "bytes": 91_000_000}
    row = {
        "layout": "v007",
        "what": "one degree",
        "with": more,
        "without": plain,
        "ratio": 1.2,
        "needed": 90_000_000,
        "failed": False,
    }
    (line,) = [one for one in classes.table([row]).splitlines() if "v007" in one]
    assert line == (
        "| v007 | one degree | 0.600 | 0.500 | 1.20 | 1.5 | 0.50 | 0.40 | 1.25 | 21 (16) | 1 (1) "
        "| 91.0 | 90.0 | 1.01 |"
    )
