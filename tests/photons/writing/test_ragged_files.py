"""Photons in NetCDF and Zarr come back as they were."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

from catalog_builder.photons.tables.ragged_dataset import ragged_dataset
from catalog_builder.photons.writing import ragged_files
from catalog_builder.photons.writing.photon_stream import DatasetStream
from catalog_builder.photons.writing.ragged_files import write_netcdf, write_zarr
from tests.photons.conftest import ask
from tests.photons.made_passes import made_block, made_pass


def made(photons: int) -> xr.Dataset:
    blocks = [made_block(photons)] if photons else []
    request = ask(variables=["h_ph", "signal_conf_ph"])
    found = ragged_dataset([made_pass("gt1l", *blocks)], request, {"product": "ATL03", "n": 3})
    if photons:
        found.h_ph.values[0] = np.nan
    return found


@pytest.mark.parametrize("photons", [0, 300])
@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
def test_every_value_and_attribute_comes_back(suffix: str, photons: int, tmp_path: Path) -> None:
    write = {".nc": write_netcdf, ".zarr": write_zarr}[suffix]
    engine = {".nc": "h5netcdf", ".zarr": "zarr"}[suffix]
    stored, path = made(photons), tmp_path / f"photons{suffix}"
    write(DatasetStream(whole=stored), path)
    with xr.open_dataset(path, engine=engine, mask_and_scale=False) as again:
        xr.testing.assert_identical(again.load(), stored)
        for name, array in stored.variables.items():
            assert again[name].dtype == array.dtype, name


def test_netcdf_says_that_the_array_is_contiguous_and_ragged(tmp_path: Path) -> None:
    write_netcdf(DatasetStream(whole=made(300)), tmp_path / "photons.nc")
    with h5py.File(tmp_path / "photons.nc") as file:
        assert file["photon_count"].attrs["sample_dimension"] in ("photon", b"photon")
        assert file["photon_count"].shape == file["granule"].shape == (1,)
        assert file["h_ph"].compression == "gzip"
        assert "_FillValue" not in file["h_ph"].attrs


def test_zarr_is_in_chunks_of_photons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ragged_files, "CHUNK", 128)
    write_zarr(DatasetStream(whole=made(300)), tmp_path / "photons.zarr")
    with xr.open_zarr(tmp_path / "photons.zarr", mask_and_scale=False) as again:
        assert again.chunksizes["photon"] == (128, 128, 44)
