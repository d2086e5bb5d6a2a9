"""What docs/siblings.md shows runs."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import catalog_builder as cb
from catalog_builder.errors import ReferencesWarning

DOCS = Path(__file__).parents[2] / "docs"
DOCUMENT = DOCS / "siblings.md"


def test_the_examples_run(granule: Path, siblings: dict[str, Path]) -> None:
    names: dict[str, Any] = {
        "cb": cb,
        "atl03": granule,
        "box": (-180, -90, 180, 90),
        **{name.lower(): path for name, path in siblings.items()},
    }
    warnings.simplefilter("ignore", ReferencesWarning)
    for block in re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.S):
        exec(block, names)
    assert names["ice"].sizes["segment"] > 0
    assert names["land"].h_canopy.dims == ("segment",)
    photons = names["photons"]
    assert names["ground"].sizes["photon"] > 0
    assert names["canopy"].sizes["photon"] > 0
    assert photons.sizes["photon"] > sum(
        names[name].sizes["photon"] for name in ("ground", "canopy")
    )
    assert np.isfinite(names["depths"]).all()
    assert names["trees"].class_atl08.isin([2, 3]).all()
    assert names["trees"].sizes["photon"] > 0
    assert {"h_geoid", "h_sea_surface"} <= set(names["beam"].variables)


def test_the_page_of_classes_runs(
    granule: Path, siblings: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {
        "cb": cb,
        "atl03": granule,
        "box": (-180, -90, 180, 90),
        **{name.lower(): path for name, path in siblings.items()},
    }
    warnings.simplefilter("ignore", ReferencesWarning)
    for block in re.findall(
        r"```python\n(.*?)```", (DOCS / "how-to/classes.md").read_text(), re.S
    ):
        exec(block, names)
    assert names["ground"].sizes["photon"] > 0
    assert names["canopy"].sizes["photon"] == names["trees"].sizes["photon"] > 0
    assert np.isfinite(names["depths"]).all()
    assert (tmp_path / "forest.png").stat().st_size > 20_000
