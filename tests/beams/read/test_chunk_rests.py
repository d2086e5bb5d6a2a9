"""How much of a chunk is read, and whether that was enough."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_builder.beams.read.chunk_rests import ChunkRests, needed_rows
from catalog_builder.beams.read.selection import Selection
from catalog_builder.beams.references.chunk_positions import ChunkPositions
from catalog_builder.geo.area import Area

ROWS = 1000


def flown(lat: list[float], lon: list[float]) -> ChunkPositions:
    """Chunks of 1,000 photons from each of these places to the next, a second each."""
    first_lat, last_lat = np.array(lat[:-1]), np.array(lat[1:])
    first_lon, last_lon = np.array(lon[:-1]), np.array(lon[1:])
    westward = (last_lon - first_lon + 180) % 360 < 180
    count = len(first_lat)
    return ChunkPositions(
        chunk=ROWS,
        photons=ROWS * count - 10,
        first_segment=np.arange(count),
        last_segment=np.arange(count),
        first_lat=first_lat,
        last_lat=last_lat,
        first_lon=first_lon,
        last_lon=last_lon,
        south=np.minimum(first_lat, last_lat),
        north=np.maximum(first_lat, last_lat),
        west=np.where(westward, last_lon, first_lon),
        east=np.where(westward, first_lon, last_lon),
        start=np.arange(count, dtype=float),
        end=np.arange(count, dtype=float) + 1,
        unplaced=np.zeros(count, np.bool_),
    )


def box(west: float, south: float, east: float, north: float) -> Selection:
    return Selection(area=Area.of_box((west, south, east, north)), interval=None)


TRACK = flown([10.0, 11.0, 12.0, 13.0], [20.0, 19.9, 19.8, 19.7])


def test_a_chunk_is_read_up_to_where_it_leads_out_of_the_area() -> None:
    every = np.arange(3)
    rows = needed_rows(TRACK, box(19, 10.2, 21, 11.2), every)
    assert rows[0] == ROWS  # the area goes on beyond it
    assert 200 < rows[1] < 450
    assert needed_rows(TRACK, box(19, 11.9, 21, 11.95), every[1:2]) == [ROWS]
    assert needed_rows(TRACK, box(19, 12.0, 21, 13.0), every[2:]) == [ROWS - 10]
    backward = flown([13.0, 12.0, 11.0], [179.95, -179.95, -179.85])  # across 180
    assert needed_rows(backward, box(179, 12.8, -179, 14), np.array([0])) < 450


@pytest.mark.parametrize(
    "odd",
    [
        {"north": np.full(3, 14.0)},
        {"west": np.full(3, 19.0)},
        {"unplaced": np.ones(3, np.bool_)},
        {"end": np.full(3, np.nan)},
    ],
)
def test_a_chunk_that_is_not_flown_straight_on_is_read_whole(odd: dict[str, Any]) -> None:
    selection, chunk = box(19, 11.0, 21, 11.2), np.array([1])
    assert needed_rows(TRACK, selection, chunk) < ROWS
    assert needed_rows(replace(TRACK, **odd), selection, chunk) == [ROWS]


def test_what_was_read_tells_whether_the_rest_is_near() -> None:
    selection = box(19, 11.0, 21, 11.2)
    rests = ChunkRests.of(TRACK, np.array([1]), np.array([ROWS + 300]))
    assert rests.rows.numbers().tolist() == list(range(ROWS + 292, ROWS + 300))

    def near(lat: float, seconds: float = 1.3) -> bool:
        return rests.near(selection, *(np.full(8, one) for one in (19.88, lat, seconds)))

    assert not near(11.3)
    assert near(11.1)  # photons lie denser at first than was thought
    assert near(np.nan)
    assert near(11.3, np.inf)


@given(st.floats(0, 3), st.floats(0.01, 3), st.floats(0.2, 5))
def test_no_photon_is_cut_off(south: float, height: float, bend: float) -> None:
    """However unevenly photons lie, a rest that is not near holds none of the area."""
    selection = box(19, 10 + south, 21, 10 + south + height)
    near = np.flatnonzero(selection.near_chunks(TRACK))
    for chunk, rows in zip(near, needed_rows(TRACK, selection, near), strict=True):
        along = np.linspace(0, 1, ROWS) ** bend
        lat, lon = 10.0 + chunk + along, 20.0 - 0.1 * (chunk + along)
        stop = min(int(rows), ROWS - 10)
        rests = ChunkRests.of(TRACK, np.array([chunk]), np.array([ROWS * chunk + stop]))
        read = slice(stop - len(rests.lat), stop)
        if not rests.near(selection, lon[read], lat[read], chunk + along[read]):
            assert not selection.holds_place(lon[stop:], lat[stop:]).any()
