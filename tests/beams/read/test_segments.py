from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_builder.beams.read.row_slices import RowSlices
from catalog_builder.beams.read.segments import NO_SEGMENT, Segments
from catalog_builder.errors import BeamError

FILLS = (0, -1, 2**63 - 1)


@st.composite
def mappings(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """ph_index_beg, segment_ph_cnt, each photon's segment, and the fill value."""
    fill = draw(st.sampled_from(FILLS))
    index_beg, count, owner = [], [], []
    for segment in range(draw(st.integers(0, 12))):
        owner += [NO_SEGMENT] * draw(st.sampled_from([0, 0, 0, 2]))  # photons in no segment
        photons = draw(st.integers(0, 5))
        index_beg.append(len(owner) + 1 if photons else fill)
        count.append(photons)
        owner += [segment] * photons
    owner += [NO_SEGMENT] * draw(st.sampled_from([0, 0, 2]))
    return (
        np.array(index_beg, dtype=np.int64),
        np.array(count, dtype=np.int32),
        np.array(owner, dtype=np.int64),
        fill,
    )


def rows_and_numbers(size: int) -> st.SearchStrategy[np.ndarray]:
    return st.lists(st.booleans(), min_size=size, max_size=size).map(
        lambda keep: np.flatnonzero(np.array(keep, dtype=bool))
    )


@given(mappings(), st.data())
def test_every_photon_finds_its_segment(mapping, data) -> None:
    index_beg, count, owner, fill = mapping
    segments = Segments.parse(index_beg, count, len(owner), fill)
    assert segments.photons == len(owner)
    photons = data.draw(rows_and_numbers(len(owner)))
    numbers, counts = segments.repeats(RowSlices.of_rows(photons))
    assert np.repeat(numbers, counts).tolist() == owner[photons].tolist()


@given(mappings(), st.data())
def test_photons_of_segments_and_segments_of_photons(mapping, data) -> None:
    index_beg, count, owner, fill = mapping
    segments = Segments.parse(index_beg, count, len(owner), fill)
    chosen = data.draw(rows_and_numbers(len(index_beg)))
    candidate = np.isin(np.arange(len(index_beg)), chosen)
    expected = np.flatnonzero(np.isin(owner, [*chosen, NO_SEGMENT]))
    assert segments.holding(candidate).numbers().tolist() == expected.tolist()

    photons = data.draw(rows_and_numbers(len(owner)))
    remaining = sorted(set(owner[photons].tolist()) - {NO_SEGMENT})
    assert segments.remaining(RowSlices.of_rows(photons)).numbers().tolist() == remaining


@pytest.mark.parametrize(
    ("index_beg", "count", "photons"),
    [
        ([1, 3], [3, 2], 5),  # overlap
        ([3, 1], [2, 2], 4),  # backwards
        ([1, 3], [2, 2], 3),  # beyond the end
        ([1, 9], [2, 1], 4),  # begins beyond the end
    ],
)
def test_an_impossible_mapping_is_refused(index_beg, count, photons) -> None:
    with pytest.raises(BeamError, match="contradict each other"):
        Segments.parse(np.array(index_beg), np.array(count), photons)


def test_arrays_of_different_length_are_refused() -> None:
    with pytest.raises(BeamError, match="one value per segment"):
        Segments.parse(np.array([1, 2]), np.array([1]), 2)


def test_real_fill_values(real_data: Path) -> None:
    """Fill at both ends and inside, against a loop in plain Python."""
    with h5py.File(real_data / "ATL03_indexbegin_start_end_FVs.h5") as file:
        index_beg = file["ph_index_beg"][:]
    begins = [(segment, beg - 1) for segment, beg in enumerate(index_beg.tolist()) if beg > 0]
    photons = begins[-1][1] + 7
    ends = [beg for _, beg in begins[1:]] + [photons]
    count = np.zeros(len(index_beg), dtype=np.int32)
    expected = np.full(photons, -9)
    for (segment, beg), end in zip(begins, ends, strict=True):
        count[segment] = end - beg
        expected[beg:end] = segment
    assert (index_beg[[0, -1]] == 0).all()

    segments = Segments.parse(index_beg, count, photons, fill=0)
    assert segments.total == len(index_beg)
    assert np.array_equal(np.repeat(*segments.repeats(RowSlices.whole(photons))), expected)
    middle = RowSlices(start=np.array([5, 100_000]), stop=np.array([8, 250_001]))
    assert np.array_equal(
        np.repeat(*segments.repeats(middle)), np.r_[expected[5:8], expected[100_000:250_001]]
    )
