"""Compare all openers in one sitting, print the tables and save them: ``make bench``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from benchmarks import classes
from benchmarks.floor import floor_of
from benchmarks.granules import BEAM, FOLDER, LAYOUTS, Granule, Layout, make_granules
from benchmarks.openers import OPENERS
from benchmarks.references import make_kerchunk_references
from benchmarks.server_process import ROOT, server_process
from benchmarks.table import Row, tables
from benchmarks.task import FRESH, TASKS, TRUTH

ROUNDS: Final = 5
BUDGET: Final = 20.0
"""Seconds after which an opener of one layout has run often enough; all run at least once."""

_NEEDED: Final = {
    "h5coro": "h5coro",
    "hidefix with saved index": "h5coro-hidefix",
    "kerchunk + zarr": "kerchunk",
    "VirtualiZarr + zarr": "virtualizarr",
    "earthaccess style": "earthaccess",
}
_WHOLE: Final = "ours, arrays only"
_OURS: Final = "ours, references"
_SOME_TASKS: Final = {
    _OURS: "abcdefghi",
    _WHOLE: "abgh",
    "hidefix with saved index": "abcefgi",
}
"""Tasks of those that know no windows, or no Datasets; of others all but the warm ones: they keep
the bytes of an open granule, or nothing of it."""
_OTHERS: Final = "abcdef"
_DATASETS: Final = (_OURS, "ours, h5py")
_QUICK: Final = (*_DATASETS, _WHOLE, "h5coro", "s3fs blockcache")
_REPORTED: Final = ("h5py", "s3fs", "fsspec", "obstore", "zarr", "deflate", "xarray", "numpy")

Measured = dict[str, Any]


def main() -> None:
    """Run, print, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few openers, one run each")
    parser.add_argument("--tasks", default="".join(TASKS), help=f"some of {''.join(TASKS)}")
    parser.add_argument("--openers", help="names between semicolons")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--to", type=Path, default=Path(__file__).with_name("results"))
    arguments = parser.parse_args()
    names = arguments.openers.split(";") if arguments.openers else list(OPENERS)
    if arguments.quick:
        names = [name for name in names if name in _QUICK]
    began = time.monotonic()
    say("granules (made once, some 70 s)")
    make_granules()
    say("references")
    make_kerchunk_references()
    rounds = 1 if arguments.quick else arguments.rounds
    with server_process("benchmarks.server", str(FOLDER)) as (endpoint,):
        made = json.loads(python("benchmarks.references", endpoint=endpoint))
        measured = list(_runs(names, arguments.tasks, endpoint, rounds))
        say("classes of ATL08 (granules made once, some 60 s)")
        of_classes = classes.measure_all(endpoint, rounds)
    say("the floor, and what a plain local file holds")
    rows = _rows(names, arguments.tasks, measured)
    about = _about() | {"sets": made}
    text = tables(rows, about) + classes.table(of_classes)
    sys.stdout.write(text)
    arguments.to.mkdir(exist_ok=True)
    kept = arguments.to / about["date"]
    kept.with_suffix(".md").write_text(text)
    found = {"about": about, "rows": [row.to_dict() for row in rows], "classes": of_classes}
    kept.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")
    say(f"{time.monotonic() - began:.0f} s in all; saved as {kept}.md and .json")
    sys.exit(any(row.error for row in rows))


def _runs(names: Sequence[str], tasks: str, endpoint: str, rounds: int) -> Iterator[Measured]:
    """All openers in turn, round after round, so that a slow minute hits them all."""
    spent: dict[tuple[str, Layout], float] = {}
    for number in range(rounds):
        for layout in LAYOUTS:
            for name in names:
                so_far = spent.get((name, layout), 0.0)
                if number and so_far + so_far / number > BUDGET:
                    continue
                began = time.monotonic()
                yield from _process(name, layout, tasks, endpoint)
                took = time.monotonic() - began
                spent[name, layout] = so_far + took
                say(f"round {number + 1}: {name}, {layout}: {took:.1f} s")


def _process(name: str, layout: Layout, tasks: str, endpoint: str | None) -> list[Measured]:
    """One opener in a process of its own."""
    if (package := _NEEDED.get(name)) and not _installed(package):
        problem = f"not run: {package} is not installed"
        return [{"opener": name, "layout": layout, "task": t, "error": problem} for t in tasks]
    tasks = "".join(task for task in tasks if task in _tasks(name))
    together = "".join(task for task in tasks if task not in FRESH)
    alone = [task for task in tasks if task in FRESH]
    measured = [
        python("benchmarks.task", name, layout, some, endpoint=endpoint)
        for some in (together, *alone)
        if some
    ]
    return [json.loads(line) for line in "".join(measured).splitlines()]


def _tasks(opener: str) -> str:
    return "".join(TASKS) if opener == TRUTH else _SOME_TASKS.get(opener, _OTHERS)


def python(module: str, *arguments: str, endpoint: str | None) -> str:
    """What a module prints that runs in a process of its own, with the far store for its S3."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")} | {
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_REGION": "us-west-2",
        "AWS_DEFAULT_REGION": "us-west-2",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    if endpoint:
        environment["AWS_ENDPOINT_URL_S3"] = endpoint
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=600,
    )
    return done.stdout


def _rows(names: Sequence[str], tasks: str, measured: Sequence[Measured]) -> list[Row]:
    rows = []
    for layout in LAYOUTS:
        truth = {run["task"]: run["values"] for run in _process(TRUTH, layout, tasks, None)}
        for task in TASKS:
            if task not in tasks:
                continue
            floors = [
                floor_of(Granule(layout=layout), task, dataset=ours) for ours in (False, True)
            ]
            for name in names:
                if task not in _tasks(name):
                    continue
                runs = [
                    run
                    for run in measured
                    if (run["opener"], run["layout"], run["task"]) == (name, layout, task)
                ]
                errors = [run["error"] for run in runs if "error" in run]
                wrong = [run for run in runs if not _agrees(run, truth[task])]
                rows.append(
                    Row(
                        opener=name,
                        layout=layout,
                        task=task,
                        floor=floors[name in _DATASETS],
                        runs=tuple(run for run in runs if "error" not in run),
                        error=errors[0] if errors else "WRONG VALUES" if wrong else None,
                    )
                )
    return rows


def _agrees(run: Measured, truth: dict[str, Any]) -> bool:
    """Whether it returned, bit for bit, what a plain local file holds; more does no harm."""
    return "error" in run or all(run["values"].get(path) == sums for path, sums in truth.items())


def about_machine() -> dict[str, Any]:
    """Date, machine and packages."""
    packages = {name: version(name) for name in _REPORTED}
    peers = {name: version(name) for name in _NEEDED.values() if _installed(name)}
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "cores": len(os.sched_getaffinity(0)),
        "processor": _processor(),
        "python": platform.python_version(),
        "packages": packages | peers,
    }


def _about() -> dict[str, Any]:
    granules = [Granule(layout=layout) for layout in LAYOUTS]
    sizes = " and ".join(
        f"{granule.path.stat().st_size / 1e6:.0f} MB ({granule.layout})" for granule in granules
    )
    return about_machine() | {"granules": f"{sizes}, beam {BEAM}"}


def _processor() -> str:
    info = Path("/proc/cpuinfo").read_text()
    return info.partition("model name\t: ")[2].partition("\n")[0] or platform.machine()


def _installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


def say(text: str) -> None:
    """Tell how far it is, beside the tables."""
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    main()
