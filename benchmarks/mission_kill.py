"""``kill -9`` at random moments of builds and rebuilds: what is published then, and after that."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
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
"""What may be said of what is published after a kill."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """One build that was killed."""

    moment: float
    """Seconds after its start."""
    phase: str
    """How far it had come, by the files it had changed."""
    verified: str
    """One of :data:`GOOD`, or what is wrong."""
    differing: int
    """Files that the next build left other than an undisturbed one."""


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
        wall, truth = self._undisturbed()
        shutil.copytree(self._out, self._base)
        told = {"build": self._kill(kills, self._clear, wall, truth)}
        self._cmr.changed(datetime.now(UTC))
        self._clear()
        _, truth = self._undisturbed()
        if full:
            self._build.append("--full")
        self._restore()
        wall, rebuilt = self._undisturbed()
        unlike = {"undisturbed: files unlike a full build's": len(rebuilt.differing_from(truth))}
        told["rebuild"] = self._kill(kills, self._restore, wall, truth) | unlike
        shutil.rmtree(self._base.parent)
        return told

    def _clear(self) -> None:
        shutil.rmtree(self._out, ignore_errors=True)

    def _restore(self) -> None:
        self._clear()
        shutil.copytree(self._base, self._out)

    def _undisturbed(self) -> tuple[float, FolderState]:
        took = run(self._build, self._env)
        return took.wall, FolderState.of(self._out)

    def _kill(
        self, kills: int, prepare: Callable[[], None], wall: float, truth: FolderState
    ) -> dict[str, Any]:
        done = []
        for number in range(kills):
            # What is published changes late: half of the moments are in the last quarter.
            moment = wall * float(self._rng.uniform(0.02 if number % 2 else 0.75, 1.0))
            prepare()
            done.append(self._one(moment, truth))
            self._say(f"kill {number + 1} of {kills}: {done[-1]}")
        return {
            "kills": kills,
            "undisturbed s": wall,
            "phase": dict(Counter(kill.phase for kill in done)),
            "verified": dict(Counter(kill.verified for kill in done)),
            "next build differs": sum(kill.differing != 0 for kill in done),
        }

    def _one(self, moment: float, truth: FolderState) -> Kill:
        """Kill a build at that moment, look at what it left, and build again."""
        before = FolderState.of(self._out)
        process = start(self._build, self._env)
        try:
            process.communicate(timeout=moment)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()  # its end, and that of all who hold its output
        phase = _phase(FolderState.of(self._out).touched_since(before), process.returncode)
        verified = "nothing published"
        if (self._out / "catalog.json").exists():
            verified = self._try(["verify", str(self._out), "--sample", str(SAMPLE)])
        finished = self._try(self._build)
        if finished != "ok":
            verified += f"; next build: {finished}"
        differing = len(FolderState.of(self._out).differing_from(truth))
        return Kill(moment=moment, phase=phase, verified=verified, differing=differing)

    def _try(self, arguments: list[str]) -> str:
        try:
            run(arguments, self._env)
        except CommandError as error:
            return str(error)
        return "ok"


def _phase(touched: list[str], status: int) -> str:
    """How far a build had come when it ended."""
    if status == 0:
        return "had finished"
    if REPORT in touched:
        return "report written"
    if any("/" not in path for path in touched):
        return "files at the root replaced"
    return "items or pages replaced" if touched else "nothing changed"
