"""The verb that uploads a catalog."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from tests.commands.running import run


def test_publish_uploads_once(built: Path, tmp_path: Path) -> None:
    to = tmp_path / "site"
    dry = run("publish", str(built), str(to), "--dry-run")
    assert dry.exit_code == 0
    assert "would upload" in dry.stdout
    assert not to.exists()
    told = run("publish", str(built), str(to), "--json")
    assert told.exit_code == 0, told.output
    report = json.loads(told.stdout)
    assert report["uploaded"][-2:] == ["catalog.json", "build-report.json"]
    assert (to / "items.parquet").read_bytes() == (built / "items.parquet").read_bytes()
    again = run("publish", str(built), str(to))
    assert [line.split() for line in again.stdout.splitlines()][1] == ["uploaded", "0"]


def test_an_address_with_keys_is_refused_and_not_shown(built: Path) -> None:
    told = run("publish", str(built), "s3://key:hidden@bucket/site")
    assert told.exit_code == 1
    assert "environment" in told.stderr
    assert "hidden" not in told.output


def test_ctrl_c_ends_it_while_a_store_is_silent(built: Path) -> None:
    """A store that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        environment = {
            **os.environ,
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{silent.getsockname()[1]}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "not-to-be-told",
        }
        command = [sys.executable, "-m", "catalog_builder.cli"]
        with (
            subprocess.Popen(
                [*command, "publish", str(built), "s3://bucket/site"],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                text=True,
            ) as process,
            silent.accept()[0] as connection,
        ):
            connection.recv(100)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=15)  # the store's own limit is 20 s
    assert process.returncode == 130
    assert "Interrupted." in errors
    assert "not-to-be-told" not in errors
