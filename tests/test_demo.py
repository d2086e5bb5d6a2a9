from __future__ import annotations

import os
from pathlib import Path

import intake
import pystac
import pytest

import catalog_builder as cb
from catalog_builder.demo import cloud_again, run
from catalog_builder.errors import CatalogError


def test_the_demo_runs_and_leaves_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dict(os.environ)
    demo = tmp_path / "demo"
    steps = list(run(demo))
    assert dict(os.environ) == before
    assert len(steps) == 11
    assert all(step.lines for step in steps)
    text = "\n".join(line for step in steps for line in step.lines)
    assert "answers only inside us-west-2" in text
    assert "EARTHDATA_TOKEN=…" in text

    catalog = pystac.Catalog.from_file(str(demo / "catalog" / "catalog.json"))
    assert catalog.validate()
    assert len(list(catalog.get_items(recursive=True))) > 0
    assert (demo / "beam.png").stat().st_size > 20_000

    assert f"catalog-builder standin {demo}" in catalog.description
    with cloud_again(demo) as cloud:
        for name, value in cloud.environment.items():
            monkeypatch.setenv(name, value)
        index = cb.open_index(demo / "catalog")
        again = cb.open_beam(next(iter(index)), "gt1l", ["h_ph"])
        assert again.sizes["photon"] > 10_000
        with pytest.raises(CatalogError, match="Another program has port"), cloud_again(demo):
            pass

    saved = intake.open_catalog(str(demo / "saved" / "local.yml"))
    [name] = list(saved)
    dataset = saved[name].read()
    assert dataset.attrs["beam"] == "gt1l"
    assert dataset.sizes["photon"] > 10_000
