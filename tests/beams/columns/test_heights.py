"""Heights above the geoid, the sea surface and the ground, computed by hand with h5py."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

import catalog_builder as cb
from catalog_builder.beams.scanning.scan import scan
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.errors import HeightsError

TERMS = {
    "h_geoid": ["geoid"],
    "h_geoid_mean_tide": ["geoid", "geoid_free2mean"],
    "h_sea_surface": ["geoid", "tide_ocean", "tide_equilibrium", "dac"],
    "h_above_dem": ["dem_h"],
}
ALL_TERMS = list(dict.fromkeys(term for terms in TERMS.values() for term in terms))
FILL = np.float32(3.4028235e38)
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
    """A granule of which some segments have no value of a term, each term others."""
    path = tmp_path / stored[1].name
    shutil.copy(stored[1], path)
    with h5py.File(path, "r+") as file:
        for number, term in enumerate(ALL_TERMS):
            dataset = file[f"gt2l/geophys_corr/{term}"]
            dataset.attrs["_FillValue"] = FILL
            dataset[number :: len(ALL_TERMS) + 1] = FILL
    return path


@pytest.mark.parametrize("by_references", [True, False])
def test_heights_are_those_computed_by_hand(granule: Path, *, by_references: bool) -> None:
    known = scan(GranuleLinks(local=str(granule))).beams["gt2l"] if by_references else None
    found = cb.open_beam(granule, "gt2l", ["h_ph"], heights=NAMES, references=known)
    with h5py.File(granule) as file:
        np.testing.assert_array_equal(found.h_ph, file["gt2l/heights/h_ph"][:])
        counts = file["gt2l/geolocation/segment_ph_cnt"][:]
    segment = np.repeat(np.arange(len(counts)), counts)
    for name, terms in TERMS.items():
        np.testing.assert_array_equal(found[name], by_hand(granule, "gt2l", terms))
        # Masked where one of its own terms is missing, and nowhere else.
        without = np.isin(segment % (len(ALL_TERMS) + 1), [ALL_TERMS.index(one) for one in terms])
        np.testing.assert_array_equal(np.isnan(found[name]), without)
        assert 0 < without.sum() < len(without)
        for term in terms:
            assert f"geophys_corr/{term}" in found[name].attrs["derived_from"]
        assert found[name].attrs["units"] == "meters"


def test_a_fill_value_that_the_file_does_not_tell_is_never_subtracted(granule: Path) -> None:
    with h5py.File(granule, "r+") as file:
        stored = file["gt2l/geophys_corr/dac"][:]
        del file["gt2l/geophys_corr/dac"]
        file["gt2l/geophys_corr/dac"] = stored  # HDF5's own fill value, 0; no attribute
    found = cb.open_beam(granule, "gt2l", ["h_ph"], heights="sea_surface")
    expected = by_hand(granule, "gt2l", TERMS["h_sea_surface"])
    np.testing.assert_array_equal(found.h_sea_surface, expected)
    assert float(np.nanmax(np.abs(found.h_sea_surface))) < 1e5


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
    for known in (None, scan(GranuleLinks(local=str(path))).beams["gt1l"]):
        found = cb.open_beam(path, "gt1l", ["h_ph"], heights=NAMES, references=known)
        assert found.sizes["photon"] == 2909
        for name, terms in TERMS.items():
            np.testing.assert_array_equal(found[name], by_hand(path, "gt1l", terms))
            assert np.isfinite(found[name]).all()


@pytest.mark.parametrize("name", ["heights/h_ph", "geophys_corr/geoid"])
@pytest.mark.parametrize("dtype", [[("a", "<i4"), ("b", "<f4")], "S4"])
def test_a_term_that_is_no_number_is_an_error(granule: Path, name: str, dtype: object) -> None:
    with h5py.File(granule, "r+") as file:
        rows = len(file[f"gt2l/{name}"])
        del file[f"gt2l/{name}"]
        file[f"gt2l/{name}"] = np.zeros(rows, dtype)
    with pytest.raises(HeightsError, match=f"{name} has no number a row"):
        cb.open_beam(granule, "gt2l", ["quality_ph"], heights=["geoid"])
