"""The map of a track: its projection, its extent, and what is drawn on it."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from catalog_builder.plot.profile import plot_beam
from catalog_builder.plot.track_map import POLAR_LATITUDE, TRACK_COLOUR, draw_track
from tests.plot.tracks import picture, track


def the_map(figure: Figure) -> Any:
    (found,) = [axes for axes in figure.axes if hasattr(axes, "projection")]  # of the Earth
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


def drawn(lon: list[float], lat: list[float]) -> Any:
    figure = Figure(figsize=(2, 2))
    axes = draw_track(figure, (0.1, 0.1, 0.8, 0.8), np.array(lon), np.array(lat))
    figure.canvas.draw()
    return axes


def lengths(axes: Any) -> list[int]:
    return [len(line.get_xdata()) for line in axes.lines]


@pytest.mark.parametrize(
    ("lat", "projection"),
    [
        ([POLAR_LATITUDE, 70.0], "NorthPolarStereo"),
        ([POLAR_LATITUDE - 0.1, 70.0], "PlateCarree"),
        ([-70.0, -POLAR_LATITUDE], "SouthPolarStereo"),
    ],
)
def test_a_track_that_is_polar_as_a_whole_is_drawn_around_its_pole(
    lat: list[float], projection: str
) -> None:
    assert type(drawn([10.0, 11.0], lat).projection).__name__ == projection


def test_long_tracks_are_thinned_and_begin_with_a_dot() -> None:
    lon, lat = np.linspace(0, 3, 100_000), np.linspace(10, 20, 100_000)
    axes = drawn(lon.tolist(), lat.tolist())
    assert max(lengths(axes)) <= 2001
    (dot,) = [line for line in axes.lines if line.get_marker() == "o"]
    assert dot.get_color() == TRACK_COLOUR
    assert dot.get_ydata()[0] == pytest.approx(10)


def test_a_map_is_never_narrower_than_25_degrees_nor_wider_than_earth() -> None:
    west, east, south, north = drawn([10.0, 10.1], [5.0, 5.2]).get_extent()
    assert (east - west, north - south) == pytest.approx((25, 25))
    west, east, south, north = drawn([0.0, 10.0, 20.0], [-88.0, 0.0, 88.0]).get_extent()
    assert -180 <= west < east <= 180
    assert (south, north) == (-90, 90)


def test_the_relief_lies_where_the_map_says() -> None:
    """Greenland's ice is brighter than the sea beside it."""
    (image,) = drawn([-45.0, -40.0], [72.0, 78.0]).get_images()
    pixels = np.asarray(image.get_array())
    west, east, south, north = image.get_extent()

    def brightness(lon: float, lat: float) -> float:
        x, y = image.axes.projection.transform_point(lon, lat, _plate())
        column = int((x - west) / (east - west) * (pixels.shape[1] - 1))
        row = int((north - y) / (north - south) * (pixels.shape[0] - 1))
        return float(pixels[row, column].mean())

    assert brightness(-40, 75) > brightness(-65, 72) + 0.1


def _plate() -> Any:
    from cartopy import crs

    return crs.PlateCarree()


def test_a_map_needs_no_home_folder() -> None:
    """In a process of its own: cartopy asks for a home when it is imported."""
    code = """
import os, pwd
def unknown(number):
    raise KeyError(number)
pwd.getpwuid = unknown
os.environ.pop("HOME", None)
from catalog_builder.plot.track_map import import_cartopy
import_cartopy()
import cartopy.crs
assert "HOME" not in os.environ
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
