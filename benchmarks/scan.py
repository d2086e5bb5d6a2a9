"""Scan the large granules of both layouts from a far store: ``make scan-bench``.

Each scan runs in a process of its own, which has scanned a small granule before: what is measured
is what a worker that indexes a catalog takes for each further granule. The rounds are the longest
row of requests of which each began after the one before had ended.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from typing import Any, Final

from benchmarks.granules import FOLDER, LAYOUTS, Granule, make_granules
from benchmarks.server_process import ROOT, server_process

_RUNS: Final = 3

_COLUMNS: Final = {
    "GETs": ("gets", 1.0),
    "MB": ("bytes", 1e-6),
    "rounds": ("rounds", 1.0),
    "wall s": ("wall", 1.0),
    "CPU s": ("cpu", 1.0),
    "peak MB": ("peak", 1e-6),
}


def main() -> None:
    """Print a line of Markdown for each layout: the median of its runs."""
    if len(sys.argv) > 1:
        sys.stdout.write(json.dumps(_scan(sys.argv[1])))
        return
    make_granules()
    with server_process("benchmarks.server", str(FOLDER)) as (endpoint,):
        sys.stdout.write("| layout | " + " | ".join(_COLUMNS) + " |\n")
        sys.stdout.write("|---|" + "---:|" * len(_COLUMNS) + "\n")
        for layout in LAYOUTS:
            runs = [_in_process(layout, endpoint) for _ in range(_RUNS)]
            cells = [
                f"{statistics.median(run[key] for run in runs) * scale:.3g}"
                for key, scale in _COLUMNS.values()
            ]
            sys.stdout.write(f"| {layout} | " + " | ".join(cells) + " |\n")


def _in_process(layout: str, endpoint: str) -> dict[str, Any]:
    environment = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_REGION": "us-west-2",
        "AWS_ENDPOINT_URL_S3": endpoint,
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.scan", layout],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
        timeout=600,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _scan(layout: str) -> dict[str, Any]:
    """Scan the small granule, then the large one; gives what the second took."""
    from benchmarks.reader import s3_href
    from benchmarks.task import measured
    from catalog_builder.beams.scanning.scan import scan
    from catalog_builder.beams.storage.links import GranuleLinks

    small, large = (Granule(layout=layout, small=small) for small in (True, False))  # type: ignore[arg-type]
    scan(GranuleLinks(s3=s3_href(small)), "s3")
    return measured(lambda: scan(GranuleLinks(s3=s3_href(large)), "s3"))


if __name__ == "__main__":
    main()
