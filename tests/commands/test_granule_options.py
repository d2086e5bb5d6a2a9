"""Options that verbs share which open granules."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.running import run


def test_a_box_that_cannot_be(published: Path, granule: str, tmp_path: Path) -> None:
    done = run("plot", published, granule, "--out", tmp_path / "x.png", "--bbox", "1,2,3")
    assert done.exit_code == 1
    assert "1,2,3" in done.stderr


@pytest.mark.parametrize("verb", ["index", "info", "plot", "download"])
def test_verbs_that_open_granules_take_access(verb: str) -> None:
    done = run(verb, "--help")
    assert done.exit_code == 0
    assert "--access" in done.stdout
