from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.image import imread

from catalog_builder.beams.dataset import open_beam
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.errors import EmptyBeamError, MissingExtraError, VariableNotFoundError
from catalog_builder.geo.orbit import from_orbit
from catalog_builder.plot.profile import MOST_PHOTONS, plot_beam, rolling_mean

REAL = "ATL03_20181014002445_02350104_006_02_gt1l_subset.h5"


def track(start: float, stop: float, *, photons: int = 5000, node: float = 0.0) -> xr.Dataset:
    """A beam over a stretch of orbit, from and to an argument of latitude in degrees."""
    u = np.linspace(start, stop, photons)
    lon, lat = from_orbit(u, 0.0, node)
    chance = np.random.default_rng(7)
    confidence = np.full((photons, 5), -1, dtype=np.int8)
    confidence[:, 3] = chance.integers(0, 5, photons)
    height = (100 + 20 * np.sin(9 * u) + chance.normal(0, 1, photons)).astype(np.float32)
    height[3] = np.float32(3.4028235e38)
    height[4] = np.nan
    times = np.datetime64("2019-06-11T04:12:33", "ns") + np.arange(photons)
    return xr.Dataset(
        {
            "h_ph": ("photon", height),
            "signal_conf_ph": (("photon", "surface_type"), confidence),
        },
        coords={
            "lat_ph": ("photon", lat),
            "lon_ph": ("photon", (lon + 180) % 360 - 180),
            "delta_time": ("photon", times),
            "x_atc": ("photon", 111.2e3 * u),
        },
        attrs={
            "granule": "ATL03_20190611041233_11380310_006_01",
            "beam": "gt2r",
            "strength": "strong",
            "rgt": 1138,
            "cycle": 3,
            "region": 10,
        },
    )


def picture(figure: Figure) -> np.ndarray:
    png = io.BytesIO()
    figure.savefig(png)
    png.seek(0)
    return np.asarray(imread(png))


def texts(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.texts)


def the_map(figure: Figure) -> Any:
    (found,) = [axes for axes in figure.axes if hasattr(axes, "projection")]
    return found


@pytest.mark.parametrize(
    ("start", "stop", "node", "projection"),
    [
        (65, 80, 0, "NorthPolarStereo"),
        (80, 100, 30, "NorthPolarStereo"),
        (250, 263, 20, "SouthPolarStereo"),
        (30, 31, -120, "PlateCarree"),
        (-20, -14, -178.5, "PlateCarree"),
        (-20, 70, 10, "PlateCarree"),
    ],
)
def test_the_track_lies_on_its_map(start, stop, node, projection) -> None:
    dataset = track(start, stop, node=node)
    figure = plot_beam(dataset)
    axes = the_map(figure)
    assert type(axes.projection).__name__ == projection
    (west, east), (south, north) = axes.get_xlim(), axes.get_ylim()
    (line,) = [line for line in axes.lines if line.get_color() == "white"]
    x, y = line.get_data()
    assert west < min(x) <= max(x) < east
    assert south < min(y) <= max(y) < north
    # In one piece, across ±180 and the pole too.
    assert np.hypot(np.diff(x), np.diff(y)).max() < 0.02 * (east - west)
    image = picture(figure)
    assert image.shape == (750, 1800, 4)
    assert len(np.unique(image.reshape(-1, 4), axis=0)) > 1000


def test_the_words_on_it() -> None:
    words = texts(plot_beam(track(65, 70)))
    assert "ATL03 beam gt2r (strong), 2019-06-11 04:12 UTC" in words
    assert "ATL03_20190611041233_11380310_006_01" in words
    assert "track 1138, cycle 3, region 10" in words
    assert "Distance along track (km)" in words
    figure = plot_beam(track(65, 70), title="My glacier", inset=False)
    assert "My glacier" in texts(figure)
    assert len(figure.axes) == 1
    assert figure.axes[0].get_ylabel() == "Photon height above WGS 84 (m)"


def test_without_confidence() -> None:
    figure = plot_beam(track(65, 66).drop_vars("signal_conf_ph"))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "photon",
        "mean of 1,000 photons",
    ]


def test_many_photons_are_thinned_and_said_to_be() -> None:
    figure = plot_beam(track(65, 75, photons=2 * MOST_PHOTONS + 10), inset=False)
    drawn = sum(len(line.get_xdata()) for line in figure.axes[0].lines if line.get_marker() == "o")
    assert drawn <= MOST_PHOTONS
    assert "1 photon in 3 drawn" in [text.get_text() for text in figure.legends[0].get_texts()]


def test_parts_far_apart_have_their_own_panels() -> None:
    near, far = track(65, 65.1), track(75, 75.3)
    figure = plot_beam(xr.concat([near, far], "photon", combine_attrs="override"), inset=False)
    first, second = figure.axes
    assert first.get_xlim()[1] < 12 < 1000 < second.get_xlim()[0]
    assert first.get_ylim() == second.get_ylim()


def test_one_photon_is_enough() -> None:
    picture(plot_beam(track(65, 66).isel(photon=[10])))


def test_the_real_beam(real_data: Path) -> None:
    dataset = open_beam(GranuleLinks(local=str(real_data / REAL)), "gt1l")
    figure = plot_beam(dataset)
    assert "gt1l (weak), 2018-10-14 00:26 UTC" in texts(figure)
    assert len(figure.axes) == 3  # 400 km between its two parts
    picture(figure)


def test_nothing_to_plot() -> None:
    dataset = track(65, 66)
    with pytest.raises(EmptyBeamError):
        plot_beam(dataset.isel(photon=slice(0)))
    with pytest.raises(EmptyBeamError):
        plot_beam(dataset.isel(photon=[3, 4]))
    with pytest.raises(VariableNotFoundError, match="has signal_conf_ph"):
        plot_beam(dataset.drop_vars("h_ph"))


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cartopy", None)
    with pytest.raises(MissingExtraError, match=r"pip install matplotlib cartopy"):
        plot_beam(track(65, 66))


@given(
    st.lists(st.floats(-1e4, 1e4), max_size=60),
    st.integers(1, 20),
)
def test_the_rolling_mean(values: list[float], window: int) -> None:
    expected = [
        np.mean(values[first : first + window]) for first in range(len(values) - window + 1)
    ]
    np.testing.assert_allclose(rolling_mean(np.array(values), window), expected, atol=1e-8)
