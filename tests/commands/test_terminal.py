"""What a terminal gets, and what a pipe gets."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

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
        "with terminal.progress_bars() as report:\n"
        "    report(Progress(stage='reading CMR', done=2000, total=41000))\n"
        "terminal.emit_table(('id', 'photons'), [('[b]gt1l', 1408)])\n"
    )
    shown = in_a_terminal(code)
    assert "reading CMR" in shown
    assert "2000/41000" in shown
    assert "[b]gt1l  1,408" in shown


def in_a_terminal(code: str) -> str:
    main_end, terminal = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=terminal, stderr=terminal, stdin=subprocess.DEVNULL
    )
    os.close(terminal)
    shown = b""
    while True:
        try:
            part = os.read(main_end, 4096)
        except OSError:  # Linux: the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(main_end)
    assert process.wait() == 0
    return shown.decode()


def test_elsewhere_progress_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with terminal.progress_bars() as report:
        report(Progress(stage="reading CMR", done=1))
    assert capsys.readouterr() == ("", "")
