"""A granule of ATL03 in either layout, and its siblings."""

from __future__ import annotations

from pathlib import Path

import pytest

from earthdata_standin import World
from earthdata_standin.sibling_files import write_sibling
from earthdata_standin.sibling_names import sibling_name

PRODUCTS = ("ATL06", "ATL08", "ATL24")


@pytest.fixture(scope="session", params=["006", "007"])
def granule(request: pytest.FixtureRequest, world: World) -> Path:
    """A granule with photons in all beams."""
    key = next(
        key for key in sorted(world.objects) if key.endswith(".h5") and f"_{request.param}_" in key
    )
    path = world.objects.get(key)
    assert path is not None
    return path


@pytest.fixture(scope="session")
def siblings(granule: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The siblings that go with it, by product."""
    folder = tmp_path_factory.mktemp("siblings")
    name = granule.name[:36]
    return {
        product: write_sibling(folder / sibling_name(name, product), granule)
        for product in PRODUCTS
    }
