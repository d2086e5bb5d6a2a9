from __future__ import annotations

import os
from pathlib import Path

import intake
import pystac

from catalog_builder.demo import run


def test_the_whole_river_runs_and_leaves_what_it_says(tmp_path: Path) -> None:
    before = dict(os.environ)
    steps = list(run(tmp_path, granules=24))
    assert dict(os.environ) == before
    assert len(steps) == 11
    assert all(step.lines for step in steps)
    said = "\n".join(line for step in steps for line in step.lines)
    assert "answers only inside us-west-2" in said
    assert "EARTHDATA_TOKEN=…" in said

    catalog = pystac.Catalog.from_file(str(tmp_path / "catalog" / "catalog.json"))
    assert catalog.validate()
    assert len(list(catalog.get_items(recursive=True))) > 0
    assert (tmp_path / "beam.png").stat().st_size > 20_000

    saved = intake.open_catalog(str(tmp_path / "saved" / "local.yml"))
    [name] = list(saved)
    dataset = saved[name].read()
    assert dataset.attrs["beam"] == "gt1l"
    assert dataset.sizes["photon"] > 10_000
