"""Photons written to files, and read back by other programs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import duckdb
import geopandas
import laspy
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import xarray as xr

import catalog_builder as cb
from catalog_builder.beams.read.delta_time import to_seconds
from catalog_builder.errors import MissingExtraError, PhotonsError, PhotonsWarning
from catalog_builder.photons import photon_parquet
from tests.photons.conftest import Stored


@pytest.fixture(scope="module", params=["some", "none"])
def photons(request: pytest.FixtureRequest, granules: Stored) -> xr.Dataset:
    area = [-180, -90, 180, 90] if request.param == "some" else [0, 0, 1e-5, 1e-5]
    names = [*cb.open_photons([], area).data_vars, "x_atc", "geophys_corr/geoid"]
    return cb.open_photons(granules.indexed[:2], area, variables=names)


def test_a_dataset_comes_back(photons: xr.Dataset, tmp_path: Path) -> None:
    path = cb.write_photons(photons, tmp_path / "photons.nc")
    with xr.open_dataset(path, engine="h5netcdf", mask_and_scale=False) as again:
        xr.testing.assert_identical(again.load(), photons)
    with pytest.raises(PhotonsError, match="is there already"):
        cb.write_photons(photons, path)
    before = path.stat().st_ino
    cb.write_photons(photons, path, overwrite=True)
    assert path.stat().st_ino != before
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_geoparquet(photons: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photon_parquet, "ROW_GROUP", 1000)
    path = cb.write_photons(photons, tmp_path / "photons.parquet")
    found = geopandas.read_parquet(path)
    expected = cb.photons_to_geodataframe(photons)
    assert len(found) == photons.sizes["photon"]
    assert (found.geometry.x == photons.lon_ph.values).all()
    assert (found.geometry.y == photons.lat_ph.values).all()
    assert (found["h_ph"].values == photons.h_ph.values).all()
    assert (found["granule"].astype(str) == expected["granule"].astype(str)).all()
    assert (found["delta_time"].values == photons.delta_time.values).all()
    assert (
        found["signal_conf_ph_land_ice"].values
        == photons.signal_conf_ph.sel(surface_type="land_ice").values
    ).all()
    geo = json.loads(pq.read_schema(path).metadata[b"geo"])
    assert geo["columns"]["geometry"]["covering"]["bbox"]["xmin"] == ["bbox", "xmin"]
    if not len(found):
        return
    groups = pq.ParquetFile(path).metadata
    assert groups.num_row_groups > 1
    assert max(groups.row_group(n).num_rows for n in range(groups.num_row_groups)) <= 1000
    # The box a row, in float32, covers the point: nothing is lost by it.
    middle = np.median(found.lat_ph)
    count, highest = duckdb.sql(
        f"SELECT count(*), max(h_ph) FROM '{path}' "
        f"WHERE bbox.ymax > {middle} AND lat_ph > {middle}"
    ).fetchall()[0]
    north = photons.h_ph.values[photons.lat_ph.values > middle]
    assert (count, np.float32(highest)) == (len(north), north.max())


def test_csv(photons: xr.Dataset, tmp_path: Path) -> None:
    path = cb.write_photons(photons, tmp_path / "photons.csv")
    found = pyarrow.csv.read_csv(path)
    assert found.num_rows == photons.sizes["photon"]
    if found.num_rows:
        assert (found["lat_ph"].to_numpy() == photons.lat_ph.values).all()
        assert set(found["beam"].to_pylist()) == set(photons.beam.values.tolist())


def test_what_cannot_be_written(photons: xr.Dataset, tmp_path: Path) -> None:
    with pytest.raises(PhotonsError, match=r"photons.xlsx ends in none"):
        cb.write_photons(photons, tmp_path / "photons.xlsx")
    with pytest.raises(PhotonsError, match="track_pass_index is missing"):
        cb.write_photons(photons.drop_vars("track_pass_index"), tmp_path / "photons.nc")
    assert not list(tmp_path.iterdir())


def test_row_groups_keep_to_passes() -> None:
    def sizes(*passes: int) -> list[list[int]]:
        tables = [
            (number, pa.table({"pass": np.repeat(number, count)}))
            for number, count in enumerate(passes)
        ]
        found = list(photon_parquet.row_groups(iter(tables), 10))
        assert pa.concat_tables(found)["pass"].to_pylist() == [
            number for number, count in enumerate(passes) for _ in range(count)
        ]
        return [one["pass"].to_pylist() for one in found]

    assert [len(one) for one in sizes(25, 3)] == [10, 10, 8]  # 5 of the first, with the second
    assert [len(one) for one in sizes(26, 3)] == [10, 10, 6, 3]
    assert [len(one) for one in sizes(3, 3, 3, 3, 30)] == [6, 6, 10, 10, 10]
    assert [len(one) for one in sizes(0)] == [0]


def test_photons_in_another_order(photons: xr.Dataset, tmp_path: Path) -> None:
    order = np.random.default_rng(1).permutation(photons.sizes["photon"])
    path = cb.write_photons(photons.isel(photon=order), tmp_path / "photons.parquet")
    found = pq.read_table(path)
    assert (found["h_ph"].to_numpy() == photons.h_ph.values[order]).all()
    beams = photons.beam.values[photons.track_pass_index.values[order]]
    assert found["beam"].to_pylist() == beams.tolist()


def test_zarr(photons: xr.Dataset, tmp_path: Path) -> None:
    path = cb.write_photons(photons, tmp_path / "photons.zarr")
    with xr.open_dataset(path, engine="zarr", mask_and_scale=False) as again:
        xr.testing.assert_identical(again.load(), photons)
    with pytest.raises(PhotonsError, match="is there already"):
        cb.write_photons(photons, path)
    cb.write_photons(photons, path, overwrite=True)
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


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


@pytest.mark.parametrize(("package", "suffix"), [("laspy", ".laz"), ("zarr", ".zarr")])
def test_an_extra_that_is_missing_is_named(
    photons: xr.Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    package: str,
    suffix: str,
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=r"icesat2-catalog-builder\[(las|zarr)\]"):
        cb.write_photons(photons, tmp_path / f"photons{suffix}")
    assert not list(tmp_path.iterdir())
