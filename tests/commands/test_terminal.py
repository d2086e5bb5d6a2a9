"""What a terminal gets, and what a pipe gets."""

from __future__ import annotations

import re

import pytest
from pseudo_terminal import in_a_terminal

from catalog_builder.commands import terminal
from catalog_builder.progress import Progress


def test_a_pipe_gets_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.emit_table(("a", "b"), [(1408, None), ("x\ty", True)])
    terminal.emit_facts([("photons", 5_200_000), ("none", None), ("beam", "gt1l")])
    assert capsys.readouterr().out == "a\tb\n1408\t\nx y\tyes\nphotons  5,200,000\nbeam     gt1l\n"


def test_a_terminal_gets_a_table_and_bars() -> None:
    code = (
        "from catalog_builder.commands import terminal\n"
        "from catalog_builder.progress import Progress\n"
        "with terminal.progress_bars('asking CMR') as report:\n"
        "    report(Progress(stage='reading CMR', done=2000, total=41000))\n"
        "terminal.emit_table(('id', 'photons'), [('[b]gt1l', 1408)])\n"
    )
    shown = in_a_terminal(code)
    assert "asking CMR" in shown
    assert "reading CMR" in shown
    assert "2000/41000" in shown
    assert "[b]gt1l  1,408" in shown


def test_a_message_stands_above_the_bars() -> None:
    code = (
        "from catalog_builder.commands.terminal import note, progress_bars\n"
        "from catalog_builder.progress import Progress\n"
        "with progress_bars('starting') as report:\n"
        "    report(Progress(stage='reading', done=0, total=3))\n"
        "    note('[b] is kept, :smile: too, `catalog-builder index DIR --again ID` whole')\n"
    )
    lines = re.split(r"[\r\n]|\x1b\[[0-9]?[A-K]", in_a_terminal(code, 50))
    assert "[b] is kept, :smile: too," in lines
    assert "`catalog-builder index DIR --again ID` whole" in lines


ROWS = """
from catalog_builder.commands.terminal import emit_table
emit_table(
    ("id", "start", "track", "cycle", "region", "MB"),
    [
        (f"ATL03_20190{n}01000000_000{n}0101_007_01", "2019-01-01 00:00:00", "0001", "1", "1", MB)
        for n in range(1, 4)
    ],
    spare=("region", "track", "cycle", "start"),
)
"""


@pytest.mark.parametrize("columns", [50, 80, 140])
def test_no_line_is_broken_in_a_narrow_terminal(columns: int) -> None:
    for size in ("None", "433"):
        lines = in_a_terminal(ROWS.replace("MB)", f"{size})"), columns).splitlines()
        assert len(lines) == 4
        assert all(len(line) <= columns for line in lines)
        assert [line.split()[0][:6] for line in lines[1:]] == ["ATL03_"] * 3
        assert ("MB" in lines[0]) == (size != "None")
        assert ("start" in lines[0]) == (columns >= 80)
        assert ("track" in lines[0]) == (columns >= 80)
        assert ("region" in lines[0]) == (columns == 140 or (columns, size) == (80, "None"))


def test_the_last_column_is_broken_between_words() -> None:
    code = (
        "from catalog_builder.commands.terminal import emit_table\n"
        "emit_table(('id', 'title'), [('C1', 'one two three four five six seven'), ('C2', '')])\n"
        "emit_table(('id', 'none'), [])\n"
    )
    lines = in_a_terminal(code, 24).splitlines()
    assert lines[1:] == ["C1  one two three four", "    five six seven", "C2", "id  none"]


def test_elsewhere_progress_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with terminal.progress_bars("asking CMR") as report:
        report(Progress(stage="reading CMR", done=1))
    assert capsys.readouterr() == ("", "")
