"""One opener in a process of its own: does its tasks, and tells what each took.

``python -m benchmarks.task OPENER LAYOUT TASKS`` prints a line of JSON for each task. The same
task is done on a small granule first, so that modules, clients and connections are there; what is
measured begins with opening the large granule, and ends with its values in memory. A task that
takes less than three seconds is done twice, the granule opened anew: the first time the process
also waits for memory that it never had before, which on a virtual machine takes longer than
filling it. Of the warm tasks it is a second and a third read of a granule that stays open: what
is known of it by then, as where its bytes lie, is not asked for again.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import resource
import sys
import time
import urllib.request
import warnings
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Literal, get_args

import numpy as np

from benchmarks.granules import CATALOG, Granule, heights_names
from benchmarks.hdf5_openers import local_file
from benchmarks.openers import OPENERS
from benchmarks.our_openers import open_catalog, ours_by_catalog
from benchmarks.reader import FOUR, HEIGHTS, Arrays, Opener, Reader

Task = Literal["a", "b", "c", "d", "e", "f", "g", "h", "i"]
TASKS: Final[tuple[Task, ...]] = get_args(Task)
TITLES: Final[dict[Task, str]] = {
    "a": "h_ph, lat_ph, lon_ph, dist_ph_along of a strong beam",
    "b": "the whole group heights of a strong beam",
    "c": "the four variables in one degree of latitude",
    "d": "the first Dataset, nothing loaded",
    "e": "the four variables, first in a fresh process",
    "f": "the four variables in one degree of latitude, first in a fresh process",
    "g": "the four variables again, of an open granule",
    "h": "the whole group heights again, of an open granule",
    "i": "the four variables in one degree of latitude again, of an open granule",
}
FRESH: Final = "ef"
"""Tasks of a process of their own, which has imported numpy, xarray, h5py and intake alone, and
has connected nowhere: ours from ``cat.beam(...)`` on, of an intake catalog that is open."""

TRUTH: Final = "local file"

AGAIN: Final = 3.0
"""Seconds: what takes less is done twice in a process."""


def main() -> None:
    """Do the tasks of the command line."""
    name, layout, tasks = sys.argv[1:]
    warnings.simplefilter("ignore")
    opener = local_file if name == TRUTH else OPENERS[name]
    large, small = (Granule(layout=layout, small=small) for small in (False, True))  # type: ignore[arg-type]
    # To name a granule the stand-in is imported, which no opener shall be charged for.
    assert large.path != small.path
    for task in tasks:
        try:
            if task in FRESH and name != TRUTH:
                opener = _begin(name, opener)
            runs = _runs(opener, large, small, task)
        except Exception as error:
            runs = [{"error": f"{type(error).__name__}: {error}"}]
        for figures in runs:
            line = {"opener": name, "layout": layout, "task": task, **figures}
            sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
    # Some peers leave threads and loops that do not end well.
    os._exit(0)


def _begin(name: str, opener: Opener) -> Opener:
    """Import what is imported before; how the opener begins with nothing else there."""
    for package in ("numpy", "xarray", "h5py", "intake"):
        importlib.import_module(package)
    if name != "ours, references":
        return opener
    open_catalog()
    return ours_by_catalog


def _runs(opener: Opener, large: Granule, small: Granule, task: str) -> list[dict[str, Any]]:
    """What the runs of a task took."""
    if task in WARM:
        with opener(large) as reader:
            WARM[task](reader, large)
            return [_measured(lambda: WARM[task](reader, large)) for _ in range(2)]
    run = _TASKS[task]
    if task not in FRESH:
        run(opener, small)
    runs = [_measured(lambda: run(opener, large))]
    if runs[0]["wall"] < AGAIN and task not in FRESH:
        runs.append(_measured(lambda: run(opener, large)))
    return runs


def _measured(run: Callable[[], Any]) -> dict[str, Any]:
    result: Any = None

    def keep() -> Any:
        nonlocal result
        result = run()
        return result

    took = measured(keep)
    held = sum(values.nbytes for values in result.values()) if isinstance(result, dict) else 0
    return {**took, "rss": took["grown"] - held, "held": held, "values": _checksums(result)}


def measured(run: Callable[[], Any]) -> dict[str, Any]:
    """Do something, and tell what it took: seconds, requests, and bytes of memory at its peak."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    ask("/-/reset")
    before = _memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    used, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    result = run()
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    peak = _memory("VmHWM")
    del result
    return {
        "wall": wall,
        "cpu": after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime,
        "peak": peak,
        "grown": peak - before,
        **_requests(),
    }


