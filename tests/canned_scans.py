"""What scans of granules find, without any file: for catalogs that take too long to be scanned."""

from __future__ import annotations

import hashlib
import time
import zlib
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

from catalog_builder.indexing.scan_task import Outcome, ScannedGranule, ScanTask
from catalog_builder.products.atl03 import BEAMS


class CannedScans(Executor):
    """Finds the same in a granule each time, and another thing in each: few beams in most."""

    def submit(self, _: Callable[..., Any], /, *args: Any, **__: Any) -> Future[Any]:
        (task,) = args
        future: Future[Outcome] = Future()
        future.set_result(canned_scan(task))
        return future


def canned_scan(task: ScanTask) -> ScannedGranule:
    """What is found in a granule."""
    digest = hashlib.sha256(task.granule.encode()).digest()
    beams = [beam for place, beam in enumerate(BEAMS) if digest[place] > 220] or ["gt1l"]
    facts: dict[Any, dict[str, Any]] = {
        beam: {
            "strength": "strong" if place % 2 else "weak",
            **({"spot": place + 1} if digest[7] > 30 else {}),
            "photons": digest[8] * 1000 + place,
            "track": [[round(lon + place / 100, 5), 60.5] for lon in digest[9:20]],
            "references": {
                "offset": 9 * place,
                "length": 9,
                "crc32": zlib.crc32(task.granule[-9:].encode()),
            },
        }
        for place, beam in enumerate(beams)
    }
    return ScannedGranule(
        granule=task.granule,
        references=task.granule[-9:].encode() * (len(BEAMS) + digest[9] % 3),
        beams=facts,
        orientation=digest[10] % 2 if digest[10] > 30 else None,
    )


def slow_scan(task: ScanTask) -> ScannedGranule:
    """The same after a while, in a worker."""
    time.sleep(0.02)
    return canned_scan(task)
