"""Where the segment of each photon starts, against a loop over the segments."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_granule import NAME, SmallBeam, write_granule

from catalog_builder.beams.read.beam_file import BeamFile, find_beam
from catalog_builder.beams.read.row_slices import RowSlices
from catalog_builder.beams.read.segment_table import SegmentTable
from catalog_builder.errors import BeamError

COUNTS = [0, 4, 20, 0, 9, 3]
PHOTONS = 42


@pytest.fixture(scope="module")
def beam(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BeamFile]:
    path = tmp_path_factory.mktemp("segments") / NAME
    write_granule(path, gt2l=SmallBeam(counts=COUNTS, orphans=PHOTONS - sum(COUNTS)))
    with h5py.File(path) as file:
        yield find_beam(file, str(path), "gt2l")


def owners() -> np.ndarray:
    """Segment of each photon; -1 for those after the last segment."""
    segments = np.repeat(np.arange(len(COUNTS)), COUNTS)
    return np.append(segments, np.full(PHOTONS - sum(COUNTS), -1))


def some_rows(length: int) -> st.SearchStrategy[RowSlices]:
    return st.sets(st.integers(0, length - 1)).map(
        lambda drawn: RowSlices.of_rows(np.array(sorted(drawn), np.int64))
    )


@given(photons=some_rows(PHOTONS), kept=some_rows(len(COUNTS)))
def test_starts_and_indices_of_any_photons(
    beam: BeamFile, photons: RowSlices, kept: RowSlices
) -> None:
    table = SegmentTable.read(beam, RowSlices.whole(len(COUNTS)))
    distance = beam.group["geolocation/segment_dist_x"][:]
    mine = owners()[photons.numbers()].tolist()
    starts = [distance[segment] if segment >= 0 else np.nan for segment in mine]
    assert np.array_equal(table.starts(photons), starts, equal_nan=True)
    among = kept.numbers().tolist()
    indices = [among.index(segment) if segment in among else -1 for segment in mine]
    assert table.indices(photons, kept).tolist() == indices


def test_of_some_segments_only_their_photons_have_a_start(beam: BeamFile) -> None:
    read = RowSlices.of_rows(np.array([2, 3, 4]))
    table = SegmentTable.read(beam, read)
    found = table.starts(RowSlices.whole(PHOTONS))
    assert np.isnan(found).tolist() == (~np.isin(owners(), [2, 4])).tolist()
    whole = SegmentTable.read(beam, RowSlices.whole(len(COUNTS))).starts(RowSlices.whole(PHOTONS))
    inside = np.isin(owners(), [2, 4])
    assert found[inside].tolist() == whole[inside].tolist()


@pytest.mark.parametrize("stored", [np.zeros((6, 2)), np.array([b"a"] * 6)])
def test_distances_that_are_not_one_number_a_segment(tmp_path: Path, stored: np.ndarray) -> None:
    path = write_granule(tmp_path / NAME, gt2l=SmallBeam(counts=COUNTS))
    with h5py.File(path, "r+") as file:
        del file["gt2l/geolocation/segment_dist_x"]
        file["gt2l/geolocation/segment_dist_x"] = stored
        beam = find_beam(file, str(path), "gt2l")
        with pytest.raises(BeamError, match="must be one number a segment"):
            SegmentTable.read(beam, RowSlices.whole(len(COUNTS)))
