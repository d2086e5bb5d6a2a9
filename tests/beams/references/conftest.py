"""Granules whose references are made."""

from __future__ import annotations

from pathlib import Path

import pytest

from earthdata_standin import World

REAL = "ATL03_20181014002445_02350104_006_02_gt1l_subset.h5"


@pytest.fixture(params=["real", "006", "007"])
def granule(request: pytest.FixtureRequest) -> Path:
    """A real granule, and a simulated one in each layout."""
    if request.param == "real":
        folder: Path = request.getfixturevalue("real_data")
        return folder / REAL
    world: World = request.getfixturevalue("world")
    key = next(
        key for key in sorted(world.objects) if key.endswith(".h5") and f"_{request.param}_" in key
    )
    path = world.objects.get(key)
    assert path is not None
    return path
