"""Rows of some segments: found by the counts of the land segments, right without them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_builder.errors import BeamError
from catalog_builder.products.facts import PRODUCTS
from catalog_builder.products.product import SegmentJoin
from catalog_builder.siblings.sibling_beam import SiblingBeam
from catalog_builder.siblings.signal_rows import rows_of_segments

NAME = "ATL08_20220401221822_01501506_006_02.h5"


def join() -> SegmentJoin:
    classes = PRODUCTS["ATL08"].classes
    assert classes is not None
    assert isinstance(classes.join, SegmentJoin)
    return classes.join


def beam_of(segments: list[int], counts: list[int] | None = None) -> SiblingBeam:
    """A beam in memory with a row for each of these segments, which increase."""
    file = h5py.File.in_memory() if hasattr(h5py.File, "in_memory") else None
    assert file is not None
    ids = np.array(segments, np.int32)
    lands, true = np.unique(ids // 5, return_counts=True)
    land, signal = "gt1l/land_segments", "gt1l/signal_photons"
    values: dict[str, Any] = {
        f"{land}/segment_id_beg": lands * 5,
        f"{land}/segment_id_end": lands * 5 + 4,
        f"{land}/n_seg_ph": true if counts is None else np.array(counts),
        f"{land}/delta_time": lands * 1.0,
        f"{signal}/ph_segment_id": ids,
        f"{signal}/delta_time": ids * 1.0,
    }
    for path, array in values.items():
        file[path] = array
    return SiblingBeam.find(file, NAME, "gt1l")


@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=40).map(sorted),
    st.lists(st.integers(1, 60), min_size=1, max_size=4, unique=True).map(sorted),
    st.booleans(),
)
def test_rows_are_those_of_the_segments(
    segments: list[int], wanted: list[int], miscounted: bool
) -> None:
    lands = len({segment // 5 for segment in segments})
    # Counts whose sum is right, and which are wrong: all photons in the last land segment.
    counts = [0] * (lands - 1) + [len(segments)] if miscounted else None
    beam = beam_of(segments, counts)
    asked = np.array(wanted, np.int64)
    found = rows_of_segments(beam, join(), asked, asked)
    expected = [row for row, segment in enumerate(segments) if segment in wanted]
    assert found.numbers().tolist() == expected


def test_rows_out_of_order_are_refused() -> None:
    beam = beam_of([1, 2, 3])
    beam.dataset("signal_photons/ph_segment_id")[:] = [3, 1, 2]
    with pytest.raises(BeamError, match="decreases: the file is damaged"):
        rows_of_segments(beam, join(), np.array([1]), np.array([3]))


def test_no_segments_have_no_rows(siblings: dict[str, Path]) -> None:
    none = np.empty(0, np.int64)
    assert rows_of_segments(beam_of([1]), join(), none, none).rows == 0
