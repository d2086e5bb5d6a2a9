"""Classes and heights of the photons of an area, against h5py and a loop over every photon."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr
from photons.conftest import Stored
from siblings.brute_force import classes_of

import catalog_builder as cb
from catalog_builder.errors import (
    ConditionError,
    PairError,
    PhotonsWarning,
    VariableNotFoundError,
)
from earthdata_standin.sibling_files import write_sibling
from earthdata_standin.sibling_names import sibling_name

EVERYWHERE = [-180, -90, 180, 90]


@pytest.fixture(scope="module")
def siblings(granules: Stored, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A mapping of granules to their ATL08, of a newer revision, and a list of their ATL24."""
    folder = tmp_path_factory.mktemp("siblings")
    land, bathymetry = {}, []
    for path in granules.paths:
        name = path.name[:36]
        land[path.stem] = write_sibling(folder / sibling_name(name, "ATL08", revision=7), path)
        bathymetry.append(write_sibling(folder / sibling_name(name, "ATL24"), path))
    return {"atl08": land, "atl24": bathymetry}


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=r".*read without references")
        yield


def expected(stored: Stored, siblings: dict[str, Any], found: xr.Dataset) -> xr.Dataset:
    """The classes of the photons found, by times, of a brute-force join."""
    land, bathymetry = [], []
    paths = {path.stem: path for path in stored.paths}
    by_granule = dict(zip(paths, siblings["atl24"], strict=True))
    for number, (granule, beam) in enumerate(
        zip(found.granule.values, found.beam.values, strict=True)
    ):
        with h5py.File(paths[granule]) as file:
            lat = file[f"{beam}/heights/lat_ph"][:]
            height = file[f"{beam}/heights/h_ph"][:]
        here = (found.track_pass_index == number).values
        places = dict(
            zip(zip(lat.tolist(), height.tolist(), strict=True), range(len(lat)), strict=True)
        )
        at = [
            places[one]
            for one in zip(
                found.lat_ph.values[here].tolist(), found.h_ph.values[here].tolist(), strict=True
            )
        ]
        land.append(classes_of(paths[granule], siblings["atl08"][granule], beam)[at])
        bathymetry.append(classes_of(paths[granule], by_granule[granule], beam)[at])
    nothing = [np.empty(0, np.int8)]
    return xr.Dataset(
        {
            "class_atl08": ("photon", np.concatenate(nothing + land)),
            "class_atl24": ("photon", np.concatenate(nothing + bathymetry)),
        }
    )


def test_photons_bear_the_classes_of_their_siblings(
    items: list[dict[str, Any]], granules: Stored, siblings: dict[str, Any]
) -> None:
    names = ["h_ph", "atl08/ph_h", "x_atc"]
    whole = cb.open_photons(items, EVERYWHERE, variables=names, classes=siblings)
    truth = expected(granules, siblings, whole)
    for name in truth:
        np.testing.assert_array_equal(whole[name], truth[name])
        assert (whole[name] > 0).any()
    assert whole.class_atl08.attrs["flag_meanings"].split()[1] == "noise"
    assert np.isnan(whole.ph_h_atl08.values[whole.class_atl08.values < 0]).all()
    assert (whole.atl08_granule.str.startswith("ATL08_")).all()
    assert whole.attrs["atl08_without_segment"] == 0
    for name in ("confidence", "ellipse_h", "lat_ph", "lon_ph"):
        assert np.isfinite(whole[f"{name}_atl24"].values[whole.class_atl24.values >= 0]).all()


