"""A write of photons that is killed at random moments goes on, and ends equal."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import catalog_builder as cb
from catalog_builder.photons.writing.pass_spool import spool_name
from tests.photons.conftest import Stored

WRITE = """
import json, sys
from pathlib import Path
import catalog_builder as cb
items = json.loads(Path(sys.argv[1]).read_text())
plan = cb.plan_photons(items, [-180, -90, 180, 90])
print("planned", flush=True)
cb.write_photons(plan, sys.argv[2])
print("written", flush=True)
"""


@pytest.mark.heavy
@pytest.mark.timeout(900)
@pytest.mark.parametrize("granules", ["007"], indirect=True)
@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_killed_at_twenty_moments(granules: Stored, tmp_path: Path, suffix: str) -> None:
    items = tmp_path / "items.json"
    items.write_text(json.dumps(granules.indexed))
    out = tmp_path / "out"
    out.mkdir()
    plan = cb.plan_photons(granules.indexed, [-180, -90, 180, 90])
    whole = cb.write_photons(plan, tmp_path / f"whole{suffix}")
    path, noise, resumed = out / f"photons{suffix}", np.random.default_rng(5), 0
    spool = out / spool_name(path)

    def kept() -> int:
        """Passes that are finished."""
        return len(list(spool.glob("*_gt*.json")))

    for number in range(20):
        path.unlink(missing_ok=True)
        # So many passes more, or all; and some moments after.
        wanted = min(kept() + int(noise.integers(0, 9)), plan.passes)
        with subprocess.Popen(
            [sys.executable, "-c", WRITE, str(items), str(path)], stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            while kept() < wanted and process.poll() is None:
                time.sleep(0.001)
            time.sleep(noise.uniform(0, 0.1 if wanted == plan.passes else 0.01))
            process.kill()
        assert not path.exists() or path.read_bytes() == whole.read_bytes()
        if path.exists() and not (spool / "plan.json").exists():
            continue  # it was done before
        resumed += kept() > 0
        if number % 2:  # the next one is killed too, where it goes on
            continue
        cb.write_photons(plan, path)
        assert path.read_bytes() == whole.read_bytes()
        assert [one.name for one in out.iterdir()] == [path.name]
    path.unlink(missing_ok=True)
    cb.write_photons(plan, path)
    assert path.read_bytes() == whole.read_bytes()
    assert resumed > 3
