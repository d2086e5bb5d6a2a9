"""The photons that a plot of a beam shows; tests/plot/test_profile has what is drawn of them."""

from __future__ import annotations

import numpy as np
import pytest

from catalog_builder.errors import EmptyBeamError, VariableNotFoundError
from catalog_builder.plot.beam_photons import in_parts, read_photons, shown_range
from tests.plot.tracks import track


def test_photons_without_a_height_are_left_out() -> None:
    dataset = track(65, 66, photons=1000)
    photons = read_photons(dataset, "h_ph")
    assert len(photons.height) == len(photons.distance) == 998
    assert photons.distance.min() == 0
    with pytest.raises(EmptyBeamError):
        read_photons(dataset.isel(photon=[3, 4]), "h_ph")
    with pytest.raises(VariableNotFoundError, match="needs x_atc"):
        read_photons(dataset.drop_vars("x_atc"), "h_ph")


def test_signal_is_of_medium_and_high_confidence_or_ground() -> None:
    dataset = track(65, 66, photons=1000).isel(photon=slice(5, None))
    confidence = dataset.signal_conf_ph.values.max(axis=-1)
    assert (read_photons(dataset, "h_ph").signal == (confidence >= 3)).all()
    dataset["class_atl08"] = ("photon", np.resize(np.array([0, 1, 2], np.int8), 995))
    assert read_photons(dataset, "h_ph").signal.sum() == 332
    bare = read_photons(dataset.drop_vars(["class_atl08", "signal_conf_ph"]), "h_ph")
    assert bare.signal.all()
    assert len(in_parts(bare)) == 1
    low, high = shown_range(bare)
    assert low < bare.height.min() < bare.height.max() < high
