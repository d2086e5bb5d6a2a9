"""Build, rebuild and search the whole mission, against the stand-in CMR: ``make mission-bench``.

For each number of granules the real command line builds a catalog from a server of records in
another process, and is measured; ``--steps`` takes some of these:

serving  the stand-in's own time for all records, to a trivial client
build    a full build into an empty folder
rebuild  again with nothing new: which files change, and how long beyond CMR's answers
changes  again with 100 records revised, 50 new, 20 removed; then a full build of the same
search   200 boxes and intervals, answers held against a test of all footprints
http     searches over HTTP ranges with 30 ms latency, cold
intake   intake.open_catalog over the same HTTP
kill     kill -9 at random moments of a build and of a rebuild (of the fewest granules)

The catalogs stay in ``--out``; steps left out go on with what is there.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.folder_state import REPORT, FolderState
from benchmarks.measured_command import CommandError, Took, environment, run
from benchmarks.mission_cmr import MissionCmr, mission_cmr
from benchmarks.mission_kill import KilledBuilds
from benchmarks.mission_records import FOLDER, record_file
from benchmarks.mission_table import TITLES, tables
from benchmarks.server_process import ROOT, server_process

Figures = dict[str, Any]

COUNTS: Final = (5_000, 50_000, 500_000)

_DEFINITION: Final = """\
title = "ATL03, the whole mission"
short_name = "ATL03"
version = "007"
provider = "NSIDC_CPRD"
"""


@dataclass(slots=True, kw_only=True)
class Trial:
    """One number of granules: its server, its folder, and what it went through."""

    cmr: MissionCmr
    folder: Path
    """Holds the catalog, a state of this benchmark, and what is made besides."""
    full: bool
    """Whether changes are looked for with ``--full``."""
    kills: int

    @property
    def catalog(self) -> Path:
        """Where the catalog is built."""
        return self.folder / "mission"

    @property
    def definition(self) -> Path:
        """The mission has no box."""
        return self.folder / "mission.toml"

    def prepare(self) -> None:
        """Write the definition, and let CMR hold what the catalog there was built from."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.definition.write_text(_DEFINITION)
        if self._changed_at is None:
            self.cmr.first()
        else:
            self.cmr.changed(self._changed_at)

    def serving(self) -> Figures:
        """All records to a trivial client."""
        return self.cmr.serve_all()

    def build(self) -> Figures:
        """A full build."""
        shutil.rmtree(self.catalog, ignore_errors=True)
        (self.folder / "changed-at").unlink(missing_ok=True)
        self.cmr.first()
        figures = self._measured(self.catalog)
        state = FolderState.of(self.catalog)
        return (
            figures | {"files": len(state.files), "catalog MB": state.bytes / 1e6} | self._index()
        )

    def rebuild(self) -> Figures:
        """A build with nothing new."""
        before = self._state()
        figures = self._measured(self.catalog)
        return figures | _touched(before, FolderState.of(self.catalog))

    def changes(self) -> Figures:
        """A build after changes, and a full one of the same."""
        if self._changed_at is not None:
            _say("the catalog holds the changes already: building it without them")
            self.build()
        before = self._state()
        at = datetime.now(UTC)
        (self.folder / "changed-at").write_text(at.isoformat())
        self.cmr.changed(at)
        figures = self._measured(self.catalog, *(["--full"] if self.full else []))
        after = FolderState.of(self.catalog)
        figures |= _touched(before, after)
        fresh = self.folder / "afresh" / "mission"
        shutil.rmtree(fresh, ignore_errors=True)
        full = self._measured(fresh)
        differing = after.differing_from(FolderState.of(fresh))
        shutil.rmtree(fresh.parent)
        return figures | {
            "unlike a full build": len(differing),
            "those": differing,
            "that full build, wall s": full["wall s"],
        }

    def search(self) -> Figures:
        """Searches of the folder."""
        self.require_catalog()
        return self._searched("local", str(self.catalog))

    def http(self) -> Figures:
        """Searches over HTTP."""
        self.require_catalog()
        with server_process("benchmarks.server", str(self.catalog)) as (url,):
            return self._searched("http", url)

    def intake(self) -> Figures:
        """The intake catalog over HTTP."""
        self.require_catalog()
        with server_process("benchmarks.server", str(self.catalog)) as (url,):
            return self._searched("intake", url)

    def kill(self) -> Figures:
        """Builds that are killed."""
        builds = KilledBuilds(self.cmr, self.definition, self.folder, _say)
        figures = builds.all(self.kills, full=self.full)
        self.prepare()  # let CMR hold again what the catalog was built from
        return figures

    @property
    def _changed_at(self) -> datetime | None:
        """When the changes came that the catalog holds."""
        mark = self.folder / "changed-at"
        return datetime.fromisoformat(mark.read_text()) if mark.exists() else None

    def require_catalog(self) -> None:
        """Build the catalog, unmeasured, where there is none."""
        if not (self.catalog / REPORT).exists():
            _say("no catalog yet: building it")
            self.build()

    def _state(self) -> FolderState:
        self.require_catalog()
        return FolderState.of(self.catalog)

    def _measured(self, out: Path, *more: str) -> Figures:
        self.cmr.forget()
        arguments = ["build", str(self.definition), "--out", str(out), *more]
        took: Took = run(arguments, environment(self.cmr.url))
        answers = self.cmr.answers()
        beyond = {"s beyond CMR": took.wall - answers.answering}
        return took.to_dict() | answers.to_dict() | beyond

    def _searched(self, what: str, where: str) -> Figures:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.mission_search", what, where],
            env=environment(),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        figures: Figures = json.loads(done.stdout)
        return figures

    def _index(self) -> Figures:
        import pyarrow.parquet as pq

        path = self.catalog / "items.parquet"
        with pq.ParquetFile(path) as file:
            about = file.metadata
            return {
                "items": about.num_rows,
                "index MB": path.stat().st_size / 1e6,
                "index row groups": about.num_row_groups,
                "index footer kB": about.serialized_size / 1e3,
            }


