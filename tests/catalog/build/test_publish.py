"""Publishing: at every moment a reader finds a whole catalog."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from building import (
    WORLD,
    broken,
    build_from,
    once,
    records_of,
    tree,
)

from catalog_builder.catalog.build.publish import PublishedFolder
from catalog_builder.catalog.build.staging_directory import STAGING
from catalog_builder.catalog.verify.checks import verify
from catalog_builder.errors import CatalogError
from earthdata_standin import EarthdataStandin
from tests.catalog.build.records import first_state, next_state, usable


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("moment", range(7))
def test_what_is_published_passes_at_every_moment_of_publishing(
    cloud: EarthdataStandin,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    first: bool,
    moment: int,
) -> None:
    """Killed at a step, or just before the report is written, which comes after all of them."""
    out, records = tmp_path / "out", usable()
    if not first:
        build_from(cloud, out, records[3:])

    def die(*_: object) -> None:
        raise SystemExit

    def look(progress: Any) -> None:
        if progress.stage == "publishing" and progress.done == moment * (1 if first else 3):
            raise SystemExit

    monkeypatch.setattr(PublishedFolder, "write", die)
    with pytest.raises(SystemExit):
        build_from(cloud, out, records[:-2], progress=look)
    monkeypatch.undo()
    if (out / "catalog.json").exists():
        assert verify(out).problems == ()
    build_from(cloud, out, records[:-2])
    build_from(cloud, tmp_path / "afresh", records[:-2])
    assert tree(out) == tree(tmp_path / "afresh")
    assert verify(out).problems == ()


def test_at_no_step_a_reader_finds_something_missing(cloud: EarthdataStandin, out: Path) -> None:
    steps = []

    def look(progress: Any) -> None:
        if progress.stage == "publishing":
            steps.append(broken(out))

    build_from(cloud, out, first_state(), progress=look)
    assert len(steps) == 6  # the collection's folder moves as a whole
    build_from(cloud, out, next_state(), progress=look)
    assert len(steps) > 20
    assert steps == [[]] * len(steps)


@pytest.mark.parametrize("step", [0, 1, 3, 7, 12, 17])
def test_an_interrupted_update_is_finished_by_the_next(
    cloud: EarthdataStandin, out: Path, tmp_path: Path, step: int
) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    build_from(cloud, out, first_state())
    with pytest.raises(KeyboardInterrupt):
        build_from(cloud, out, next_state(), progress=once(step, stop))
    assert broken(out) == []
    assert verify(out).ok or step > 0
    build_from(cloud, out, next_state())
    assert not (out / STAGING).exists()
    build_from(cloud, tmp_path / "afresh", next_state())
    assert tree(out) == tree(tmp_path / "afresh")


@pytest.mark.parametrize("step", [0, 1, 3])
def test_a_first_build_that_is_killed_is_finished_by_the_next(
    cloud: EarthdataStandin, out: Path, tmp_path: Path, step: int
) -> None:
    cloud.world = replace(WORLD, granules=records_of())
    script = (
        "import os, signal, sys\n"
        "from catalog_builder.catalog.definition import Definition\n"
        "from catalog_builder.catalog.build.build import build\n"
        "def report(progress):\n"
        f"    if progress.stage == 'publishing' and progress.done == {step}:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "definition = Definition(name='everywhere', title='Everywhere', short_name='ATL03',\n"
        "                        version='007', provider='NSIDC_CPRD')\n"
        "build(definition, sys.argv[1], progress=report)\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", script, str(out)], env={**os.environ, **cloud.environment}
    )
    assert killed.returncode == -9
    assert broken(out) == []
    build_from(cloud, out)
    build_from(cloud, tmp_path / "afresh")
    assert tree(out) == tree(tmp_path / "afresh")


def test_the_second_of_two_builds_at_once_stops(cloud: EarthdataStandin, out: Path) -> None:
    failures = []

    def again() -> None:
        with pytest.raises(
            CatalogError, match="Another build or indexing run is writing"
        ) as caught:
            build_from(cloud, out)
        failures.append(caught.value)

    build_from(cloud, out, progress=once(2, again))
    assert len(failures) == 1
    assert verify(out).ok
