"""The verb that checks a catalog."""

from __future__ import annotations

import json
from pathlib import Path

from tests.commands.running import run


def test_verify_says_what_it_checked(built: Path, schemas: Path) -> None:
    result = run("verify", str(built), "--schemas", str(schemas))
    assert result.exit_code == 0
    assert "problems           0" in result.stdout
    assert result.stderr == ""


def test_verify_says_what_is_wrong(built: Path) -> None:
    next(built.rglob("ATL03_2*.json")).unlink()
    result = run("verify", str(built), "--json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert report["problem_count"] == len(report["problems"]) == 1
    assert "that cannot be read" in report["problems"][0]
    assert "Not validated" in result.stderr
