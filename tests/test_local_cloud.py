"""The former command of the stand-in still works, and names its new place."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import requests

ROOT = Path(__file__).parent.parent


def test_the_former_command_serves_and_names_its_new_place() -> None:
    command = [sys.executable, "-m", "catalog_builder.local_cloud", "--granules", "2"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            lines = list(iter(server.stdout.readline, "# Ctrl-C to stop.\n"))
            (url,) = (line.split("=", 1)[1] for line in lines if line.startswith("export CMR_URL"))
            found = requests.get(f"{url.strip()}/collections.umm_json", timeout=10)
            assert found.json()["hits"] == 3
        finally:
            server.terminate()
        _, output = server.communicate(timeout=10)
        assert server.returncode == 0
    assert "python -m earthdata_standin" in output


def test_the_stand_in_is_in_the_wheel_and_typed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    assert "earthdata_standin" in project["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert "earthdata_standin" in project["mypy"]["packages"]
    assert (ROOT / "earthdata_standin" / "py.typed").is_file()
