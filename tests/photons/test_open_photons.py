"""Photons of an area, against the brute-force answer of plain h5py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import h5py
import numpy as np
import pytest
import shapely
import xarray as xr
from shapely.geometry import mapping

import catalog_builder as cb
from catalog_builder.beams.read.delta_time import to_seconds
from catalog_builder.errors import (
    BeamNotFoundError,
    ConditionError,
    ReferencesWarning,
    SeveralReleasesError,
    TooManyPhotonsError,
    VariableNotFoundError,
    WindowError,
)
from tests.beams.bits import same_bits
from tests.photons.brute_force import OF_SEGMENTS, RandomArea, photons_of, random_area
from tests.photons.conftest import Stored

NAMES = ["h_ph", "signal_conf_ph", "quality_ph", "geophys_corr/geoid", "x_atc"]

PLACES = ("lat_ph", "lon_ph", "delta_time")


def require_equal(
    found: xr.Dataset, expected: dict[str, np.ndarray], names: Sequence[str] = NAMES
) -> None:
    """Photon for photon, bit for bit, in the same order."""
    assert found.sizes["photon"] == len(expected.get("lat_ph", ()))
    assert found.photon_count.values.sum() == found.sizes["photon"]
    if not found.sizes["photon"]:
        return
    for name in dict.fromkeys((*PLACES, *(name.rpartition("/")[2] for name in names))):
        values = found[name].values
        if name == "delta_time":
            values = to_seconds(values)
        assert same_bits(values, expected[name]), name
    for name in ("granule", "beam"):
        of_photon = found[name].values[found.track_pass_index.values]
        assert (of_photon == expected[name]).all()


def area_about_a_photon(granules: Stored, noise: np.random.Generator, number: int) -> RandomArea:
    """A third across ±180 or at the pole, a third with holes."""
    odd = [path for path in granules.paths if is_odd(str(path))]
    paths = odd if number % 3 == 0 else granules.paths
    with h5py.File(paths[noise.integers(len(paths))]) as file:
        heights = file["gt2l/heights"]
        lon, lat = heights["lon_ph"][:], heights["lat_ph"][:]
    at = int(noise.integers(len(lon)))
    return random_area(noise, float(lon[at]), float(lat[at]), holes=number % 3 == 1)


@cache
def is_odd(path: str) -> bool:
    with h5py.File(path) as file:
        lon, lat = file["gt2l/heights/lon_ph"][:], file["gt2l/heights/lat_ph"][:]
    return bool(np.ptp(lon) > 300 or np.abs(lat).max() > 80)


def is_confident(values: dict[str, np.ndarray]) -> np.ndarray:
    sure: np.ndarray = values["signal_conf_ph"][:, 3] >= 3
    return sure


def check_areas(
    granules: Stored, numbers: range, how: Callable[[int], dict[str, Any]] | None = None
) -> int:
    """Compare, and count the areas that hold photons; ``how`` gives further arguments."""
    some = 0
    for number in numbers:
        area = area_about_a_photon(granules, np.random.default_rng(number), number)
        where = {"signal_conf_ph": {"land_ice": (">=", 3)}} if number % 2 else None
        asked = {"variables": NAMES, "where": where, **(how(number) if how else {})}
        expected = photons_of(granules.paths, area, keep=is_confident if where else None)
        if number % 6 == 0:
            with pytest.warns(ReferencesWarning, match="without references"):
                found = cb.open_photons(granules.plain, area.given, **asked)
        else:
            found = cb.open_photons(granules.indexed, area.given, **asked)
        require_equal(found.load(), expected, asked["variables"])
        some += bool(found.sizes["photon"])
    return some


def test_random_areas_against_brute_force(granules: Stored) -> None:
    assert check_areas(granules, range(12)) > 6


EVERY = [
    *("h_ph", "x_atc", "dist_ph_along", "dist_ph_across", "pce_mframe_cnt", "ph_id_channel"),
    *("ph_id_count", "ph_id_pulse", "quality_ph", "signal_conf_ph", "weight_ph"),
    *OF_SEGMENTS,
]


EVERYWHERE = [-180, -90, 180, 90]


@pytest.fixture
def one(granules: Stored) -> dict[str, Any]:
    return granules.indexed[0]


def place_in(item: dict[str, Any]) -> list[float]:
    """A box about the middle of a granule's track."""
    track = item["properties"]["icesat2:beams"]["gt2l"]["track"]
    lon, lat = track[len(track) // 2]
    return [max(lon - 1, -180), lat - 0.5, min(lon + 1, 180), lat + 0.5]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"area": [0, 5, 1, 4]}, WindowError, "south first"),
        ({"area": shapely.Polygon()}, WindowError, "no ring"),
        ({"area": shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])}, WindowError, "cannot be"),
        ({"area": shapely.box(4e5, 6e6, 5e5, 7e6)}, WindowError, "leaves the Earth"),
        ({"area": "glacier.geojson"}, WindowError, "No area can be read"),
        ({"area": {"type": "Point", "coordinates": [1, 2]}}, WindowError, "has no area"),
        ({"area": None}, WindowError, "No area"),
        ({"beams": "string"}, BeamNotFoundError, "strong, weak"),
        ({"beams": []}, BeamNotFoundError, "strong, weak"),
        ({"variables": ["h_phx"]}, VariableNotFoundError, "Did you mean h_ph"),
        ({"variables": ["bckgrd_atlas/bckgrd_rate"]}, VariableNotFoundError, "open_beam"),
        ({"where": {"h_phx": (">", 3)}}, VariableNotFoundError, "Did you mean h_ph"),
        ({"where": {"h_ph": ("~", 3)}}, ConditionError, "operator"),
        ({"where": {"h_ph": (">", [3])}}, ConditionError, "expected a number"),
        ({"where": {"quality_ph": []}}, ConditionError, "empty list"),
        ({"where": {"quality_ph": "splendid"}}, ConditionError, "no label 'splendid'.*nominal"),
        ({"where": {"signal_conf_ph": (">=", 3)}}, ConditionError, "surface type"),
        ({"where": {"signal_conf_ph": {"lava": (">=", 3)}}}, ConditionError, "lava.*land_ice"),
        ({"where": {"h_ph": {"land_ice": (">=", 3)}}}, ConditionError, "no surface types"),
        ({"where": [("h_ph", ">", 3)]}, ConditionError, "mapping"),
        ({"limit": 1000}, TooManyPhotonsError, "smaller area.*lazily.*limit=None"),
    ],
)
def test_what_cannot_be_is_said(
    one: dict[str, Any], arguments: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        cb.open_photons([one], **{"area": place_in(one), **arguments})


def test_no_limit(one: dict[str, Any]) -> None:
    assert cb.open_photons([one], place_in(one), limit=None).sizes["photon"] > 100


def test_nothing_there_is_no_photons(one: dict[str, Any]) -> None:
    for source, area in (([one], [0, 0, 0.001, 0.001]), ([], EVERYWHERE)):
        found = cb.open_photons(source, area)
        assert dict(found.sizes) == {"photon": 0, "surface_type": 5, "track_pass": 0}
        assert found.attrs["granules_searched"] == len(source)
        assert found.signal_conf_ph.dims == ("photon", "surface_type")
        assert {"h_ph", "x_atc", "dist_ph_along"} <= set(found.variables)


def test_a_condition_that_no_photon_meets(one: dict[str, Any]) -> None:
    found = cb.open_photons([one], place_in(one), where={"h_ph": (">", 1e9)})
    assert found.sizes["photon"] == found.sizes["track_pass"] == 0
    assert found.attrs["passes_searched"] > 0
    assert found.h_ph.dtype == np.float32


def test_the_highest_revision_is_read_once(one: dict[str, Any]) -> None:
    older = {**one, "id": one["id"][:-2] + "00"}
    found = cb.open_photons([one, older, one], place_in(one))
    xr.testing.assert_identical(found, cb.open_photons([one], place_in(one)))


def test_two_releases_are_an_error_that_names_both(one: dict[str, Any]) -> None:
    other = {"006": "007", "007": "006"}[one["id"][30:33]]
    twice = [one, {**one, "id": one["id"][:30] + other + one["id"][33:]}]
    with pytest.raises(SeveralReleasesError, match="006 and 007"):
        cb.open_photons(twice, place_in(one))
    found = cb.open_photons(twice, place_in(one), release=one["id"][30:33])
    assert found.attrs["release"] == one["id"][30:33]
    day = f"{one['id'][6:10]}-{one['id'][10:12]}-{one['id'][12:14]}"
    assert found.attrs["summary"] == f"1 granule, 1 track, 1 cycle, {day}/{day}"
    assert f"summary:             {found.attrs['summary']}\n" in str(found)
    assert found.attrs["doi"] == f"10.5067/ATLAS/ATL03.{one['id'][30:33]}"


def test_strong_and_weak_beams_are_all_beams(one: dict[str, Any]) -> None:
    counts = []
    for beams in ("strong", "weak"):
        found = cb.open_photons([one], place_in(one), beams=beams)
        assert set(found.strength.values) == {beams}
        counts.append(found.sizes["photon"])
    assert sum(counts) == cb.open_photons([one], place_in(one)).sizes["photon"]
    loud = cb.open_photons([one], place_in(one), beams="STRONG")
    assert loud.sizes["photon"] == counts[0]
    named = cb.open_photons([one], place_in(one), beams=["GT2R", "gt1l"])
    assert named.beam.values.tolist() == ["gt1l", "gt2r"]


def test_natural_filters_and_means(one: dict[str, Any]) -> None:
    found = cb.open_photons([one], place_in(one))
    sure = found.isel(photon=found.signal_conf_ph.sel(surface_type="land_ice").values >= 3)
    asked = cb.open_photons(
        [one], place_in(one), where={"signal_conf_ph": {"land_ice": (">=", 3)}}
    )
    assert same_bits(sure.h_ph, asked.h_ph)
    means = asked.h_ph.groupby("cycle").mean()
    assert means.values == pytest.approx([asked.h_ph.values.mean()], rel=1e-5)


def test_labels_members_and_comparisons(one: dict[str, Any]) -> None:
    every = cb.open_photons([one], place_in(one), variables=["quality_ph", "h_ph"])
    quality, height = every.quality_ph.values, every.h_ph.values
    middle = float(np.median(height))
    for where, keep in (
        ({"quality_ph": "nominal"}, quality == 0),
        ({"quality_ph": [1, "nominal"]}, quality <= 1),
        ({"quality_ph": 1}, quality == 1),
        ({"quality_ph": ("!=", 0), "h_ph": ("<", middle)}, (quality != 0) & (height < middle)),
    ):
        found = cb.open_photons([one], place_in(one), variables="h_ph", where=where)
        assert list(found.data_vars) == ["h_ph"]
        assert same_bits(found.h_ph, height[keep]), where


def test_areas_in_many_forms(one: dict[str, Any], tmp_path: Any) -> None:
    import geopandas

    west, south, east, north = place_in(one)
    shape = shapely.box(west, south, east, north)
    (tmp_path / "area.geojson").write_text(shapely.to_geojson(shape))
    table = geopandas.GeoDataFrame(geometry=[shape], crs="EPSG:4326")
    expected = cb.open_photons([one], [west, south, east, north], variables="h_ph")
    for area in (
        f"{west},{south},{east},{north}",
        np.array([west, south, east, north]),
        mapping(shape),
        shape,
        table,
        tmp_path / "area.geojson",
        str(tmp_path / "area.geojson"),
    ):
        found = cb.open_photons([one], area, variables="h_ph")
        assert same_bits(found.h_ph, expected.h_ph), area
    bent = cb.open_photons([one], table.to_crs("EPSG:3857"), variables="h_ph")
    assert abs(bent.sizes["photon"] - expected.sizes["photon"]) < 10


def test_a_time_inside_the_pass(one: dict[str, Any]) -> None:
    every = cb.open_photons([one], place_in(one))
    early, late = every.delta_time.values.min(), every.delta_time.values.max()
    middle = str((early + (late - early) / 2).astype("datetime64[us]"))
    first = cb.open_photons([one], place_in(one), f"../{middle}")
    assert 0 < first.sizes["photon"] < every.sizes["photon"]
    keep = every.delta_time.values.astype("datetime64[us]") <= np.datetime64(middle)
    assert same_bits(first.lat_ph, every.lat_ph.values[keep])
