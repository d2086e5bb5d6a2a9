"""Photons streamed from a spool give the file that those in memory give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import xarray as xr

import catalog_builder as cb
from tests.photons.conftest import Steps, Stored

EVERYWHERE = [-180, -90, 180, 90]
NAMES = ["h_ph", "signal_conf_ph", "geophys_corr/geoid", "x_atc"]

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*without references:catalog_builder.errors.ReferencesWarning"
)


def test_a_plan_gives_the_same_file_without_references(granules: Stored, tmp_path: Path) -> None:
    check_the_same_file(granules.plain[:1], ".parquet", tmp_path)


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".las", ".nc", ".zarr"])
def test_a_plan_gives_the_same_file(granules: Stored, suffix: str, tmp_path: Path) -> None:
    check_the_same_file(granules.indexed[:2], suffix, tmp_path)


def check_the_same_file(items: list[dict[str, Any]], suffix: str, tmp_path: Path) -> None:
    photons = cb.open_photons(items, EVERYWHERE, variables=NAMES)
    plan = cb.plan_photons(items, EVERYWHERE, variables=NAMES)
    whole = cb.write_photons(photons, tmp_path / f"whole{suffix}")
    steps = Steps()
    streamed = cb.write_photons(plan, tmp_path / f"streamed{suffix}", progress=steps)
    assert sorted(tmp_path.iterdir()) == [streamed, whole]
    if suffix in (".nc", ".zarr"):
        engine = {".nc": "h5netcdf", ".zarr": "zarr"}[suffix]
        with xr.open_dataset(streamed, engine=engine, mask_and_scale=False) as again:
            xr.testing.assert_identical(again.load(), photons)
    else:
        assert streamed.read_bytes() == whole.read_bytes()
    assert {one.stage for one in steps} >= {"reading photons"}


def test_no_photons_are_a_file_too(granules: Stored, tmp_path: Path) -> None:
    nowhere = [0, 0, 1e-5, 1e-5]
    whole = cb.write_photons(cb.open_photons([], nowhere), tmp_path / "whole.parquet")
    streamed = cb.write_photons(cb.plan_photons([], nowhere), tmp_path / "streamed.parquet")
    assert streamed.read_bytes() == whole.read_bytes()
    assert pq.read_table(streamed).num_rows == 0
