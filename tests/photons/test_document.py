"""What docs/photons.md shows runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import xarray as xr

import catalog_builder as cb
from tests.photons.conftest import Stored
from tests.photons.test_open_photons import place_in

DOCUMENT = Path(__file__).parents[2] / "docs" / "photons.md"


def test_the_examples_run(
    granules: Stored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {
        "cb": cb,
        "xr": xr,
        "index": granules.indexed,
        "area": place_in(granules.indexed[0]),
    }
    for block in re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.S):
        exec(block, names)
    photons = names["photons"]
    assert photons.sizes["photon"] == len(names["of_photon"]) == len(names["table"]) > 0
    assert 0 < names["sure"].sizes["photon"] <= photons.sizes["photon"]
    assert names["first"].sizes["photon"] == photons.photon_count[0]
    xr.testing.assert_identical(names["again"].load(), photons)
    names["again"].close()
    assert {path.name for path in tmp_path.iterdir()} == {
        *("photons.parquet", "strong.parquet", "photons.nc", "photons.png")
    }
