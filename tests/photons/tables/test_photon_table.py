"""Photons as a table, one row each."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import xarray as xr

from catalog_builder.errors import PhotonsError
from catalog_builder.photons.tables.photon_table import (
    arrow_array,
    numpy_array,
    photon_table,
    photons_to_geodataframe,
    require_photons,
)
from catalog_builder.photons.tables.ragged_dataset import ragged_dataset
from tests.photons.conftest import ask
from tests.photons.made_passes import made_block, made_pass


@pytest.fixture
def made() -> xr.Dataset:
    passes = [made_pass("gt1l", made_block(5)), made_pass("gt2r", made_block(3, 1), cycle=4)]
    return ragged_dataset(passes, ask(variables=["h_ph", "signal_conf_ph"]), {"product": "ATL03"})


def test_a_row_a_photon(made: xr.Dataset) -> None:
    table = photon_table(made, first_pass=0)
    assert table["beam"].to_pylist() == ["gt1l"] * 5 + ["gt2r"] * 3
    assert table["strength"].to_pylist() == ["strong"] * 5 + ["weak"] * 3
    assert table["cycle"].to_pylist() == [3] * 5 + [4] * 3
    assert (table["h_ph"].to_numpy() == made.h_ph.values).all()
    assert (table["delta_time"].to_numpy() == made.delta_time.values).all()
    land_ice = made.signal_conf_ph.sel(surface_type="land_ice").values
    assert (table["signal_conf_ph_land_ice"].to_numpy() == land_ice).all()
    part = made.isel(photon=slice(5, 8), track_pass=slice(1, 2))
    assert photon_table(part, first_pass=1)["beam"].to_pylist() == ["gt2r"] * 3


def test_points(made: xr.Dataset) -> None:
    frame = photons_to_geodataframe(made)
    assert frame.crs == "OGC:CRS84"
    assert (frame.geometry.x == made.lon_ph.values).all()
    assert (frame.geometry.y == made.lat_ph.values).all()
    assert frame.attrs == {"product": "ATL03"}
    assert frame.groupby("beam", observed=True).size().to_dict() == {"gt1l": 5, "gt2r": 3}


def test_what_is_no_table_of_photons(made: xr.Dataset) -> None:
    with pytest.raises(PhotonsError, match="strength is missing"):
        require_photons(made.drop_vars("strength"))
    with pytest.raises(PhotonsError, match=r"isel\(photon=mask\)"):
        require_photons(made.assign_coords(track_pass_index=made.track_pass_index / 1.0))


@pytest.mark.parametrize(
    "values",
    [
        np.arange(6, dtype="i2")[::2],
        np.arange(6, dtype=">f8"),
        np.array(["2019-04-01", "2020-01-01"], "datetime64[ns]"),
        np.empty(0, "f4"),
        np.ones((4, 5), "i1")[:, 2],
    ],
)
def test_arrays_come_back(values: np.ndarray) -> None:
    stored = arrow_array(values)
    assert (numpy_array(stored) == values).all()
    assert stored.equals(
        pa.array(np.ascontiguousarray(values.astype(values.dtype.newbyteorder("="))))
    )
    assert (numpy_array(stored.slice(1)) == values[1:]).all()


def test_long_arrays_are_not_copied() -> None:
    values = np.arange(1000.0)
    assert arrow_array(values).buffers()[1].address == values.ctypes.data
    assert numpy_array(arrow_array(values)).ctypes.data == values.ctypes.data


def test_no_time_is_null() -> None:
    assert arrow_array(np.array(["NaT", "2019-04-01"], "datetime64[ns]")).null_count == 1
