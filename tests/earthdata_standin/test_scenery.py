"""Trees and sea floors: photons and classes agree with the formulas, photon by photon."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

import catalog_builder as cb
from earthdata_standin import World
from earthdata_standin.photons import surface_height
from earthdata_standin.scenery import NEAR, REFRACTION, tree_height, water_depth
from earthdata_standin.sibling_files import write_sibling
from earthdata_standin.sibling_names import sibling_name
from earthdata_standin.tracks import BEAM_OFFSETS

BEAM = "gt2l"


@pytest.fixture(scope="module")
def granules(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One over the Juneau Icefield, one over Fiji."""
    folder = tmp_path_factory.mktemp("scenery")
    world = World.simulate(granules=2, photons=3000, folder=folder, scenery=True)
    keys = sorted(
        (key for key in world.objects if key.endswith(".h5") and "_007_" in key),
        key=lambda key: abs(_latitude(world.objects.get(key))),
    )
    found = {"reef": world.objects.get(keys[0]), "forest": world.objects.get(keys[-1])}
    assert all(found.values())
    return {name: path for name, path in found.items() if path is not None}


def _latitude(path: Path | None) -> float:
    assert path is not None
    with h5py.File(path) as file:
        lat = file[f"{BEAM}/heights/lat_ph"][:]
    return float(np.median(lat))


def _opened(path: Path, product: str, tmp_path: Path, names: list[str]) -> dict[str, np.ndarray]:
    """Columns of a beam with the classes of its sibling; ``above`` the true surface, ``x``."""
    sibling = write_sibling(tmp_path / sibling_name(path.name, product), path, scenery=True)
    found = cb.open_beam(path, BEAM, ["h_ph", "x_atc", *names], classes={product.lower(): sibling})
    with h5py.File(path) as file:
        counts = file[f"{BEAM}/geolocation/segment_ph_cnt"][:]
        surface = np.repeat(file[f"{BEAM}/geolocation/surf_type"][:], counts, axis=0)
        confident = file[f"{BEAM}/heights/signal_conf_ph"][:].max(axis=1) >= 2
    ground = surface_height(found.x_atc.values, BEAM_OFFSETS[BEAM], surface)
    return {name: one.values for name, one in found.variables.items()} | {
        "above": found.h_ph.values - ground,
        "surface": surface,
        "signal": confident,
        "x": found.x_atc.values,
    }


def test_a_forest_has_ground_and_trees(granules: dict[str, Path], tmp_path: Path) -> None:
    found = _opened(granules["forest"], "ATL08", tmp_path, ["atl08/ph_h"])
    land = found["signal"] & (found["surface"][:, 0] == 1)
    above, classes = found["above"][land], found["class_atl08"][land]
    canopy = np.isin(classes, [2, 3])
    assert 0.3 < canopy.mean() < 0.7
    np.testing.assert_array_equal(canopy, above > 1.5 * NEAR)
    np.testing.assert_array_equal(classes == 1, np.abs(above) < 1.5 * NEAR)
    tops = tree_height(found["x"][land], BEAM_OFFSETS[BEAM])
    assert tops.min() >= 5.0
    assert tops.max() <= 30.0
    assert (above[canopy] <= tops[canopy] + 0.1).all()
    assert above.max() > 0.9 * tops.max()
    np.testing.assert_allclose(found["ph_h_atl08"][land], above, atol=0.01)


def test_a_reef_has_a_surface_and_a_floor(granules: dict[str, Path], tmp_path: Path) -> None:
    found = _opened(granules["reef"], "ATL24", tmp_path, [])
    sea = found["signal"] & (found["surface"][:, 1] == 1) & (found["surface"][:, 0] == 0)
    above, classes = found["above"][sea], found["class_atl24"][sea]
    depths = water_depth(found["x"][sea], BEAM_OFFSETS[BEAM])
    floor = classes == 40
    assert 0.2 < floor.mean() < 0.5
    np.testing.assert_array_equal(floor, above < -1.5 * NEAR)
    assert np.isin(classes, [40, 41]).all()
    assert depths.min() >= 2.0
    assert 5.0 < depths.max() <= 20.0
    np.testing.assert_allclose(above[floor], -REFRACTION * depths[floor], atol=NEAR + 0.1)
    # Where it is, not where it looks to be.
    raised = (found["ellipse_h_atl24"] - found["h_ph"])[sea][floor]
    np.testing.assert_allclose(above[floor] + raised, -depths[floor], atol=NEAR + 0.1)
    assert (found["class_atl24"][~sea & ~found["signal"]] == -1).all()
