"""What writing the photons of many granules to GeoParquet takes: memory above all.

``python -m benchmarks.photon_writing [--granules 200] [--layouts v007]`` prints a table. Each file
is written in a process of its own, and read back by GeoPandas.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, cast

from benchmarks.granules import FOLDER, LAYOUTS, Layout, make_granules
from benchmarks.photon_areas import area_of
from benchmarks.photon_catalog import PassGranule
from benchmarks.photons import HUB
from benchmarks.run import python, say
from benchmarks.server_process import server_process

MOST: Final = 300
"""MB of memory that were promised at most."""

_AREA: Final = "0.2"


def main() -> None:
    """Write and print; exit code 1 where more memory was taken than was promised."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--granules", type=int, default=200)
    parser.add_argument("--layouts", default=",".join(LAYOUTS))
    arguments = parser.parse_args()
    make_granules()
    with server_process("benchmarks.server", str(FOLDER)) as (endpoint,):
        python("benchmarks.photon_catalog", str(arguments.granules), endpoint=endpoint)
    lines, most = [], 0.0
    with server_process("benchmarks.server", str(FOLDER), *HUB.arguments) as (endpoint,):
        for layout in arguments.layouts.split(","):
            say(f"{layout}, {arguments.granules} granules")
            took = _written(cast("Layout", layout), arguments.granules, endpoint)
            most = max(most, took["peak"] / 1e6)
            lines.append(
                f"| {layout} | {took['photons']:,} | {took['size'] / 1e6:.0f} | {took['cpu']:.1f} "
                f"| {took['wall']:.1f} | {took['peak'] / 1e6:.0f} |\n"
            )
    sys.stdout.write(
        f"{arguments.granules} granules, six beams, area {_AREA}, to GeoParquet: at most {MOST} "
        "MB of memory, imports and all.\n\n"
        "| layout | photons | MB written | CPU s | wall s | peak MB |\n"
        "|---|---:|---:|---:|---:|---:|\n" + "".join(lines)
    )
    sys.exit(most > MOST)


def _written(layout: Layout, granules: int, endpoint: str) -> dict[str, Any]:
    import geopandas

    every = [PassGranule(layout=layout, number=number) for number in range(1, granules + 1)]
    with TemporaryDirectory() as folder:
        items, out = Path(folder) / "items.json", Path(folder) / "photons.parquet"
        os.environ["AWS_ENDPOINT_URL_S3"] = endpoint  # which addresses of items are made of
        items.write_text(json.dumps([one.item("s3", references=True) for one in every]))
        area = json.dumps(area_of(_AREA, layout).box)
        words = (str(items), area, str(out))
        took: dict[str, Any] = json.loads(
            python("benchmarks.photon_write_task", *words, endpoint=endpoint)
        )
        found = geopandas.read_parquet(out, columns=["geometry", "h_ph"])
        return took | {"photons": len(found), "size": out.stat().st_size}


if __name__ == "__main__":
    main()
