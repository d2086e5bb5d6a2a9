"""Where the photons of a chunk lie: bounds that hold for each of them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from catalog_builder.beams.read.row_slices import RowSlices
from catalog_builder.beams.read.segments import NO_SEGMENT, Segments
from catalog_builder.beams.scanning.place_chunks import place_chunks


def parse(counts: list[int], orphans: int = 0) -> Segments:
    """Segments of so many photons one after the other, then photons of none."""
    count = np.array(counts)
    index_beg = np.where(count > 0, np.cumsum(count) - count + 1, 0)
    return Segments.parse(index_beg, count, int(count.sum()) + orphans)


@given(
    counts=st.lists(st.integers(0, 7), min_size=1, max_size=30),
    orphans=st.integers(0, 6),
    chunk=st.integers(1, 20),
    start=st.floats(-180, 180),
    step=st.floats(-9, 9),
)
def test_every_photon_lies_within_the_bounds_of_its_chunk(
    counts: list[int], orphans: int, chunk: int, start: float, step: float
) -> None:
    segments = parse(counts, orphans)
    number = np.arange(len(counts))
    filled = np.array(counts) > 0
    # Where a segment has no photon, its position means nothing.
    lat = np.where(filled, 60.0 + 0.1 * np.sin(number), 3.4e38)
    lon = np.where(filled, (start + step * number + 180.0) % 360.0 - 180.0, 0.0)
    time = np.where(filled, 1e7 + 0.003 * number, 1.8e308)
    found = place_chunks(segments, chunk, lat, lon, time)

    photons = segments.photons
    assert len(found) == -(-photons // chunk)
    assert found.edges[-1] == photons
    own = segments.segment[np.searchsorted(segments.edges, np.arange(photons), side="right") - 1]
    for k in range(len(found)):
        inside = own[found.edges[k] : found.edges[k + 1]]
        assert found.unplaced[k] == (inside == NO_SEGMENT).any()
        inside = inside[inside != NO_SEGMENT]
        if not len(inside):
            assert found.first_segment[k] == found.last_segment[k] == NO_SEGMENT
            assert np.isnan([found.south[k], found.west[k], found.start[k]]).all()
            continue
        assert (found.first_segment[k], found.last_segment[k]) == (inside[0], inside[-1])
        np.testing.assert_allclose(found.first_lat[k], lat[inside[0]], atol=6e-6)
        np.testing.assert_allclose(found.last_lon[k], lon[inside[-1]], atol=6e-6)
        assert (found.south[k] <= lat[inside]).all()
        assert (found.north[k] >= lat[inside]).all()
        assert (found.start[k] <= time[inside]).all()
        assert (found.end[k] >= time[inside]).all()
        # Eastward from the western end, no photon lies beyond the eastern one.
        width = (
            (found.east[k] - found.west[k]) % 360.0
            if found.east[k] != 180.0
            else (180.0 - found.west[k])
        )
        assert ((lon[inside] - found.west[k]) % 360.0 <= width + 1e-9).all()


def test_longitudes_over_180_stay_narrow() -> None:
    lon = np.array([179.9, 179.99, -179.92, -179.9])
    found = place_chunks(parse([2, 2, 2, 2]), 8, np.zeros(4), lon, np.zeros(4))
    assert (found.west[0], found.east[0]) == (179.89999, -179.89999)


def test_a_beam_without_photons_has_no_chunk() -> None:
    nothing = np.zeros(2)
    assert len(place_chunks(parse([0, 0]), 10, nothing, nothing, nothing)) == 0


def test_rows_of_the_chunks_that_are_kept() -> None:
    found = place_chunks(parse([5, 5, 3]), 4, np.zeros(3), np.zeros(3), np.zeros(3))
    kept = RowSlices.of_mask(np.array([True, False, True, True]), found.edges)
    assert list(kept) == [
        (0, 4),
        (8, 13),
    ]