def test_windows_and_conditions_leave_the_photons_of_the_whole(
    items: list[dict[str, Any]], siblings: dict[str, Any]
) -> None:
    whole = cb.open_photons(items, EVERYWHERE, variables=["h_ph"], classes=siblings)
    rng = np.random.default_rng(3)
    for _ in range(8):
        middle = int(rng.integers(whole.sizes["photon"]))
        lat, lon = float(whole.lat_ph[middle]), float(whole.lon_ph[middle])
        west, east = max(lon - 1, -180), min(lon + 1, 180)
        box = [west, max(lat - 0.003, -90), east, min(lat + 0.003, 90)]
        found = cb.open_photons(
            items,
            box,
            variables=["h_ph"],
            classes=siblings,
            where={"class_atl08": ["ground", "canopy"]},
        )
        keep = (
            (whole.lon_ph >= box[0])
            & (whole.lon_ph <= box[2])
            & (whole.lat_ph >= box[1])
            & (whole.lat_ph <= box[3])
            & whole.class_atl08.isin([1, 2])
        ).values
        for name in ("h_ph", "class_atl08", "class_atl24", "ellipse_h_atl24"):
            np.testing.assert_array_equal(found[name], whole[name].values[keep])


def test_classes_cost_no_other_photon(
    items: list[dict[str, Any]], siblings: dict[str, Any]
) -> None:
    plain = cb.open_photons(items, EVERYWHERE)
    found = cb.open_photons(items, EVERYWHERE, classes=siblings, heights="geoid")
    assert found.sizes == plain.sizes
    for name in plain.variables:
        np.testing.assert_array_equal(found[name], plain[name])
        assert found[name].dtype == plain[name].dtype


def test_lazy_photons_have_them_too(items: list[dict[str, Any]], siblings: dict[str, Any]) -> None:
    asked: dict[str, Any] = {
        "variables": ["h_ph", "atl08/ph_h"],
        "classes": {"atl08": siblings["atl08"], "atl24": siblings["atl24"]},
        "heights": ["geoid", "above_dem"],
        "where": {"class_atl08": ("!=", "noise"), "confidence_atl24": ("!=", 0.5)},
    }
    now = cb.open_photons(items, EVERYWHERE, **asked)
    later = cb.open_photons(items, EVERYWHERE, **asked, chunks=500)
    assert later.class_atl08.chunks is not None
    computed = later.compute()
    for name in now.variables:
        np.testing.assert_array_equal(computed[name], now[name])
        assert computed[name].dtype == now[name].dtype
    assert now.sizes["photon"] > 0


def test_lazy_columns_that_no_condition_reads_are_as_exact(
    items: list[dict[str, Any]], siblings: dict[str, Any]
) -> None:
    _, *rest = sorted(siblings["atl08"])
    land = {name: siblings["atl08"][name] for name in rest}
    asked: dict[str, Any] = {
        "variables": ["h_ph", "atl08/d_flag"],
        "classes": {"atl08?": land, "atl24": siblings["atl24"]},
        "heights": ["geoid"],
    }
    now = cb.open_photons(items, EVERYWHERE, **asked)
    later = cb.open_photons(items, EVERYWHERE, **asked, chunks=500)
    assert set(later.variables) == set(now.variables)
    assert later.lat_ph_atl24.dtype == np.float64
    assert "" in later.atl08_granule.values
    computed = later.compute()
    for name in now.variables:
        np.testing.assert_array_equal(computed[name], now[name])
        assert later[name].dtype == computed[name].dtype == now[name].dtype
        assert set(later[name].attrs) == set(now[name].attrs)


def test_a_missing_sibling_is_an_error_or_leaves_photons_unlisted(
    items: list[dict[str, Any]], siblings: dict[str, Any]
) -> None:
    first, *rest = sorted(siblings["atl08"])
    some = {name: siblings["atl08"][name] for name in rest}
    with pytest.raises(PairError, match=rf'{first} has no granule of ATL08.*"atl08\?"'):
        cb.open_photons(items, EVERYWHERE, classes={"atl08": some})
    names = ["h_ph", "atl08/ph_h"]
    found = cb.open_photons(items, EVERYWHERE, variables=names, classes={"atl08?": some})
    whole = cb.open_photons(items, EVERYWHERE, variables=names, classes=siblings)
    lacking = (found.granule == first).values[found.track_pass_index]
    assert lacking.any()
    assert (found.class_atl08.values[lacking] == -1).all()
    assert np.isnan(found.ph_h_atl08.values[lacking]).all()
    assert found.ph_h_atl08.dtype == whole.ph_h_atl08.dtype
    np.testing.assert_array_equal(found.class_atl08[~lacking], whole.class_atl08[~lacking])
    none = cb.open_photons(items, EVERYWHERE, variables=["h_ph"], classes="atl24?")
    assert (none.class_atl24 == -1).all()
    assert none.lat_ph_atl24.dtype == np.float64


