"""The verb that starts the cloud of a demo again; tests/test_demo opens granules from it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.running import run


def test_no_demo(tmp_path: Path) -> None:
    result = run("standin", tmp_path)
    assert result.exit_code == 1
    assert f"{tmp_path} holds no demo: `catalog-builder demo --out {tmp_path}`" in result.stderr


@pytest.mark.parametrize(
    "known",
    [
        *("[]", "7", "{}", "[" * 100_000, "\xff", '{"port": 8100, "granules": 1e999}'),
        *('{"port": 99999999, "granules": 3}', '{"port": 8100, "granules": 100000000}'),
        *('{"port": "8100", "granules": 3}', '{"port": 8100, "granules": [1]}'),
    ],
)
def test_what_a_folder_says_is_not_trusted(tmp_path: Path, known: str) -> None:
    (tmp_path / "cloud.json").write_text(known, encoding="latin-1")
    result = run("standin", str(tmp_path))
    assert result.exit_code == 1
    assert "holds no demo" in result.stderr


def test_it_prints_the_environment_until_ctrl_c(tmp_path: Path) -> None:
    port = 20_000 + os.getpid() % 9000
    (tmp_path / "cloud.json").write_text(f'{{"port": {port}, "granules": 3}}')
    with subprocess.Popen(
        [sys.executable, "-m", "catalog_builder.cli", "standin", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(5)]
        assert lines[0] == f"export CMR_URL=http://127.0.0.1:{port}/search\n"
        process.send_signal(signal.SIGINT)
        _, told = process.communicate()
    assert "export AWS_ENDPOINT_URL_S3=" in "".join(lines)
    assert told.endswith("Stopped.\n")
    assert process.returncode == 0
