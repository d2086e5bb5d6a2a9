"""The verb that looks at what opening a granule takes."""

from __future__ import annotations

import json

import pytest

from earthdata_standin import EarthdataStandin
from tests.commands.running import run

NAMES = ["cmr", "earthdata", "login", "token", "credentials", "s3", "https", "region"]


def test_the_verb_tells_and_exits(
    cloud: EarthdataStandin, monkeypatch: pytest.MonkeyPatch
) -> None:
    well = run("doctor")
    assert well.exit_code == 0, well.output
    assert [line.split()[1] for line in well.stdout.splitlines()] == NAMES
    monkeypatch.setenv("EARTHDATA_TOKEN", "not-the-token")
    ill = run("doctor", "--json")
    assert ill.exit_code == 1
    found = json.loads(ill.stdout)
    assert found["healthy"] is False
    assert [check["name"] for check in found["checks"]] == NAMES
