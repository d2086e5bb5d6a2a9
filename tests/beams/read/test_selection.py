"""A box and an interval as photons: exact for photons, never too few for segments."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_builder.beams.read.selection import Selection
from catalog_builder.errors import WindowError

NOON = np.datetime64("2019-06-01T12:00:00.000000", "ns")
longitudes = st.floats(-180, 180)
latitudes = st.floats(-90, 90)


def degrees(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)


def test_no_limits_select_everything() -> None:
    selection = Selection.parse(None, None)
    assert selection.everything
    assert selection.holds_place(degrees(0, 200), degrees(0, 95)).all()
    assert selection.holds_time(np.array([NOON, "NaT"], "datetime64[ns]")).all()


@pytest.mark.parametrize("bbox", [(0, 10, 1, 5), (0, 0, 1), "nowhere"])
def test_what_is_no_box_is_refused(bbox: object) -> None:
    with pytest.raises(WindowError):
        Selection.parse(bbox, None)  # type: ignore[arg-type]


def test_edges_belong_to_the_box() -> None:
    selection = Selection.parse((10, 50, 12, 52), None)
    lon, lat = degrees(10, 12, 11, 9.999999, 11), degrees(50, 52, 51, 51, 52.000001)
    assert selection.holds_place(lon, lat).tolist() == [True, True, True, False, False]


def test_a_box_across_180_holds_both_sides() -> None:
    selection = Selection.parse((179, -20, -179, -10), None)
    lon = degrees(179.5, -179.5, 180, -180, 0, 178.9)
    found = selection.holds_place(lon, np.full(6, -15.0))
    assert found.tolist() == [True, True, True, True, False, False]


def test_ends_belong_to_the_interval_to_the_microsecond() -> None:
    selection = Selection.parse(None, "2019-06-01T12:00:00Z/2019-06-01T12:00:01Z")
    steps = np.array([-1_000, 0, 999, 10**9, 10**9 + 999, 10**9 + 1_000], "timedelta64[ns]")
    assert selection.holds_time(NOON + steps).tolist() == [False, True, True, True, True, False]


def test_no_time_is_in_no_interval_but_its_segment_is_read() -> None:
    selection = Selection.parse(None, "2019-06-01/2019-06-02")
    times = np.array(["NaT", "2019-06-01T12", "2025-01-01"], "datetime64[ns]")
    assert selection.holds_time(times).tolist() == [False, True, False]
    assert selection.near(*np.zeros((2, 3)), times).tolist() == [True, True, False]


def test_a_segment_without_a_place_is_read() -> None:
    selection = Selection.parse((0, 0, 1, 1), None)
    fill = 3.4e38
    found = selection.near(degrees(fill, np.nan, 100), degrees(fill, np.nan, 50), np.full(3, NOON))
    assert found.tolist() == [True, True, False]


@given(
    west=longitudes, east=longitudes, south=latitudes, north=latitudes, lon=longitudes,
    lat=st.floats(-89, 89), along=st.floats(-0.9, 0.9), across=st.floats(-0.9, 0.9),
)  # fmt: skip
def test_a_segment_is_read_wherever_a_photon_of_it_is_in_the_box(
    west: float, east: float, south: float, north: float,
    lon: float, lat: float, along: float, across: float,
) -> None:  # fmt: skip
    """The photon lies up to 1.3 km from the segment's reference photon."""
    south, north = sorted((south, north))
    selection = Selection.parse((west, south, east, north), None)
    km = 111.2
    photon_lat = lat + along / km
    photon_lon = lon + across / (km * np.cos(np.radians(lat)))
    photon_lon = (photon_lon + 180) % 360 - 180
    if selection.holds_place(degrees(photon_lon), degrees(photon_lat))[0]:
        assert selection.near(degrees(lon), degrees(lat), np.array([NOON]))[0]
