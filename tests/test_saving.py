"""Beams and granules that are kept on this machine, with their intake catalog."""

from __future__ import annotations

from pathlib import Path

import h5py
import intake
import numpy as np
import pytest
import xarray as xr
from published_catalog import publish

from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.errors import BeamNotFoundError
from catalog_builder.opening.one_granule import open_beam
from catalog_builder.saving import save_beam, save_beams, write_local_yml
from earthdata_standin import EarthdataStandin


def assert_same(saved: xr.Dataset, expected: xr.Dataset) -> None:
    """Names, values bit for bit, types and attributes."""
    xr.testing.assert_identical(saved.load(), expected)
    for name, array in expected.variables.items():
        assert saved[name].dtype == array.dtype
        if array.dtype.kind in "iuf":
            assert saved[name].values.tobytes() == array.values.tobytes()


@pytest.fixture
def published(cloud: EarthdataStandin, tmp_path: Path) -> Path:
    return publish(tmp_path / "catalog")


@pytest.fixture
def granule(cloud: EarthdataStandin, published: Path) -> str:
    odd = cloud.world.odd.values()
    return next(one for one in ItemIndex.open(published).ids if one not in odd)


def test_every_dataset_of_the_real_granule_comes_back(real_data: Path, tmp_path: Path) -> None:
    (file,) = real_data.glob("ATL03_*_subset.h5")
    names: list[str] = []
    with h5py.File(file) as real:
        real["gt1l"].visititems(
            lambda name, found: names.append(name) if isinstance(found, h5py.Dataset) else None
        )
    beam = open_beam(file, "gt1l", [name.removeprefix("heights/") for name in names])
    beam["geolocation_delta_time"].values[3] = np.datetime64("NaT")
    save_beam(beam, tmp_path)
    local = intake.open_catalog(str(write_local_yml(tmp_path)))
    with local["ATL03_20181014002445_02350104_006_02_gt1l"].read() as saved:
        assert_same(saved, beam)


def test_what_was_saved_before_a_failure_is_listed(
    published: Path, tmp_path: Path, cloud: EarthdataStandin, granule: str
) -> None:
    items = {item["id"]: item for item in ItemIndex.open(published).dictionaries()}
    incomplete = cloud.world.odd["missing beam"]
    with h5py.File(cloud.world.objects.get(key_of(cloud, incomplete))) as file:
        beam = next(b for b in ("gt1l", "gt1r", "gt2l", "gt2r", "gt3l", "gt3r") if b not in file)
    with pytest.raises(BeamNotFoundError):
        save_beams([items[granule], items[incomplete]], tmp_path, beams=[beam], variables=["h_ph"])
    assert list(intake.open_catalog(str(tmp_path / "local.yml"))) == [f"{granule}_{beam}"]


def key_of(cloud: EarthdataStandin, granule: str) -> str:
    return next(key for key in cloud.world.objects if key.endswith(f"{granule}.h5"))


def test_an_empty_folder_has_an_empty_catalog(tmp_path: Path) -> None:
    assert list(intake.open_catalog(str(write_local_yml(tmp_path)))) == []