def _touched(before: FolderState, after: FolderState) -> Figures:
    """What a build wrote."""
    touched = [path for path in after.touched_since(before) if path != REPORT]
    contents = set(after.differing_from(before))
    return {
        "files changed": len(touched),
        "of them items": sum(Path(path).name.startswith("ATL03_") for path in touched),
        "of them pages": sum(
            Path(path).name in ("catalog.json", "collection.json") for path in touched
        ),
        "of them the same as before": sum(path not in contents for path in touched),
        "at the root": [path for path in touched if "/" not in path],
    }


def main() -> None:
    """Run, print, save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--granules", type=int, nargs="+", default=COUNTS)
    parser.add_argument("--steps", default=",".join(TITLES), help="some of them, by commas")
    parser.add_argument("--out", type=Path, default=FOLDER / "out", metavar="DIR")
    parser.add_argument("--full", action="store_true", help="look for changes with --full")
    parser.add_argument("--kills", type=int, default=20, help="of a build, and of a rebuild")
    parser.add_argument("--to", type=Path, default=Path(__file__).with_name("results"))
    arguments = parser.parse_args()
    steps = arguments.steps.split(",")
    if unknown := set(steps) - TITLES.keys():
        parser.error(f"there is no step {', '.join(unknown)}: {', '.join(TITLES)}")
    began = time.monotonic()
    measured: dict[int, dict[str, Figures]] = {}
    counts = sorted(arguments.granules)
    for count in counts:
        _say(f"records of {count} granules (made once, some 80 s for 500,000)")
        _ = record_file(count).columns
        measured[count] = {}
        with mission_cmr(count) as cmr:
            trial = Trial(
                cmr=cmr,
                folder=arguments.out.resolve() / str(count),
                full=arguments.full,
                kills=arguments.kills,
            )
            trial.prepare()
            for step in TITLES:
                if step in steps and (step != "kill" or count == counts[0]):
                    measured[count][step] = figures = _tried(getattr(trial, step))
                    _say(f"{count}: {step}: {json.dumps(figures, indent=1)}")
    about = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "cores": len(os.sched_getaffinity(0)),
        "processor": _processor(),
        "python": platform.python_version(),
    }
    text = tables(measured, about)
    sys.stdout.write(text)
    arguments.to.mkdir(exist_ok=True)
    kept = arguments.to / f"mission-{about['date']}"
    kept.with_suffix(".md").write_text(text)
    kept.with_suffix(".json").write_text(
        json.dumps({"about": about, "measured": measured}, indent=1) + "\n"
    )
    _say(f"{time.monotonic() - began:.0f} s in all; saved as {kept}.md and .json")
    failed = any("error" in figures for steps in measured.values() for figures in steps.values())
    sys.exit(failed or "MISSED" in text)


def _tried(step: Callable[[], Figures]) -> Figures:
    """What a step tells, or why it could not be done: the others may still."""
    try:
        return step()
    except (CommandError, subprocess.CalledProcessError) as error:
        return {"error": str(error).strip()}


def _processor() -> str:
    info = Path("/proc/cpuinfo").read_text()
    return info.partition("model name\t: ")[2].partition("\n")[0] or platform.machine()


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    main()