def _requests() -> dict[str, Any]:
    """What the server was asked for."""
    if "AWS_ENDPOINT_URL_S3" not in os.environ:
        return {}
    served = [entry for entry in ask("/-/log") if entry["bytes"] or entry["method"] == "HEAD"]
    catalog = [entry for entry in served if entry["path"].startswith(f"/{CATALOG}/")]
    gets = [entry for entry in served if entry["method"] == "GET" and entry not in catalog]
    return {
        "gets": len(gets),
        "heads": sum(entry["method"] == "HEAD" for entry in served),
        "catalog": len(catalog),
        "bytes": sum(entry["bytes"] for entry in gets),
        "rounds": count_rounds(gets),
    }


def count_rounds(gets: Sequence[dict[str, Any]]) -> int:
    """The longest row of requests of which each began after the one before had ended."""
    rounds, ended = 0, 0.0
    for entry in sorted(gets, key=lambda entry: entry["ended"]):
        if entry["began"] >= ended:
            rounds, ended = rounds + 1, entry["ended"]
    return rounds


def ask(path: str) -> Any:
    """What the far store tells at one of its own paths; nothing where there is no store."""
    if "AWS_ENDPOINT_URL_S3" not in os.environ:
        return []
    with urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL_S3"] + path) as answer:
        return json.load(answer)


def _memory(name: str) -> int:
    """Bytes, from the kernel: ``VmRSS`` now, ``VmHWM`` at most so far."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.partition(f"{name}:")[2].split()[0])


def _checksums(result: Any) -> dict[str, list[int]]:
    """Length and checksum of each array as the file stores it, or the length of a Dataset's."""
    if not isinstance(result, dict):
        return {
            f"{HEIGHTS}/{name}": [int(result[name].shape[0])]
            for name in (path.rpartition("/")[2] for path in FOUR)
        }
    return {
        path: [len(values), zlib.adler32(np.ascontiguousarray(stored(values)).tobytes())]
        for path, values in result.items()
    }


def stored(values: Any) -> Any:
    """Values as the file has them: times as seconds."""
    if values.dtype.kind != "M":
        return values
    from catalog_builder.beams.read.delta_time import to_seconds

    return to_seconds(values)


def _four(reader: Reader, _: Granule) -> Arrays:
    return reader.read(FOUR)


def _heights(reader: Reader, granule: Granule) -> Arrays:
    names = heights_names(granule)  # from the local copy: known from the product's description
    return reader.read([f"{HEIGHTS}/{name}" for name in names])


def _window(reader: Reader, _: Granule) -> Arrays:
    return reader.window()


def _first(reader: Reader, _: Granule) -> Any:
    return reader.first_dataset()


def _opened(read: Callable[[Reader, Granule], Any]) -> Callable[[Opener, Granule], Any]:
    """Open the granule, and read."""

    def run(opener: Opener, granule: Granule) -> Any:
        with opener(granule) as reader:
            return read(reader, granule)

    return run


_TASKS: Final[dict[str, Callable[[Opener, Granule], Any]]] = {
    "a": _opened(_four),
    "b": _opened(_heights),
    "c": _opened(_window),
    "d": _opened(_first),
    "e": _opened(_four),
    "f": _opened(_window),
}

WARM: Final[dict[str, Callable[[Reader, Granule], Any]]] = {
    "g": _four,
    "h": _heights,
    "i": _window,
}

if __name__ == "__main__":
    main()
