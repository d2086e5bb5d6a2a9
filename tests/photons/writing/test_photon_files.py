"""Photons written to files, and read back by other programs."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import xarray as xr

import catalog_builder as cb
from catalog_builder.errors import MissingExtraError, PhotonsError


def test_a_dataset_comes_back(photons: xr.Dataset, tmp_path: Path) -> None:
    path = cb.write_photons(photons, tmp_path / "photons.nc")
    with xr.open_dataset(path, engine="h5netcdf", mask_and_scale=False) as again:
        xr.testing.assert_identical(again.load(), photons)
    with pytest.raises(PhotonsError, match="is there already"):
        cb.write_photons(photons, path)
    before = path.stat().st_ino
    cb.write_photons(photons, path, overwrite=True)
    assert path.stat().st_ino != before
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_csv(photons: xr.Dataset, tmp_path: Path) -> None:
    path = cb.write_photons(photons, tmp_path / "photons.csv")
    found = pyarrow.csv.read_csv(path)
    assert found.num_rows == photons.sizes["photon"]
    if found.num_rows:
        assert (found["lat_ph"].to_numpy() == photons.lat_ph.values).all()
        assert set(found["beam"].to_pylist()) == set(photons.beam.values.tolist())


def test_what_cannot_be_written(photons: xr.Dataset, tmp_path: Path) -> None:
    with pytest.raises(PhotonsError, match=r"photons.xlsx ends in none"):
        cb.write_photons(photons, tmp_path / "photons.xlsx")
    with pytest.raises(PhotonsError, match="track_pass_index is missing"):
        cb.write_photons(photons.drop_vars("track_pass_index"), tmp_path / "photons.nc")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".nc", ".parquet"])
def test_no_link_is_written_through(photons: xr.Dataset, tmp_path: Path, suffix: str) -> None:
    victim, to = tmp_path / "victim", tmp_path / f"photons{suffix}"
    victim.write_text("mine")
    for name in (f".{to.name}.part{suffix}", to.name):
        (tmp_path / name).symlink_to(victim)
    cb.write_photons(photons, to, overwrite=True)
    assert victim.read_text() == "mine"
    assert not to.is_symlink()


def test_photons_in_another_order(photons: xr.Dataset, tmp_path: Path) -> None:
    order = np.random.default_rng(1).permutation(photons.sizes["photon"])
    path = cb.write_photons(photons.isel(photon=order), tmp_path / "photons.parquet")
    found = pq.read_table(path)
    assert (found["h_ph"].to_numpy() == photons.h_ph.values[order]).all()
    beams = photons.beam.values[photons.track_pass_index.values[order]]
    assert found["beam"].to_pylist() == beams.tolist()


def test_zarr(photons: xr.Dataset, tmp_path: Path) -> None:
    path = cb.write_photons(photons, tmp_path / "photons.zarr")
    with xr.open_dataset(path, engine="zarr", mask_and_scale=False) as again:
        xr.testing.assert_identical(again.load(), photons)
    with pytest.raises(PhotonsError, match="is there already"):
        cb.write_photons(photons, path)
    cb.write_photons(photons, path, overwrite=True)
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", [".nc", ".parquet", ".csv", ".zarr"])
def test_a_folder_of_other_things_is_not_replaced(
    photons: xr.Dataset, tmp_path: Path, suffix: str
) -> None:
    to = tmp_path / f"photons{suffix}"
    to.mkdir()
    (to / "mine.txt").write_text("mine")
    with pytest.raises(PhotonsError, match="is a folder, and not one of Zarr"):
        cb.write_photons(photons, to, overwrite=True)
    assert (to / "mine.txt").read_text() == "mine"
    assert [one.name for one in tmp_path.iterdir()] == [to.name]


@pytest.mark.parametrize(("package", "suffix"), [("laspy", ".laz"), ("zarr", ".zarr")])
def test_an_extra_that_is_missing_is_named(
    photons: xr.Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    package: str,
    suffix: str,
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=r"icesat2-catalog-builder\[(las|zarr)\]"):
        cb.write_photons(photons, tmp_path / f"photons{suffix}")
    assert not list(tmp_path.iterdir())
