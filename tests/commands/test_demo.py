"""The verb that shows the whole pipeline."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog_builder import demo
from catalog_builder.demo import Step
from catalog_builder.errors import CatalogError
from tests.commands.running import run


def test_steps_are_numbered_and_shown_as_they_are_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The steps themselves are tested with the library's own ``run``, in seconds."""
    folders: list[Path] = []

    def steps(out: Path) -> object:
        folders.append(out)
        yield Step(title="Do one thing", lines=("a", "b"))
        yield Step(title="Do another", lines=())

    monkeypatch.setattr(demo, "run", steps)
    result = run("demo", "--out", tmp_path / "here")
    assert result.exit_code == 0
    assert result.stdout.startswith("1. Do one thing\n   a\n   b\n\n2. Do another\n\nDone in ")
    assert result.stdout.endswith(f"the results are in {tmp_path / 'here'}.\n")
    assert folders == [tmp_path / "here"]
    assert result.stderr == (
        f"The cloud has stopped. catalog-builder standin {tmp_path / 'here'} starts it again: "
        "then granules open.\n"
    )


def test_a_step_that_fails_is_an_error_after_those_that_were_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def steps(out: Path) -> object:
        yield Step(title="Do one thing", lines=())
        raise CatalogError("The demo's catalog is not valid.")

    monkeypatch.setattr(demo, "run", steps)
    result = run("demo", "--out", tmp_path)
    assert (result.exit_code, result.stdout) == (1, "1. Do one thing\n\n")
    assert result.stderr == "Error: The demo's catalog is not valid.\n"


def test_a_file_in_the_way_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert run("demo", "--out", tmp_path / "file").exit_code == 2
