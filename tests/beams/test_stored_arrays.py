"""Datasets as variables of xarray: attributes and encoding of the file."""

from __future__ import annotations

import numpy as np

from catalog_builder.beams.read.beam_reader import Variable
from catalog_builder.beams.stored_arrays import stored_array, stored_times

SECONDS = Variable(
    path="heights/delta_time",
    dims=("photon",),
    shape=(2,),
    dtype=np.dtype(np.float64),
    attrs={"units": "seconds since 2018-01-01", "long_name": "Elapsed seconds"},
    encoding={"coordinates": "lat_ph lon_ph"},
    fill_value=0.0,
)


def test_values_keep_what_the_file_says_of_them() -> None:
    found = stored_array(SECONDS, np.array([1.0, 2.0]))
    assert found.attrs == SECONDS.attrs
    assert found.encoding == SECONDS.encoding


def test_the_unit_of_times_is_that_of_the_stored_number() -> None:
    found = stored_times(SECONDS, np.array(["2018-01-01", "2018-01-02"], "datetime64[ns]"))
    assert found.attrs == {"long_name": "Elapsed seconds"}
    assert found.encoding["units"] == "seconds since 2018-01-01"
    assert found.encoding["coordinates"] == "lat_ph lon_ph"
