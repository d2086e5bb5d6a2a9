"""Searches of the mission's catalog, in a process of their own; one line of JSON tells of them.

``python -m benchmarks.mission_search local DIR`` asks 200 boxes and intervals, and holds each
answer against a test of all footprints. ``http URL`` and ``intake URL`` ask over HTTP, cold, of a
:mod:`benchmarks.server` which counts.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

import numpy as np

Figures = dict[str, Any]
Box = tuple[float, float, float, float]

SEARCHES: Final = 200
YEAR: Final = "2020-01-01T00:00:00Z/2020-12-31T23:59:59Z"
REGION: Final = 5
BOX: Final = (-50.0, 69.0, -48.0, 71.0)
"""Two degrees either way, at Greenland's west coast."""

_FIRST: Final = np.datetime64("2018-10-13", "s")
_DAYS: Final = 2340


def questions(count: int = SEARCHES) -> list[tuple[Box, str | None]]:
    """Random boxes and intervals: every third box across ±180, or around a pole."""
    rng = np.random.default_rng(11)
    asked = []
    for number in range(count):
        width, height = np.round(np.exp(rng.uniform(np.log(0.2), np.log(20.0), 2)), 3)
        south = round(float(rng.uniform(-88.0, 88.0 - height)), 3)
        west = round(float(rng.uniform(-180.0, 180.0 - width)), 3)
        box = (west, south, round(west + float(width), 3), round(south + float(height), 3))
        if number % 6 == 0:
            east = round(-180.0 + float(rng.uniform(0.05, 0.95) * width), 3)
            box = (round(east + 360.0 - float(width), 3), south, east, box[3])
        elif number % 6 == 3:
            edge = round(float(rng.uniform(80.0, 87.9)), 3)
            north = (
                (-180.0, edge, 180.0, 90.0)
                if rng.random() < 0.5
                else (-180.0, -90.0, 180.0, -edge)
            )
            box = north if rng.random() < 0.5 else (box[0], north[1], box[2], north[3])
        interval = None
        if rng.random() < 0.7:
            start = _FIRST + np.timedelta64(int(rng.uniform(0, _DAYS * 86400)), "s")
            end = start + np.timedelta64(int(np.exp(rng.uniform(8.0, 17.9))), "s")
            interval = f"{start}Z/{end}Z"
        asked.append((box, interval))
    return asked


def local(folder: str) -> Figures:
    """Ask all questions of a folder's index, and of all footprints."""
    from catalog_builder import open_index

    began = time.perf_counter()
    index = open_index(folder)
    count = len(index)
    opened = time.perf_counter() - began
    asked = questions()
    took, answers = [], []
    for box, interval in asked:
        began = time.perf_counter()
        found = index.search(bbox=box, datetime=interval).ids
        took.append(time.perf_counter() - began)
        answers.append(sorted(found))
    truth = _Truth(Path(folder) / "items.parquet")
    wrong = [n for n, question in enumerate(asked) if answers[n] != truth.answer(*question)]
    return {
        "items": count,
        "open s": opened,
        "first ms": 1000 * took[0],
        "median ms": 1000 * median(took),
        "95 % ms": 1000 * quantiles(took, n=20)[-1],
        "longest ms": 1000 * max(took),
        "found, median": median(map(len, answers)),
        "found nothing": sum(not answer for answer in answers),
        "wrong": len(wrong),
        "wrong ones": [asked[n] for n in wrong[:3]],
    }


class _Truth:
    """All footprints and times, tested one by one."""

    def __init__(self, index: Path) -> None:
        import pyarrow.parquet as pq
        import shapely

        names = ["id", "geometry", "start_datetime", "end_datetime"]
        table = pq.read_table(index, columns=names)
        self._ids = np.array(table["id"].to_pylist())
        self._footprints = shapely.from_wkb(table["geometry"].to_numpy())
        self._start, self._end = (
            table[name].to_numpy().astype("datetime64[ms]") for name in names[2:]
        )

    def answer(self, box: Box, interval: str | None) -> list[str]:
        import shapely

        west, south, east, north = box
        parts = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
        area = shapely.union_all([shapely.box(w, south, e, north) for w, e in parts])
        shapely.prepare(area)
        found = shapely.intersects(area, self._footprints)
        if interval is not None:
            first, last = (np.datetime64(text[:-1], "ms") for text in interval.split("/"))
            found &= (self._start <= last) & (self._end >= first)
        return sorted(self._ids[found].tolist())


def http(url: str) -> Figures:
    """Ask a region and a box, a year each, of an index that is opened anew for either."""
    _import_all()
    from catalog_builder import open_index

    return {
        "region and year": _counted(
            url, lambda: len(open_index(url).search(region=REGION, datetime=YEAR).ids)
        ),
        "region and year, whole items": _counted(
            url, lambda: sum(1 for _ in open_index(url).search(region=REGION, datetime=YEAR))
        ),
        "box and year": _counted(
            url, lambda: len(open_index(url).search(bbox=BOX, datetime=YEAR).ids)
        ),
        "box and year, whole items": _counted(
            url, lambda: sum(1 for _ in open_index(url).search(bbox=BOX, datetime=YEAR))
        ),
    }


def intake(url: str) -> Figures:
    """From opening the catalog to the first granule found, then what a notebook asks unasked."""
    began = time.perf_counter()
    import intake as library

    imported = time.perf_counter() - began
    _ask(url, "reset")
    steps: Figures = {"import intake s": imported}

    def step(name: str, act: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        result = act()
        steps[f"{name} s"] = time.perf_counter() - began
        return result

    began = time.perf_counter()
    catalog = step("open", lambda: library.open_catalog(f"{url}/catalog.yml"))
    near = step("search", lambda: catalog.granules.search(bbox=list(BOX), datetime=YEAR))
    first = step("first name", lambda: next(iter(near), None))
    if first is not None:  # few granules may have none there
        step("its entry", lambda: near[first])
    steps["to the first result s"] = time.perf_counter() - began
    log = _ask(url, "log")
    steps |= {"requests": len(log), "MB": sum(entry["bytes"] for entry in log) / 1e6}
    granules = library.open_catalog(f"{url}/catalog.yml").granules  # that knows nothing yet
    step("repr", lambda: (repr(granules), granules._repr_html_()))
    step("completion", lambda: (dir(granules), granules._ipython_key_completions_()))
    step("walk", lambda: (granules.walk(), catalog.walk(depth=2)))
    steps["granules"] = step("len", lambda: len(granules))
    return steps


def _counted(url: str, ask: Callable[[], int]) -> Figures:
    _ask(url, "reset")
    began = time.perf_counter()
    found = ask()
    wall = time.perf_counter() - began
    log = _ask(url, "log")
    return {
        "found": found,
        "wall s": wall,
        "requests": len(log),
        "MB": sum(entry["bytes"] for entry in log) / 1e6,
    }


def _ask(url: str, order: str) -> Any:
    with urllib.request.urlopen(f"{url}/-/{order}") as answer:
        return json.load(answer)


def _import_all() -> None:
    """Load what a search over HTTP loads, so that it is not timed."""
    import aiohttp  # noqa: F401
    import fsspec.implementations.http
    import shapely  # noqa: F401

    import catalog_builder.catalog.index.item_index  # noqa: F401

    fsspec.filesystem("http")


def main() -> None:
    """Do what the command line says."""
    figures = {"local": local, "http": http, "intake": intake}[sys.argv[1]](sys.argv[2])
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
