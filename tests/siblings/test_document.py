"""What docs/siblings.md shows runs."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import catalog_builder as cb
from catalog_builder.errors import ReferencesWarning

DOCUMENT = Path(__file__).parents[2] / "docs" / "siblings.md"


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
