"""Runs a command of the builder and tells what it took: time, and memory of all its processes."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.server_process import ROOT

_EVERY: Final = 0.05
"""Seconds between two looks at the memory."""
_PSS_EVERY: Final = 8
"""Looks for one at the PSS, which costs the kernel a walk through all pages."""
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """What a command took."""

    wall: float
    """Seconds."""
    cpu: float
    """Seconds of all its processes that it waited for."""
    rss: int
    """Bytes: the highest sum of the resident memory of all its processes at one moment; what they
    share counts in each."""
    pss: int
    """The same with what is shared counted once."""
    processes: int
    """The most at one moment."""
    output: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "wall s": self.wall,
            "CPU s": self.cpu,
            "peak RSS MB": self.rss / 1e6,
            "peak PSS MB": self.pss / 1e6,
            "processes": self.processes,
        }


class CommandError(Exception):
    """A command that did not end well."""


def environment(url: str | None = None) -> dict[str, str]:
    """That of this process without logins and services, and with this CMR."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "EARTHDATA_", "CMR_")) and name != "NETRC"
    }
    return kept | ({} if url is None else {"CMR_URL": url})


def start(arguments: Sequence[str], env: Mapping[str, str]) -> subprocess.Popen[str]:
    """``catalog-builder`` with these arguments, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "catalog_builder.cli", *arguments],
        env=dict(env),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def run(arguments: Sequence[str], env: Mapping[str, str], *, limit: float = 3600.0) -> Took:
    """Run ``catalog-builder`` with these arguments; raises :class:`CommandError`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    process = start(arguments, env)
    watch = _Watch(process.pid)
    try:
        output, _ = process.communicate(timeout=limit)
        wall = time.perf_counter() - began
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    finally:
        watch.end()
    if process.returncode:
        raise CommandError(f"catalog-builder {' '.join(arguments)}: {output}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Took(
        wall=wall,
        cpu=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        rss=watch.rss,
        pss=watch.pss,
        processes=watch.processes,
        output=output,
    )


class _Watch:
    """Looks at a process and all below it, from a thread, until :meth:`end`."""

    def __init__(self, root: int) -> None:
        self.rss = self.pss = self.processes = 0
        self._root = root
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        looks = 0
        while not self._over.wait(_EVERY):
            processes = tree_of(self._root)
            self.processes = max(self.processes, len(processes))
            self.rss = max(self.rss, sum(map(_rss, processes)))
            if looks % _PSS_EVERY == 0:
                self.pss = max(self.pss, sum(map(_pss, processes)))
            looks += 1


def tree_of(root: int) -> list[int]:
    """A process and all that it and its children started, as far as they are there."""
    found, waiting = [], [root]
    while waiting:
        process = waiting.pop()
        found.append(process)
        with suppress(OSError):  # it ended meanwhile
            for children in Path(f"/proc/{process}/task").glob("*/children"):
                waiting += map(int, _text(children).split())
    return found


def _rss(process: int) -> int:
    fields = _text(Path(f"/proc/{process}/statm")).split()
    return int(fields[1]) * _PAGE if fields else 0


def _pss(process: int) -> int:
    _, _, rest = _text(Path(f"/proc/{process}/smaps_rollup")).partition("Pss:")
    return 1024 * int(rest.split()[0]) if rest else 0


def _text(path: Path) -> str:
    """What the kernel tells; nothing where the process has ended."""
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ""
