"""One sitting of indexing with canned scans, in a process of its own; tells what it took as JSON.

``python -m benchmarks.indexing_sitting FOLDER NEW`` indexes so many granules; with 0 it measures
the rewrite of the index for one changed granule, as a rebuild does it.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any, Final

from catalog_builder.catalog.build.publish import PublishedFolder
from catalog_builder.catalog.build.reindex import refresh_index
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.indexing.index_catalog import index_catalog
from catalog_builder.indexing.index_run import READING
from catalog_builder.indexing.scan_task import ScanCost, ScannedGranule, ScanTask
from catalog_builder.products.atl03 import BEAMS
from catalog_builder.progress import Progress

_POINTS: Final = 20
"""Points of each beam's ground track."""


class CannedScans(Executor):
    """Finds six beams with tracks in each granule, in no time."""

    def submit(self, _: Callable[..., Any], /, *args: Any, **__: Any) -> Future[Any]:
        """The outcome of a task, at once."""
        future: Future[ScannedGranule] = Future()
        future.set_result(_canned(*args))
        return future


def _canned(task: ScanTask) -> ScannedGranule:
    digest = hashlib.sha256(task.granule.encode()).digest()
    west = int.from_bytes(digest[:4], "big") / 2**32 * 360 - 180
    beams: dict[Any, dict[str, Any]] = {
        beam: {
            "strength": ("strong", "weak")[number % 2],
            "spot": number + 1,
            "photons": 1_000_000 + digest[number] * 1000,
            "track": [
                [round(west + 0.05 * number + 0.013 * k, 5), round(-60 + 1.37 * k, 5)]
                for k in range(_POINTS)
            ],
            "references": {"offset": 256 * number, "length": 256, "crc32": digest[number]},
        }
        for number, beam in enumerate(BEAMS)
    }
    return ScannedGranule(
        granule=task.granule,
        references=digest * 8 * len(BEAMS),
        beams=beams,
        orientation=digest[5] % 2,
        cost=ScanCost(requests=17, bytes=71_000_000, cpu=1.2, wall=2.6),
    )


class _Watch:
    """When the stages of a run began, and how much memory had been taken by then."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.first = self.reading = self.last = 0.0
        self.rss_at_start = self.cpu_at_start = self.cpu_at_last = 0.0

    def __call__(self, step: Progress) -> None:
        now = time.monotonic() - self.began
        self.first = self.first or now
        if step.stage == READING:
            if not self.reading:
                self.reading, self.rss_at_start = now, _peak()
                self.cpu_at_start = time.process_time()
            self.last, self.cpu_at_last = now, time.process_time()


def _peak() -> float:
    """Most memory so far, MB; what getrusage tells counts that of the process before exec too."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6


def sitting(folder: Path, new: int) -> dict[str, Any]:
    """Index so many granules."""
    watch = _Watch()
    report = index_catalog(folder, executor=CannedScans(), limit=new, progress=watch)
    wall = time.monotonic() - watch.began
    assert len(report.indexed) == new
    return {
        "had references": report.before,
        "new": new,
        "first progress s": watch.first,
        "start s": watch.reading,
        "RSS at start MB": watch.rss_at_start,
        "publishing ms a granule": 1000 * (watch.last - watch.reading) / new,
        "of CPU": 1000 * (watch.cpu_at_last - watch.cpu_at_start) / new,
        "writing the index s": wall - watch.last,
        "writing the index CPU s": time.process_time() - watch.cpu_at_last,
        "peak RSS MB": _peak(),
        "index MB": (folder / "items.parquet").stat().st_size / 1e6,
    }


def rewrite(folder: Path) -> dict[str, Any]:
    """Write the index anew for one granule, as a rebuild does where one item changed."""
    published = PublishedFolder(folder)
    (granule,) = ItemIndex.open(folder).search(limit=1).ids
    with published.writing():
        published.mark_outdated(granule)
        began, cpu = time.monotonic(), time.process_time()
        refresh_index(published)
        took, cpu = time.monotonic() - began, time.process_time() - cpu
    return {"rewrite s": took, "rewrite CPU s": cpu, "peak RSS MB": _peak()}


if __name__ == "__main__":
    folder, new = Path(sys.argv[1]), int(sys.argv[2])
    print(json.dumps(sitting(folder, new) if new else rewrite(folder)))  # noqa: T201
