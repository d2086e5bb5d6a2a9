"""The stand-in as a whole: start and stop, ports, its command, its log."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest
import requests

from earthdata_standin import EarthdataStandin, Faults, World
from tests.earthdata_standin.standin_clients import (
    get,
)


def test_starts_and_stops_clean(world: World) -> None:
    threads = threading.active_count()
    with EarthdataStandin(world=world) as cloud:
        assert get(cloud, "collections.umm_json").status_code == 200
    assert threading.active_count() == threads
    with pytest.raises(requests.ConnectionError):
        get(cloud, "collections.umm_json")


def test_stops_under_a_request_that_waits(world: World) -> None:
    cloud = EarthdataStandin(world=world, faults=Faults(slow=60))
    cloud.start()
    errors: list[Exception] = []

    def ask() -> None:
        try:
            get(cloud, "collections.umm_json")
        except requests.ConnectionError as error:
            errors.append(error)

    asker = threading.Thread(target=ask)
    asker.start()
    while not cloud.requests:
        time.sleep(0.01)
    cloud.stop()
    asker.join(timeout=5)
    assert len(errors) == 1


def test_five_ports_in_a_row_or_a_clear_failure(world: World) -> None:
    with EarthdataStandin(world=world) as taken:
        port = int(taken.cmr_url.split(":")[2].split("/")[0])
        with pytest.raises(OSError, match="in use"):
            EarthdataStandin(port=port, world=world).start()


def test_the_command_prints_its_environment_and_stops() -> None:
    command = [sys.executable, "-m", "earthdata_standin", "--granules", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            lines = list(iter(server.stdout.readline, "# Ctrl-C to stop.\n"))
            exported = dict(
                line.removeprefix("export ").strip().split("=", 1)
                for line in lines
                if line.startswith("export ")
            )
            url = f"{exported['CMR_URL']}/collections.umm_json"
            assert requests.get(url, timeout=10).json()["hits"] == 3
        finally:
            server.terminate()
        assert server.wait(timeout=10) == 0


def test_the_log_names_no_secret(cloud: EarthdataStandin) -> None:
    get(cloud, "collections.umm_json", headers={"Authorization": f"Bearer {cloud.token}"})
    (entry,) = cloud.requests
    assert (entry.service, entry.method, entry.status) == ("cmr", "GET", 200)
    assert entry.authorization == "Bearer"
    assert entry.bytes > 1000
    assert cloud.token not in repr(cloud.requests)
