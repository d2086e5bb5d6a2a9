"""Photons as GeoParquet, read back by geopandas and DuckDB."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import geopandas
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import xarray as xr

import catalog_builder as cb
from catalog_builder.photons.writing import photon_parquet


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
