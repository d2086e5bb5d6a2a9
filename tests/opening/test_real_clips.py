"""Granules that others cut: photons whole, what cannot be derived left out with a warning."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

import catalog_builder as cb
from catalog_builder.errors import EmptyBeamError, SegmentsWarning

CLIPS = (
    "ATL03_20220401221822_01501506_006_02_gt1r_clip.h5",
    "ATL03_20220401221822_01501506_005_01_clip.h5",
)


@pytest.mark.parametrize("name", CLIPS)
def test_photons_of_a_clip_are_those_of_the_file(real_data: Path, name: str) -> None:
    path = real_data / "siblings" / name
    if not path.is_file():
        pytest.skip(f"no {name} in {path.parent}")
    with h5py.File(path) as file:
        lengths = {
            beam: len(file[f"{beam}/heights/h_ph"])
            for beam in file
            if beam.startswith("gt") and f"{beam}/heights/h_ph" in file
        }
        for beam, photons in lengths.items():
            if not photons:
                with pytest.raises(EmptyBeamError):
                    cb.open_beam(path, beam)
                continue
            with pytest.warns(SegmentsWarning, match="x_atc is left out"):
                found = cb.open_beam(path, beam)
            assert "x_atc" not in found.variables
            for variable in ("h_ph", "lat_ph", "lon_ph", "signal_conf_ph"):
                stored = file[f"{beam}/heights/{variable}"][:]
                np.testing.assert_array_equal(found[variable], stored)
    assert sum(lengths.values()) > 1000
    with pytest.warns(SegmentsWarning):
        tree = cb.open_granule(path)
    assert set(tree.children) == {beam for beam, photons in lengths.items() if photons}
