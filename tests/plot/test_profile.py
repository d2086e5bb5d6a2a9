"""The profile of a beam: what is drawn, thinned, cut into panels and written beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from catalog_builder.beams.dataset import open_beam
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.errors import EmptyBeamError, MissingExtraError, VariableNotFoundError
from catalog_builder.plot.profile import LINE, MOST_PHOTONS, plot_beam, rolling_mean
from tests.beams.bits import REAL
from tests.plot.tracks import picture, track


def texts(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.texts)


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


def test_words_of_the_data_are_text_whatever_they_hold() -> None:
    odd = "$\\nosuch{$ \x1b[31m \ud800"
    figure = plot_beam(track(65, 70).assign_attrs(granule=odd, beam=odd))
    picture(figure)
    assert texts(figure).count("$\\nosuch{$ \\x1b[31m \\ud800") == 2


def test_without_confidence() -> None:
    figure = plot_beam(track(65, 66).drop_vars("signal_conf_ph"))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "photon",
        "surface",
    ]
    figure = plot_beam(track(65, 66), line="mean")
    assert figure.legends[0].get_texts()[-1].get_text() == "mean of 1,000 photons"


def drawn_line(figure: Figure) -> tuple[np.ndarray, np.ndarray]:
    (line,) = (one for one in figure.axes[0].lines if one.get_label() == LINE)
    return np.asarray(line.get_xdata()), np.asarray(line.get_ydata())


@pytest.mark.parametrize("slope", [0.0, 0.2])
def test_the_line_lies_on_the_true_surface(slope: float) -> None:
    """Noise is a fifth of the photons: it pulls the mean of all off by metres."""
    chance = np.random.default_rng(3)
    dataset = track(65, 65.2, photons=60_000)
    distance = dataset.x_atc.values - dataset.x_atc.values.min()
    signal = chance.random(60_000) < 0.8
    noise = chance.uniform(-40, 250, 60_000)
    scatter = np.where(signal, chance.normal(0, 0.2, 60_000), noise)
    dataset["h_ph"] = ("photon", (100 + slope * distance + scatter).astype(np.float32))
    confidence = np.where(signal, chance.integers(2, 5, 60_000), chance.integers(-2, 2, 60_000))
    dataset["signal_conf_ph"][:] = -1
    dataset["signal_conf_ph"][:, 3] = confidence
    rms = {}
    for kind in ("surface", "mean"):
        at, height = drawn_line(plot_beam(dataset, line=kind, inset=False))
        wrong = height - (100 + slope * 1000 * at)
        rms[kind] = float(np.sqrt(np.nanmean(wrong**2)))
    assert rms["surface"] < 0.3 < 5 < rms["mean"]


def test_classes_and_other_heights() -> None:
    dataset = track(65, 66)
    classes = np.resize(np.array([-1, 0, 1, 2, 3], dtype=np.int8), 5000)
    dataset["class_atl08"] = ("photon", classes)
    dataset["h_geoid"] = dataset.h_ph - 20
    figure = plot_beam(dataset, height="h_geoid", inset=False)
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words[1:5] == ["noise", "ground", "canopy", "top of canopy"]
    assert figure.axes[0].get_ylabel() == "Photon height above the geoid (m)"
    with pytest.raises(VariableNotFoundError, match="needs h_sea_surface"):
        plot_beam(dataset, height="h_sea_surface")
    with pytest.raises(ValueError, match="line='all'"):
        plot_beam(dataset, line="all")
    without = plot_beam(dataset, line=None, inset=False)
    assert LINE not in [one.get_label() for one in without.axes[0].lines]


def test_many_photons_are_thinned_and_the_legend_says_so() -> None:
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
    assert len(figure.axes) == 4  # two panels, 400 km between them, and two maps
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
    with pytest.raises(MissingExtraError, match=r"icesat2-catalog-builder\[plot\]"):
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
