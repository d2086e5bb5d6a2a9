"""Beams of ATL06, ATL08 and ATL24 as Datasets, against the file as h5py reads it."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

import catalog_builder as cb
from catalog_builder.errors import (
    BeamNotFoundError,
    PairError,
    ProductError,
    VariableNotFoundError,
)
from catalog_builder.products.facts import PRODUCTS


@pytest.mark.parametrize("product", ["ATL06", "ATL08", "ATL24"])
def test_values_are_those_of_the_file(siblings: dict[str, Path], product: str) -> None:
    found = cb.open_beam(siblings[product], "GT2L")
    facts = PRODUCTS[product]
    with h5py.File(siblings[product]) as file:
        group = file[f"gt2l/{facts.main.group}"]
        for default in facts.defaults:
            if default not in group:
                continue
            stored = group[default]
            variable = found[default.rpartition("/")[2]]
            np.testing.assert_array_equal(variable.values, stored[:])
            assert variable.dtype == stored.dtype
            assert variable.dims[0] == facts.main.dimension
            if "_FillValue" in stored.attrs:
                assert variable.encoding["_FillValue"] == stored.attrs["_FillValue"]
                assert "_FillValue" not in variable.attrs
        assert found.latitude.dtype == group[facts.main.latitude].dtype
        seconds = cb.open_beam(siblings[product], "gt2l", []).delta_time
        assert seconds.encoding["units"] == "seconds since 2018-01-01"
        np.testing.assert_allclose(
            (seconds.values - np.datetime64("2018-01-01", "ns")) / np.timedelta64(1, "s"),
            group["delta_time"][:],
            atol=1e-6,
        )
    assert found.attrs["product"] == product
    assert found.attrs["strength"] in ("strong", "weak")


def test_variables_are_named_by_path_or_name(siblings: dict[str, Path]) -> None:
    found = cb.open_beam(
        siblings["ATL08"],
        "gt1l",
        ["h_canopy", "terrain/h_te_best_fit", "signal_photons/classed_pc_flag", "latitude_20m"],
    )
    assert found.h_canopy.dims == ("segment",)
    assert found.classed_pc_flag.dims == ("photon",)
    assert found.latitude_20m.dims == ("segment", "part_20m")


def test_rows_of_their_own_are_never_cut(siblings: dict[str, Path]) -> None:
    whole = cb.open_beam(siblings["ATL06"], "gt1l", ["segment_quality/record_number"])
    lat = np.quantile(whole.latitude.values, [0.3, 0.6])
    box = (-180, lat[0], 180, lat[1])
    found = cb.open_beam(siblings["ATL06"], "gt1l", ["segment_quality/record_number", "h_li"], box)
    assert found.sizes["segment_quality"] == whole.sizes["segment_quality"]
    assert 0 < found.sizes["segment"] < whole.sizes["segment"]


@pytest.mark.parametrize("product", ["ATL06", "ATL08", "ATL24"])
def test_windows_cut_exactly(siblings: dict[str, Path], product: str) -> None:
    whole = cb.open_beam(siblings[product], "gt3r")
    lat = np.quantile(whole.latitude.values, [0.3, 0.6])
    found = cb.open_beam(siblings[product], "gt3r", bbox=(-180, lat[0], 180, lat[1]))
    keep = (whole.latitude >= lat[0]) & (whole.latitude <= lat[1])
    dimension = PRODUCTS[product].main.dimension
    assert found.identical(whole.isel({dimension: keep.values}))
    assert found.sizes[dimension] > 0
    start, end = whole.delta_time.values[[3, -5]].astype("datetime64[us]")
    found = cb.open_beam(siblings[product], "gt3r", datetime=(start, end))
    times = whole.delta_time.values.astype("datetime64[us]")
    keep = (times >= min(start, end)) & (times <= max(start, end))
    assert found.identical(whole.isel({dimension: keep}))


def test_photons_of_a_window_are_those_of_its_segments(siblings: dict[str, Path]) -> None:
    names = ["segment_id_beg", "segment_id_end", "signal_photons/ph_segment_id"]
    whole = cb.open_beam(siblings["ATL08"], "gt1l", names)
    lat = np.quantile(whole.latitude.values, [0.2, 0.5])
    found = cb.open_beam(siblings["ATL08"], "gt1l", names, (-180, lat[0], 180, lat[1]))
    first, last = found.segment_id_beg.values, found.segment_id_end.values
    segment = whole.ph_segment_id.values
    inside = ((segment[:, None] >= first) & (segment[:, None] <= last)).any(axis=1)
    np.testing.assert_array_equal(found.ph_segment_id.values, segment[inside])
    assert 0 < inside.sum() < len(segment)


def test_an_empty_window_is_a_dataset_of_nothing(siblings: dict[str, Path]) -> None:
    found = cb.open_beam(siblings["ATL08"], "gt1l", bbox=(0, 89.9, 1, 90))
    assert found.sizes["segment"] == 0


def test_errors_name_what_there_is(siblings: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(VariableNotFoundError, match=r"Did you mean .*h_canopy"):
        cb.open_beam(siblings["ATL08"], "gt1l", ["h_canopi"])
    with pytest.raises(PairError, match="photons of ATL03"):
        cb.open_beam(siblings["ATL08"], "gt1l", heights="geoid")
    with pytest.raises(ProductError, match="ATL14 is not opened here: it is a grid"):
        cb.open_beam(tmp_path / "ATL14_A1_0329_100m_005_02.nc", "gt1l")
    with h5py.File(siblings["ATL06"], "r+") as file:
        kept = tmp_path / siblings["ATL06"].name
        with h5py.File(kept, "w") as copy:
            file.copy("gt1r", copy)
    with pytest.raises(BeamNotFoundError, match="lacks beam gt1l: it has gt1r"):
        cb.open_beam(kept, "gt1l")


def test_real_files_open(real_data: Path) -> None:
    folder = real_data / "siblings"
    some = sorted(folder.glob("*ATL06_*.h5"))
    if not some:
        pytest.skip(f"no ATL06 in {folder}")
    for path in some:
        found = cb.open_beam(path, "gt1l")
        with h5py.File(path) as file:
            stored = file["gt1l/land_ice_segments/h_li"][:]
        np.testing.assert_array_equal(found.h_li, stored)
