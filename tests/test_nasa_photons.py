"""Checks of photons tell a difference, and a plot that cannot be drawn."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import xarray as xr

from catalog_builder.errors import CatalogError, MissingExtraError
from catalog_builder.nasa_photons import check_photons, check_plot, require_same
from earthdata_standin import World

pytestmark = pytest.mark.filterwarnings("ignore::catalog_builder.errors.ReferencesWarning")
WORLD_WIDE = (-180.0, -90.0, 180.0, 90.0)


@pytest.fixture(scope="module")
def granule(world: World) -> str:
    odd = world.odd.values()
    key = next(
        key
        for key in sorted(world.objects)
        if key.endswith("_007_01.h5") and not any(one in key for one in odd)
    )
    return str(world.objects.get(key))


def test_one_bit_is_a_difference() -> None:
    one = xr.Dataset({"h_ph": ("photon", [1.0, 2.0])})
    require_same(one, one.copy(deep=True))
    for other in (None, xr.Dataset(), one + 1e-15, one.rename(h_ph="h")):
        with pytest.raises(CatalogError):
            require_same(one, other)


def test_another_number_of_photons_is_a_difference(granule: str) -> None:
    few = xr.Dataset({"h_ph": ("photon", [1.0])})
    with pytest.raises(CatalogError, match="unlike open_beam"):
        check_photons(granule, WORLD_WIDE, "gt1r", few)


def test_a_plot_is_a_file_or_the_extra_that_is_missing(
    granule: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "bytes" in check_plot(granule, WORLD_WIDE, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 5_000
    for name in [one for one in sys.modules if one.startswith("catalog_builder.plot")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"\[plot\]"):
        check_plot(granule, WORLD_WIDE, tmp_path / "none.png")
