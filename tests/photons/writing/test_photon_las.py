"""Photons as LAS, read back by laspy."""

from __future__ import annotations

import json
from pathlib import Path

import laspy
import numpy as np
import pytest
import xarray as xr

import catalog_builder as cb
from catalog_builder.beams.read.delta_time import to_seconds
from catalog_builder.errors import PhotonsError, PhotonsWarning


@pytest.mark.parametrize("suffix", [".las", ".laz"])
def test_las(photons: xr.Dataset, tmp_path: Path, suffix: str) -> None:
    path = cb.write_photons(photons, tmp_path / f"photons{suffix}")
    with laspy.open(path) as reader:
        header, points = reader.header, reader.read()
    assert header.parse_crs().to_epsg() == 4979
    assert header.point_count == photons.sizes["photon"]
    if not header.point_count:
        return
    assert np.abs(points.x - photons.lon_ph.values).max() <= 0.51e-7
    assert np.abs(points.y - photons.lat_ph.values).max() <= 0.51e-7
    assert np.abs(points.z - photons.h_ph.values).max() <= 0.51e-3
    seconds = to_seconds(photons.delta_time.values) + 1198800018 - 1e9
    assert np.abs(np.asarray(points.gps_time) - seconds).max() < 1e-6
    confidence = photons.signal_conf_ph.values
    assert (np.asarray(points.classification == 1) == (confidence.max(axis=1) >= 2)).all()
    assert (np.asarray(points["signal_conf_ph_land_ice"]) == confidence[:, 3]).all()
    assert (np.asarray(points["geoid"]) == photons.geoid.values).all()
    said = json.loads(header.evlrs[0].record_data_bytes())
    assert said["attributes"]["product"] == "ATL03"
    of_pass = [said["passes"][str(one)][1] for one in points["track_pass_index"].tolist()]
    assert of_pass == photons.beam.values[photons.track_pass_index.values].tolist()


def test_photons_without_a_height_are_not_in_las(photons: xr.Dataset, tmp_path: Path) -> None:
    if not photons.sizes["photon"]:
        return
    high = photons.copy(deep=True)
    high.h_ph.values[:7] = 3.4e38
    with pytest.warns(PhotonsWarning, match="7 photons without"):
        path = cb.write_photons(high, tmp_path / "photons.las")
    assert laspy.read(path).header.point_count == photons.sizes["photon"] - 7
    with pytest.raises(PhotonsError, match="need h_ph"):
        cb.write_photons(photons.drop_vars("h_ph"), tmp_path / "flat.las")
