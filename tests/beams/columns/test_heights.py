"""Heights above the geoid, the sea surface and the ground, computed by hand with h5py."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

import catalog_builder as cb
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.errors import HeightsError

TERMS = {
    "h_geoid": ["geoid"],
    "h_geoid_mean_tide": ["geoid", "geoid_free2mean"],
    "h_sea_surface": ["geoid", "tide_ocean", "tide_equilibrium", "dac"],
    "h_above_dem": ["dem_h"],
}
NAMES = ["geoid", "geoid_mean_tide", "sea_surface", "above_dem"]


def by_hand(path: Path, beam: str, terms: list[str]) -> NDArray[np.float64]:
    """Photon for photon; NaN where a term is a fill value."""
    with h5py.File(path) as file:
        heights = file[f"{beam}/heights/h_ph"][:].astype(np.float64)
        counts = file[f"{beam}/geolocation/segment_ph_cnt"][:].astype(np.int64)
        for term in terms:
            stored = file[f"{beam}/geophys_corr/{term}"][:]
            values = stored.astype(np.float64)
            values[stored > 1e30] = np.nan
            heights = heights - np.repeat(values, counts)
        return heights


@pytest.fixture
def granule(stored: tuple[GranuleLinks, Path], tmp_path: Path) -> Path:
    """A granule of which some segments have no ocean tide, and one no model of the ground."""
    path = tmp_path / stored[1].name
    shutil.copy(stored[1], path)
    with h5py.File(path, "r+") as file:
        tide = file["gt2l/geophys_corr/tide_ocean"]
        fill = np.float32(3.4028235e38)
        tide.attrs["_FillValue"] = fill
        tide[::3] = fill
        file["gt2l/geophys_corr/dem_h"][4] = fill
    return path


def test_heights_are_those_computed_by_hand(granule: Path) -> None:
    found = cb.open_beam(granule, "gt2l", ["h_ph"], heights=NAMES)
    for name, terms in TERMS.items():
        np.testing.assert_array_equal(found[name], by_hand(granule, "gt2l", terms))
        for term in terms:
            assert f"geophys_corr/{term}" in found[name].attrs["derived_from"]
        assert found[name].attrs["units"] == "meters"
    assert np.isnan(found.h_sea_surface).any()
    assert not np.isnan(found.h_sea_surface).all()
    assert not np.isnan(found.h_geoid).any()
    with h5py.File(granule) as file:
        np.testing.assert_array_equal(found.h_ph, file["gt2l/heights/h_ph"][:])


def test_a_window_has_the_heights_of_the_whole(granule: Path) -> None:
    whole = cb.open_beam(granule, "gt2l", ["h_ph", "geophys_corr/geoid"], heights=NAMES)
    lat = np.quantile(whole.lat_ph.values, [0.3, 0.6])
    found = cb.open_beam(
        granule,
        "gt2l",
        ["h_ph", "geophys_corr/geoid"],
        (-180, *lat[:1], 180, lat[1]),
        heights=NAMES,
    )
    keep = ((whole.lat_ph >= lat[0]) & (whole.lat_ph <= lat[1])).values
    for name in TERMS:
        np.testing.assert_array_equal(found[name], whole[name].values[keep])
    assert found.geoid.dims == ("segment",)


def test_an_unknown_height_is_refused(granule: Path) -> None:
    with pytest.raises(HeightsError, match="no height 'egm96': there are geoid, geoid_mean_tide"):
        cb.open_beam(granule, "gt2l", heights="egm96")


def test_a_real_granule(real_data: Path) -> None:
    path = real_data / "ATL03_20181014002445_02350104_006_02_gt1l_subset.h5"
    if not path.exists():
        pytest.skip(f"no {path.name} in {real_data}")
    found = cb.open_beam(path, "gt1l", ["h_ph"], heights=["geoid", "sea_surface"])
    np.testing.assert_array_equal(found.h_geoid, by_hand(path, "gt1l", TERMS["h_geoid"]))
    np.testing.assert_array_equal(
        found.h_sea_surface, by_hand(path, "gt1l", TERMS["h_sea_surface"])
    )
