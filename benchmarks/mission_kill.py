"""``kill -9`` at random moments of builds and rebuilds: what is published then, and after that."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.folder_state import REPORT, FolderState
from benchmarks.measured_command import CommandError, environment, run, start
from benchmarks.mission_cmr import MissionCmr

SAMPLE: Final = 300
"""Items that ``verify`` reads."""

GOOD: Final = ("ok", "nothing published")
"""The states of the published folder after a kill."""

_LATE: Final = "had finished"
_LOOK: Final = 0.003
"""Seconds between two looks for the first file that changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """One build that was killed."""

    moment: float
    """Seconds after its start, or after its first change."""
    phase: str
    """How far it had come, by the files it had changed."""
    verified: str
    """One of :data:`GOOD`, or ``problems``."""
    wrong: str
    """What ``verify`` or the next build reported, on one line; empty where nothing is wrong."""
    differing: int
    """Files that differ, after the next build, from those of an undisturbed build."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Times:
    """Seconds of a build that no one disturbs."""

    wall: float
    changing: float
    """From the first change of what is published to the end."""


class KilledBuilds:
    """Kills builds in a folder of its own, each time from the same start."""

    def __init__(
        self, cmr: MissionCmr, definition: Path, folder: Path, say: Callable[[str], None]
    ) -> None:
        self._cmr = cmr
        self._env = environment(cmr.url)
        self._out = folder / "killed" / "mission"
        self._base = folder / "killed" / "before"
        self._build = ["build", str(definition), "--out", str(self._out)]
        self._rng = np.random.default_rng(5)
        self._say = say

    def all(self, kills: int, *, full: bool) -> dict[str, Any]:
        """So many kills of a full build, and so many of a rebuild after changes.

        ``full``: changes are looked for with ``--full``.
        """
        shutil.rmtree(self._base.parent, ignore_errors=True)
        self._cmr.first()
        times, truth = self._undisturbed()
        shutil.copytree(self._out, self._base)
        figures = {"build": self._kill(kills, self._clear, times, truth)}
        self._cmr.changed(datetime.now(UTC))
        self._clear()
        _, truth = self._undisturbed()
        if full:
            self._build.append("--full")
        self._restore()
        times, rebuilt = self._undisturbed()
        unlike = {"undisturbed: files unlike a full build's": len(rebuilt.differing_from(truth))}
        figures["rebuild"] = self._kill(kills, self._restore, times, truth) | unlike
        shutil.rmtree(self._base.parent)
        return figures

    def _clear(self) -> None:
        shutil.rmtree(self._out, ignore_errors=True)

    def _restore(self) -> None:
        self._clear()
        shutil.copytree(self._base, self._out)

    def _undisturbed(self) -> tuple[_Times, FolderState]:
        before = _changes(self._out)
        began = time.monotonic()
        process = start(self._build, self._env)
        _wait_for_change(self._out, before, process)
        changing = time.monotonic()
        output, _ = process.communicate()
        ended = time.monotonic()
        if process.returncode:
            raise CommandError(output)
        times = _Times(wall=ended - began, changing=ended - changing)
        return times, FolderState.of(self._out)

    def _kill(
        self, kills: int, prepare: Callable[[], None], times: _Times, truth: FolderState
    ) -> dict[str, Any]:
        """So many kills: half of them at any moment, half while what is published changes."""
        done: list[Kill] = []
        late = 0
        while len(done) < kills and late < 3 * kills:
            prepare()
            share = float(self._rng.random())
            kill = (
                self._one(share * times.changing, truth, after_change=True)
                if len(done) % 2
                else self._one(share * times.wall, truth, after_change=False)
            )
            self._say(f"{len(done) + 1} of {kills}: {kill}")
            if kill.phase == _LATE:
                late += 1
            else:
                done.append(kill)
        return {
            "kills": len(done),
            "too late": late,
            "undisturbed s": times.wall,
            "of them changing what is published s": times.changing,
            "phase": dict(Counter(kill.phase for kill in done)),
            "verified": dict(Counter(kill.verified for kill in done)),
            "next build differs": sum(kill.differing != 0 for kill in done),
            "wrong": [kill.wrong for kill in done if kill.wrong],
        }

    def _one(self, moment: float, truth: FolderState, *, after_change: bool) -> Kill:
        """Kill a build at that moment, look at what it left, and build again."""
        before, changes = FolderState.of(self._out), _changes(self._out)
        process = start(self._build, self._env)
        if after_change:
            _wait_for_change(self._out, changes, process)
        try:
            process.communicate(timeout=moment)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()  # its end, and that of all who hold its output
        phase = _phase(FolderState.of(self._out).touched_since(before), process.returncode)
        verified, wrong = "nothing published", ""
        if (self._out / "catalog.json").exists():
            wrong = self._try(["verify", str(self._out), "--sample", str(SAMPLE)])
            verified = "problems" if wrong else "ok"
        wrong += self._try(self._build)
        differing = len(FolderState.of(self._out).differing_from(truth))
        return Kill(
            moment=moment, phase=phase, verified=verified, wrong=wrong, differing=differing
        )

    def _try(self, arguments: list[str]) -> str:
        """What is wrong, if anything."""
        try:
            run(arguments, self._env)
        except CommandError as error:
            lines = [line for line in str(error).splitlines() if not line.startswith("Note: ")]
            return " / ".join(line[:200] for line in lines)
        return ""


def _phase(touched: list[str], status: int) -> str:
    """How far a build had come when it ended."""
    if status == 0:
        return _LATE
    if REPORT in touched:
        return "report written"
    if any("/" not in path for path in touched):
        return "files at the root replaced"
    return "items or pages replaced" if touched else "nothing changed"


def _wait_for_change(folder: Path, before: dict[str, int], process: subprocess.Popen[str]) -> None:
    """Wait until something that is published changes, or the process ends."""
    while process.poll() is None and _changes(folder) == before:
        time.sleep(_LOOK)


def _changes(folder: Path) -> dict[str, int]:
    """When files at the root changed, and which files there are in each folder below it."""
    return dict(_times(folder, at_root=True)) if folder.exists() else {}


def _times(folder: Path, *, at_root: bool) -> Iterator[tuple[str, int]]:
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:  # removed meanwhile
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if not entry.name.startswith("."):
                yield entry.path, entry.stat().st_mtime_ns
                yield from _times(Path(entry.path), at_root=False)
        elif at_root:
            yield entry.path, entry.stat().st_mtime_ns
