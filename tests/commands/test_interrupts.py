"""Ctrl-C ends long work of every kind, whatever it waits for, with the exit code of shells."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from published_catalog import publish

from earthdata_standin import EarthdataStandin, World
from tests.commands.running import FIJI
from tests.conftest import forget_keys

LONG = {
    "search": "search {definition}",
    "build": "build {definition} --out {to}/built",
    "index": "index {catalog}",
    "photons": "photons {catalog} --bbox=-180,-90,180,90 --out {to}/photons.nc",
    "plot": "plot {catalog} {granule} --out {to}/beam.png",
    "download": "download {catalog} {granule} --to {to}/saved",
    "beams": "download {catalog} {granule} --beam gt1l --to {to}/saved",
    "info": "info {catalog} {granule}",
    "compare": "compare {definition}",
    "doctor": "doctor",
    "nasa-check": "nasa-check --report {to}/report.md",
}


@pytest.fixture(scope="module")
def slow_cloud(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[EarthdataStandin, Path]]:
    """A cloud that takes a minute for each answer, and a catalog of it."""
    world = World.simulate(granules=3, photons=200, folder=tmp_path_factory.mktemp("world"))
    with (
        EarthdataStandin(world=world, rewrite_links=True) as cloud,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in cloud.environment.items():
            patch.setenv(name, value)
        forget_keys(patch)
        catalog = publish(tmp_path_factory.mktemp("catalog"))
        cloud.faults.slow = 60
        yield cloud, catalog


@pytest.mark.parametrize(
    "verb",
    [name if name == "build" else pytest.param(name, marks=pytest.mark.heavy) for name in LONG],
)
def test_ctrl_c_ends_it(
    verb: str, slow_cloud: tuple[EarthdataStandin, Path], tmp_path: Path
) -> None:
    cloud, catalog = slow_cloud
    granule = next(catalog.rglob("ATL03_*_01.json")).stem
    line = LONG[verb].format(definition=FIJI, catalog=catalog, granule=granule, to=tmp_path)
    cloud.requests.clear()
    with subprocess.Popen(
        [sys.executable, "-m", "catalog_builder.cli", *line.split()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        wait = threading.Event()
        while not cloud.requests and process.poll() is None and not wait.wait(0.05):
            pass
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 130, stdout + stderr
    assert "Traceback" not in stderr
    assert not list(tmp_path.glob("*.nc"))


@pytest.mark.heavy
def test_ctrl_c_ends_an_upload_that_nobody_answers(
    slow_cloud: tuple[EarthdataStandin, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, catalog = slow_cloud
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "key")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{port}")
        command = [sys.executable, "-m", "catalog_builder.cli", "publish"]
        with subprocess.Popen(
            [*command, str(catalog), "s3://elsewhere/catalog"], stderr=subprocess.PIPE, text=True
        ) as process:
            connection, _ = silent.accept()
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate(timeout=30)
            connection.close()
    assert process.returncode == 130, stderr
