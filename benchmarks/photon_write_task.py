"""Writes the photons of an area to a file, in a process of its own, and tells what that took.

``python -m benchmarks.photon_write_task ITEMS AREA OUT`` prints a line of JSON. It imports nothing
of the other benchmarks: its memory counts whole.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import catalog_builder as cb


def main() -> None:
    """Write as the command line says."""
    items, area, out = sys.argv[1:]
    began = time.perf_counter()
    plan = cb.plan_photons(json.loads(Path(items).read_text()), json.loads(area), variables="h_ph")
    cb.write_photons(plan, out)
    used = resource.getrusage(resource.RUSAGE_SELF)
    took = {
        "wall": time.perf_counter() - began,
        "cpu": used.ru_utime + used.ru_stime,
        "peak": used.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
    }
    sys.stdout.write(json.dumps(took) + "\n")


if __name__ == "__main__":
    main()
