"""The mission's benchmark: what it reports rests on these."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks import mission, mission_records
from benchmarks.folder_state import FolderState
from benchmarks.measured_command import CommandError, environment, run, tree_of
from benchmarks.mission_cmr import union
from benchmarks.mission_search import questions
from benchmarks.mission_table import promises, tables

needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")


def write(folder: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


def test_what_changed_in_a_folder(tmp_path: Path) -> None:
    assert FolderState.of(tmp_path / "none").files == {}
    files = {"catalog.json": "a", "A/page.json": "b", "A/x/y/item.json": "c", ".own/it": "d"}
    write(tmp_path, files)
    before = FolderState.of(tmp_path)
    assert sorted(before.files) == ["A/page.json", "A/x/y/item.json", "catalog.json"]
    assert before.bytes == 3
    write(tmp_path, {"build-report.json": "r", "A/x/new.json": "n", ".own/it": "e"})
    (tmp_path / "A/page.json").unlink()
    os.utime(tmp_path / "catalog.json", (1, 1))  # written again, the same
    after = FolderState.of(tmp_path)
    assert after.touched_since(before) == [
        *("A/page.json", "A/x/new.json", "build-report.json", "catalog.json")
    ]
    assert after.differing_from(before) == ["A/page.json", "A/x/new.json"]


def test_time_that_spans_cover() -> None:
    assert union([]) == 0
    assert union([(0, 2), (1, 3), (1.5, 2), (5, 6)]) == 4


@needs_proc
def test_a_command_and_its_processes_are_measured() -> None:
    took = run(["--version"], environment())
    assert "catalog-builder" in took.output
    assert 0 < took.cpu < 10
    with pytest.raises(CommandError, match="There is no verb"):
        run(["nonsense"], environment())
    child = "import subprocess, sys; subprocess.run(['sleep', '30'])"
    with subprocess.Popen([sys.executable, "-c", child]) as process:
        while len(tree_of(process.pid)) < 2:
            time.sleep(0.01)
        (_, below) = tree_of(process.pid)
        process.kill()
        os.kill(below, 9)


def test_questions_are_the_same_each_time_and_a_third_of_them_hard() -> None:
    asked = questions()
    assert asked == questions()
    across = [box for box, _ in asked if box[0] > box[2]]
    polar = [box for box, _ in asked if box[3] == 90 or box[1] == -90]
    assert len(across) + len(polar) == pytest.approx(len(asked) / 3, abs=2)
    assert min(len(across), len(polar)) > 20
    for (west, south, east, north), _ in asked:
        assert -180 <= west <= 180
        assert -180 <= east <= 180
        assert -90 <= south < north <= 90


def test_tables_tell_growth_and_what_was_missed() -> None:
    def steps(rss: float) -> dict[str, Any]:
        return {
            "serving": {"wall s": 6.0},
            "build": {"wall s": 90.0, "peak RSS MB": rss, "items": 5},
            "http": {"region and year": {"wall s": 1.0, "requests": 16, "MB": 3.0}},
            "search": {"error": "it fell"},
        }

    measured = {50_000: steps(300.0), 500_000: steps(390.0)}
    text = tables(measured, {"date": "2026-01-01", "cores": 2, "processor": "x"})
    assert "| peak RSS MB | 300 | 390 | x 1.3 |" in text
    assert "| region and year: requests | 16 | 16 | x 1.0 |" in text
    assert "| error | it fell | it fell |  |" in text
    missed = [line for line in promises(measured) if "MISSED" in line]
    assert missed == [
        "- MISSED: 500,000: region and year over HTTP: requests 16, at most 15",
        "- MISSED: build: peak RSS MB grew x 1.3 from 50,000 to 500,000, at most x 1.15",
    ]


@needs_proc
def test_a_build_of_few_granules_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = measured(tmp_path, monkeypatch, 121, "serving,build,intake")
    assert (
        told["serving"]["records"] == told["build"]["items"] == told["intake"]["granules"] == 121
    )
    assert told["build"]["peak RSS MB"] > told["build"]["peak PSS MB"] > 50
    assert "### Full build" in capsys.readouterr().out


@needs_proc
@pytest.mark.heavy
def test_the_whole_way_with_few_granules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = measured(tmp_path, monkeypatch, 122, "rebuild,changes,search,http,kill")
    assert told["rebuild"]["files changed"] == 0
    assert told["changes"]["of them items"] == 190
    assert told["changes"]["unlike a full build"] == 0
    assert (told["search"]["items"], told["search"]["wrong"]) == (152, 0)
    assert told["http"]["region and year"]["requests"] > 0
    for kind in ("build", "rebuild"):
        assert told["kill"][kind]["kills"] in {0, 1}  # 0 where it was done before the moment came
        assert told["kill"][kind]["next build differs"] == 0


def measured(
    folder: Path, monkeypatch: pytest.MonkeyPatch, count: int, steps: str
) -> dict[str, Any]:
    """Figures by step."""
    options = {"--granules": str(count), "--steps": steps, "--kills": "1"}
    options |= {"--out": str(folder / "out"), "--to": str(folder / "results")}
    listed = [text for pair in options.items() for text in pair]
    monkeypatch.setattr(sys, "argv", ["mission", *listed])
    try:
        with pytest.raises(SystemExit):
            mission.main()
    finally:  # the server, another process, reads them where they always are
        for path in mission_records.FOLDER.glob(f"records-{count}.*"):
            path.unlink()
    (saved,) = (folder / "results").glob("*.json")
    told: dict[str, Any] = json.loads(saved.read_text())["measured"][str(count)]
    return told
