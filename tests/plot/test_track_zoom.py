"""A short track has a map of its own, in kilometres."""

from __future__ import annotations

import numpy as np
import pytest

from catalog_builder.plot.profile import plot_beam
from catalog_builder.plot.track_map import TRACK_COLOUR
from catalog_builder.plot.track_zoom import kilometres
from tests.plot.tracks import picture, track


@pytest.mark.parametrize(
    ("stop", "node", "maps"), [(30.1, -120, 2), (30.5, 179.9, 2), (40, 10, 1)]
)
def test_a_short_track_has_two_maps(stop: float, node: float, maps: int) -> None:
    dataset = track(30, stop, node=node)
    figure = plot_beam(dataset)
    lines = [
        line
        for axes in figure.axes
        for line in axes.lines
        if line.get_color() == TRACK_COLOUR and len(line.get_xdata()) > 1
    ]
    assert len(lines) == maps
    zoom = [line for line in lines if not hasattr(line.axes, "projection")]
    for line in zoom:
        x, y = line.get_data()
        (west, east), (south, north) = line.axes.get_xlim(), line.axes.get_ylim()
        assert west < min(x) <= max(x) < east
        assert south < min(y) <= max(y) < north
        length = np.hypot(np.ptp(x), np.ptp(y))
        assert length > 0.6 * min(east - west, north - south)
        along = float(dataset.x_atc[-1] - dataset.x_atc[0]) / 1000
        assert length == pytest.approx(along, rel=0.02)
    assert picture(figure).std() > 0.05


def test_kilometres_across_the_antimeridian_and_at_a_pole() -> None:
    east, north, across, along = kilometres(np.array([179.9, -179.9]), np.array([0.0, 0.0]))
    assert east == pytest.approx([-11.12, 11.12], abs=0.01)
    assert north == pytest.approx([0, 0], abs=1e-6)
    assert across.startswith("km east of 180.00")
    assert along == "km north of 0.00\u00b0 N"
    east, north, _, _ = kilometres(np.array([0.0, 180.0]), np.array([89.9, 89.9]))
    assert np.hypot(np.ptp(east), np.ptp(north)) == pytest.approx(22.24, abs=0.01)
