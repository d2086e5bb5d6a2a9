"""Memory is bounded however many granules are read, and whatever is written."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from catalog_builder.beams.references.kerchunk_writer import write_references
from catalog_builder.beams.scanning.scan import scan
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.catalog.stac.beam_assets import BEAM_FACTS
from tests.photons.conftest import Stored

MOST_WRITING = 300 * 2**20
MOST_BESIDE = 150 * 2**20

WRITE = """
import json, sys
from pathlib import Path
import catalog_builder as cb
items, path, area = json.loads(Path(sys.argv[1]).read_text()), sys.argv[2], json.loads(sys.argv[3])
plan = cb.plan_photons(items, area, variables=["h_ph"])
cb.write_photons(plan, path)
peak = Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
print(len(plan.granules), 1024 * int(peak))
"""

READ = """
import json, sys
from pathlib import Path
import catalog_builder as cb
items, area = json.loads(Path(sys.argv[1]).read_text()), json.loads(sys.argv[2])
cb.open_photons(items[:1], area, variables=["h_ph"])
def memory(name):
    return 1024 * int(Path("/proc/self/status").read_text().partition(name)[2].split()[0])
before = memory("VmRSS:")
Path("/proc/self/clear_refs").write_text("5")
found = cb.open_photons(items, area, variables=["h_ph"])
names = ["lat_ph", "lon_ph", "delta_time", "h_ph", "track_pass_index", "cycle"]
held = sum(found.variables[name].nbytes for name in names)
print(held, memory("VmHWM:") - before - held)
"""


def run(code: str, *arguments: str) -> list[int]:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True, check=True
    )
    return [int(word) for word in done.stdout.split()]


def _degrees(path: Path) -> float:
    """Of latitude, that a granule flies over."""
    with h5py.File(path) as file:
        return float(np.ptp(file["gt2l/heights/lat_ph"][:]))


@pytest.fixture(scope="module")
def many(large: Stored, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[float]]:
    """A file of 200 items: one granule under the names of 200 days; and an area within it."""
    folder = tmp_path_factory.mktemp("many")
    path = max(large.paths, key=_degrees)
    found = scan(GranuleLinks(local=str(path)), "local")
    items: list[dict[str, Any]] = []
    for number in range(200):
        name = f"ATL03_2019{number // 28 + 1:02d}{number % 28 + 1:02d}{path.stem[14:]}"
        (folder / f"{name}.h5").symlink_to(path)
        known = {beam: replace(one, granule=name) for beam, one in found.beams.items()}
        file = write_references(known)
        (folder / f"{name}.json.zst").write_bytes(file.body)
        facts = {
            beam: {"photons": found.photons[beam], "references": frame.to_dict()}
            for beam, frame in file.frames.items()
        }
        assets = {
            "data": {"href": str(folder / f"{name}.h5")},
            "references": {"href": str(folder / f"{name}.json.zst")},
        }
        items.append(
            {"id": name, "properties": {BEAM_FACTS: facts}, "links": [], "assets": assets}
        )
    listed = folder / "items.json"
    listed.write_text(json.dumps(items))
    with h5py.File(path) as file:
        south, north = np.quantile(file["gt2l/heights/lat_ph"][:], [0.45, 0.55]).tolist()
    return listed, [-180, south, 180, north]


@pytest.mark.heavy
@pytest.mark.timeout(1200)
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.parametrize("large", ["007"], indirect=True)
def test_200_granules_are_written_in_300_mb(
    many: tuple[Path, list[float]], tmp_path: Path
) -> None:
    items, area = many
    granules, peak = run(WRITE, str(items), str(tmp_path / "photons.parquet"), json.dumps(area))
    assert granules == 200
    assert peak < MOST_WRITING


@pytest.mark.heavy
@pytest.mark.timeout(1200)
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.parametrize("large", ["007"], indirect=True)
def test_reading_takes_150_mb_beside_the_photons(many: tuple[Path, list[float]]) -> None:
    items, area = many
    held, beside = run(READ, str(items), json.dumps(area))
    assert held > 2 * MOST_BESIDE
    assert beside < MOST_BESIDE