def test_names_that_nothing_gives_are_refused(
    items: list[dict[str, Any]], siblings: dict[str, Any]
) -> None:
    with pytest.raises(ConditionError, match="has no label 'trees': it has not_listed, noise"):
        cb.open_photons(items, EVERYWHERE, classes=siblings, where={"class_atl08": ["trees"]})
    with pytest.raises(VariableNotFoundError, match="nothing"):
        cb.open_photons(items, EVERYWHERE, variables=["atl08/nothing"], classes=siblings)
    with pytest.raises(VariableNotFoundError, match="class_atl08"):
        cb.open_photons(items, EVERYWHERE, where={"class_atl08": ["ground"]})


def test_files_bear_the_classes(
    items: list[dict[str, Any]], siblings: dict[str, Any], tmp_path: Path
) -> None:
    import pyarrow.parquet as pq

    asked: dict[str, Any] = {
        "variables": ["h_ph", "signal_conf_ph", "atl08/ph_h"],
        "classes": siblings,
        "heights": "geoid",
    }
    now = cb.open_photons(items, EVERYWHERE, **asked)
    plan = cb.plan_photons(items, EVERYWHERE, **asked)
    table = pq.read_table(cb.write_photons(plan, tmp_path / "photons.parquet"))
    netcdf = cb.write_photons(plan, tmp_path / "photons.nc")
    with xr.open_dataset(netcdf, mask_and_scale=False) as back:
        for name in ("class_atl08", "class_atl24", "ellipse_h_atl24", "ph_h_atl08", "h_geoid"):
            np.testing.assert_array_equal(table[name].to_numpy(), now[name].values)
            np.testing.assert_array_equal(back[name].values, now[name].values)
        flags = now.class_atl08.attrs["flag_values"]
        np.testing.assert_array_equal(back.class_atl08.attrs["flag_values"], flags)
        assert back.attrs["class_atl08_flags"] == (
            "-1 not_listed, 0 noise, 1 ground, 2 canopy, 3 top_of_canopy"
        )
    again = cb.write_photons(now, tmp_path / "again.parquet")
    assert pq.read_table(again)["class_atl08"].equals(table["class_atl08"])
    import laspy

    points = laspy.read(cb.write_photons(plan, tmp_path / "photons.las"))
    np.testing.assert_array_equal(points["class_atl08"], now.class_atl08.values)
    ground = (now.class_atl08 == 1).values & ~now.class_atl24.isin([40, 41]).values
    assert (np.asarray(points.classification)[ground] == 2).all()
    assert (np.asarray(points.classification)[(now.class_atl24 == 40).values] == 40).all()
    assert cb.photons_to_geodataframe(now).class_atl08.dtype == np.int8


def test_heights_are_those_computed_by_hand(items: list[dict[str, Any]], granules: Stored) -> None:
    found = cb.open_photons(
        items,
        EVERYWHERE,
        variables=["h_ph"],
        heights=["geoid", "geoid_mean_tide", "sea_surface", "above_dem"],
    )
    terms = {
        "h_geoid": ["geoid"],
        "h_geoid_mean_tide": ["geoid", "geoid_free2mean"],
        "h_sea_surface": ["geoid", "tide_ocean", "tide_equilibrium", "dac"],
        "h_above_dem": ["dem_h"],
    }
    paths = {path.stem: path for path in granules.paths}
    for number, (granule, beam) in enumerate(
        zip(found.granule.values, found.beam.values, strict=True)
    ):
        here = (found.track_pass_index == number).values
        with h5py.File(paths[granule]) as file:
            counts = file[f"{beam}/geolocation/segment_ph_cnt"][:].astype(np.int64)
            for name, of_segments in terms.items():
                heights = file[f"{beam}/heights/h_ph"][:].astype(np.float64)
                for term in of_segments:
                    dataset = file[f"{beam}/geophys_corr/{term}"]
                    values = dataset[:].astype(np.float64)
                    values[np.abs(values) > 1e30] = np.nan
                    heights = heights - np.repeat(values, counts)
                np.testing.assert_array_equal(found[name].values[here], heights)


