"""The preset of good photons, against all photons read by h5py."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import shapely

import catalog_builder as cb
from catalog_builder.errors import ReferencesWarning
from tests.photons.brute_force import RandomArea, photons_of
from tests.photons.conftest import Stored, store
from tests.photons.test_open_photons import EVERYWHERE, NAMES, require_equal


@pytest.fixture(scope="module")
def mixed(granules: Stored, tmp_path_factory: pytest.TempPathFactory) -> Stored:
    """Two granules with every flag that there is; the second begins in a transition."""
    folder = tmp_path_factory.mktemp("mixed")
    noise, paths = np.random.default_rng(1), []
    for number, path in enumerate(granules.paths[:2]):
        paths.append(folder / path.name)
        shutil.copy(path, paths[-1])
        with h5py.File(paths[-1], "r+") as file:
            file["orbit_info/sc_orient"][:] = 2 * number
            for beam in (name for name in file if name.startswith("gt")):
                quality, flag, confidence = (
                    file[f"{beam}/{name}"]
                    for name in (
                        "heights/quality_ph",
                        "geolocation/podppd_flag",
                        "heights/signal_conf_ph",
                    )
                )
                quality[:] = noise.choice([0, 0, 0, 10, 20, 1, 2, 3, 4, 5, 11, 24], quality.shape)
                flag[:] = noise.choice([0, 0, 0, 1, 4, 7], flag.shape)
                values = confidence[:]
                values[noise.random(values.shape) < 0.02] = -2
                confidence[:] = values
    return store(paths, folder)


def test_good_photons(mixed: Stored) -> None:
    release = mixed.paths[0].stem[30:33]
    nominal = {"006": [0], "007": [0, 10, 20]}[release]

    def is_good(values: dict[str, np.ndarray]) -> Any:
        return (
            np.isin(values["quality_ph"], nominal)
            & (values["podppd_flag"] == 0)
            & (values["signal_conf_ph"] != -2).all(axis=1)
            & (values["orientation"] != 2)
        )

    area = RandomArea(given=EVERYWHERE, shape=shapely.box(*EVERYWHERE), middle=0.0)
    expected = photons_of(mixed.paths, area, keep=is_good)
    found = cb.open_photons(mixed.indexed, EVERYWHERE, variables=NAMES, good=True)
    assert 100 < found.sizes["photon"] < 5_000
    require_equal(found, expected)
    lazy = cb.open_photons(mixed.indexed, EVERYWHERE, variables=NAMES, good=True, chunks="auto")
    require_equal(lazy.compute(), expected)
    with pytest.warns(ReferencesWarning, match="without references"):
        found = cb.open_photons(mixed.plain, EVERYWHERE, variables=NAMES, good=True)
    require_equal(found, expected)

    assert found.attrs["good"] == (
        f"quality_ph in {nominal}; geolocation/podppd_flag == 0; signal_conf_ph != -2 of each "
        "surface type; orbit_info/sc_orient != 2"
    )
    high = float(np.median(found.h_ph))
    above = cb.open_photons(
        mixed.indexed, EVERYWHERE, variables=NAMES, good=True, where={"h_ph": (">", high)}
    )
    require_equal(
        above, photons_of(mixed.paths, area, keep=lambda v: is_good(v) & (v["h_ph"] > high))
    )


def test_without_granules_there_are_no_terms(tmp_path: Path) -> None:
    assert "good" not in cb.open_photons([], EVERYWHERE, good=True).attrs
