"""Servers of the benchmarks run in processes of their own: their work is not the client's."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
"""Where benchmarks are started from."""


@contextmanager
def server_process(module: str, *arguments: str, lines: int = 1) -> Iterator[list[str]]:
    """A module that serves until its input ends; what it says at first, line by line."""
    with subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield [process.stdout.readline().strip() for _ in range(lines)]
        finally:
            process.stdin.close()  # it ends with that