@pytest.fixture
def broken(items: list[dict[str, Any]], siblings: dict[str, Any]) -> dict[str, Any]:
    """Siblings of which the first granule has none, and the second that of another granule."""
    _, second, *rest = sorted(siblings["atl08"])
    assert rest
    land = {name: siblings["atl08"][name] for name in (second, *rest)}
    return {**land, second: siblings["atl08"][rest[0]]}


def without_pair(granules: list[str], whole: xr.Dataset) -> np.ndarray[Any, Any]:
    """Which photons of the whole are of other granules."""
    return ~np.isin(whole.granule.values, granules)[whole.track_pass_index.values]


@pytest.mark.parametrize("chunks", [None, 500])
def test_granules_without_their_sibling_are_left_out_where_errors_warn(
    items: list[dict[str, Any]], siblings: dict[str, Any], broken: dict[str, Any], chunks: Any
) -> None:
    first, second, *_ = sorted(siblings["atl08"])
    asked: dict[str, Any] = {"variables": ["h_ph"], "chunks": chunks}
    whole = cb.open_photons(items, EVERYWHERE, **asked, classes={"atl08": siblings["atl08"]})
    with pytest.raises(PairError, match=first):
        cb.open_photons(items, EVERYWHERE, **asked, classes={"atl08": broken})
    with pytest.warns(PhotonsWarning, match=rf"2 of \d granules .*{first}.* no granule of ATL08"):
        found = cb.open_photons(
            items, EVERYWHERE, **asked, classes={"atl08": broken}, errors="warn"
        )
    keep = without_pair([first, second], whole)
    assert 0 < keep.sum() < len(keep)
    for name in ("h_ph", "class_atl08"):
        np.testing.assert_array_equal(found[name].values, whole[name].values[keep])
    assert found.attrs["granules_read"] == whole.attrs["granules_read"] - 2
    for granule in (first, second):
        assert granule in found.attrs["left_out"]
    assert f"; {second} of track" in found.attrs["left_out"]
    unlisted = cb.open_photons(items, EVERYWHERE, **asked, classes={"atl08?": broken})
    assert unlisted.sizes["photon"] == whole.sizes["photon"]
    classes = unlisted.class_atl08.values
    assert (classes[~keep] == -1).all()
    np.testing.assert_array_equal(classes[keep], whole.class_atl08.values[keep])


def test_all_granules_may_lack_their_sibling(items: list[dict[str, Any]]) -> None:
    for chunks in (None, 500):
        with pytest.warns(PhotonsWarning, match="has no granule of ATL08"):
            found = cb.open_photons(
                items, EVERYWHERE, classes={"atl08": []}, errors="warn", chunks=chunks
            )
        assert found.sizes["photon"] == 0
        assert found.attrs["granules_read"] == 0


def test_files_leave_out_granules_without_their_sibling(
    items: list[dict[str, Any]],
    siblings: dict[str, Any],
    broken: dict[str, Any],
    tmp_path: Path,
) -> None:
    import pyarrow.parquet as pq

    first, second, *_ = sorted(siblings["atl08"])
    asked: dict[str, Any] = {"variables": ["h_ph"]}
    whole = cb.open_photons(items, EVERYWHERE, **asked, classes={"atl08": siblings["atl08"]})
    plan = cb.plan_photons(items, EVERYWHERE, **asked, classes={"atl08": broken})
    assert sorted(plan.failed) == [first, second]
    out = tmp_path / "photons.parquet"
    with pytest.raises(PairError, match=first):
        cb.write_photons(plan, out)
    assert not out.exists()
    with pytest.warns(PhotonsWarning, match="2 of"):
        cb.write_photons(plan, out, errors="warn")
    keep = without_pair([first, second], whole)
    table = pq.read_table(out)
    np.testing.assert_array_equal(table["class_atl08"], whole.class_atl08.values[keep])
