"""Names of variables in a Dataset: their own where that is unique."""

from __future__ import annotations

import numpy as np

from catalog_builder.beams.read.beam_reader import Variable
from catalog_builder.beams.variable_names import variable_names


def variable(path: str) -> Variable:
    return Variable(
        path=path,
        dims=("photon",),
        shape=(1,),
        dtype=np.dtype(np.float32),
        attrs={},
        encoding={},
        fill_value=0.0,
    )


def test_names_that_others_have_bear_their_group() -> None:
    paths = [
        "heights/h_ph",
        "geolocation/delta_time",
        "geophys_corr/geoid",
        "bckgrd_atlas/geoid",
        "a/b/c",
        "class_atl08",
    ]
    found = variable_names([variable(path) for path in paths], ["h_ph", "delta_time"])
    assert found == [
        "h_ph",
        "geolocation_delta_time",
        "geophys_corr_geoid",
        "bckgrd_atlas_geoid",
        "a_b_c",
        "class_atl08",
    ]
