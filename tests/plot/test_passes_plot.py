from __future__ import annotations

import sys
from itertools import product

import numpy as np
import pytest
import xarray as xr

import catalog_builder as cb
from catalog_builder.errors import MissingExtraError, PhotonsError, VariableNotFoundError
from catalog_builder.plot.passes_plot import _distances


def made_photons(
    rgts: tuple[int, ...] = (7, 7, 31), along: bool = True, lon: float = 10.0, lat: float = 60.0
) -> xr.Dataset:
    """Passes of 500 photons each, 91 days apart, at a slope of 10 m a kilometre."""
    count, passes = 500, len(rgts)
    km = np.linspace(0.0, 20.0, count)
    noise = np.random.default_rng(3)
    index = np.repeat(np.arange(passes, dtype=np.int32), count)
    start = np.datetime64("2019-01-01", "ns") + np.arange(passes) * np.timedelta64(91, "D")
    east = (np.tile(np.zeros(count), passes) + lon + 180) % 360 - 180
    coords = {
        "lat_ph": ("photon", np.tile(lat + km / 111.2, passes)),
        "lon_ph": ("photon", east),
        "delta_time": ("photon", np.repeat(start, count)),
        "track_pass_index": ("photon", index),
        "rgt": ("track_pass", np.array(rgts, np.int16)),
        "pass_cycle": ("track_pass", np.arange(1, passes + 1, dtype=np.int16)),
        "start": ("track_pass", start),
    }
    if along:
        begin = np.array([1000.0 * rgt for rgt in rgts])[index]
        coords["x_atc"] = ("photon", begin + np.tile(km * 1000.0, passes))
    height = np.tile(10 * km, passes) + noise.normal(0, 1, count * passes)
    return xr.Dataset({"h_ph": ("photon", height.astype(np.float32))}, coords)


@pytest.mark.parametrize(
    ("against", "colour"), list(product(("distance", "time"), ("date", "cycle")))
)
def test_heights_and_a_map(against: str, colour: str) -> None:
    photons = made_photons()
    figure = cb.plot_photons(photons, against=against, colour=colour)  # type: ignore[arg-type]
    heights, ground, bar = figure.axes
    words = " ".join(text.get_text() for text in figure.texts)
    assert "3 passes of 2 tracks in 3 cycles · 1,500 photons" in words
    assert "2019-01-01 to 2019-07-02" in words
    assert bar.get_title() == colour.capitalize()
    low, high = heights.get_ylim()
    assert low < 0 < 200 < high
    at = np.asarray(heights.collections[0].get_offsets())
    assert len(at) == 1500
    if against == "distance":
        assert at[:, 0].max() == pytest.approx(20, abs=0.01)
        assert np.corrcoef(at[:, 0], at[:, 1])[0, 1] > 0.99
    else:
        medians = np.asarray(heights.collections[1].get_offsets())
        assert medians[:, 1] == pytest.approx(100, abs=2)
    north = np.asarray(ground.collections[0].get_offsets())[:, 1]
    assert np.ptp(north) == pytest.approx(20, rel=0.01)
    assert figure._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]


def test_another_height_is_drawn_and_named() -> None:
    photons = made_photons()
    photons["h_geoid"] = photons.h_ph - 20
    heights, *_ = cb.plot_photons(photons, height="h_geoid").axes
    at = np.asarray(heights.collections[0].get_offsets())
    assert at[:, 1].mean() == pytest.approx(80, abs=1)
    assert heights.get_ylabel() == "Photon height above the geoid (m)"
    with pytest.raises(VariableNotFoundError, match="A plot needs h_sea_surface"):
        cb.plot_photons(photons, height="h_sea_surface")


@pytest.mark.parametrize(("lon", "lat"), [(180.0, 10.0), (-180.0, -60.0), (33.0, 89.9)])
def test_a_map_across_180_and_at_the_pole(lon: float, lat: float) -> None:
    photons = made_photons(lon=lon, lat=lat - 0.09)
    photons["lon_ph"] = (photons.lon_ph + np.tile([-0.01, 0.01], 750) + 180) % 360 - 180
    figure = cb.plot_photons(photons)
    east, north = np.asarray(figure.axes[1].collections[0].get_offsets()).T
    assert np.ptp(east) < 25
    assert np.ptp(north) < 25


def test_distances_follow_the_track_of_all_cycles() -> None:
    assert _distances(made_photons()) == pytest.approx(np.tile(np.linspace(0, 20, 500), 3))
    without = _distances(made_photons(along=False))
    assert without == pytest.approx(np.tile(np.linspace(0, 20, 500), 3), abs=0.01)


def test_one_pass_and_fill_values() -> None:
    photons = made_photons((7,))
    photons.h_ph.values[:100] = 3.4e38
    for colour in ("date", "cycle"):
        figure = cb.plot_photons(photons, colour=colour)  # type: ignore[arg-type]
        assert "1 pass of 1 track in 1 cycle · 400 photons" in figure.texts[1].get_text()
        figure.canvas.draw()


def test_what_cannot_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    photons = made_photons()
    with pytest.raises(VariableNotFoundError, match="needs h_ph"):
        cb.plot_photons(photons.drop_vars("h_ph"))
    with pytest.raises(PhotonsError, match="nothing to plot"):
        cb.plot_photons(photons.isel(photon=slice(0, 0)))
    with pytest.raises(ValueError, match="distance or time"):
        cb.plot_photons(photons, against="beam")  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match="plot"):
        cb.plot_photons(photons)
