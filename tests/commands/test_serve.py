"""The verb that hosts a catalog."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import requests


def test_serve_hosts_until_ctrl_c(built: Path) -> None:
    command = [sys.executable, "-m", "catalog_builder.cli", "serve", str(built), "--port", "0"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert requests.get(url, timeout=10).json()["title"] == "Ice"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "intake.open_catalog(" in errors
    assert "Traceback" not in errors
