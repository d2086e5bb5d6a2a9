"""The photons of a box and an interval, against a mask over all photons that h5py reads."""

from __future__ import annotations

from collections.abc import Iterator

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_builder.beams.read.beam_file import BeamFile, find_beam
from catalog_builder.beams.read.beam_reader import BeamReader
from catalog_builder.beams.read.photon_search import LAT, LON, TIME, find_photons, rows_of
from catalog_builder.beams.read.planned_beam import PlannedBeam
from catalog_builder.beams.read.row_slices import RowSlices
from catalog_builder.beams.read.selection import Selection
from catalog_builder.beams.scanning.scan import scan
from catalog_builder.beams.storage.links import GranuleLinks
from tests.beams.bits import same_bits


@pytest.fixture(scope="module")
def file(granule: GranuleLinks) -> Iterator[BeamFile]:
    with h5py.File(granule.local) as file:
        yield find_beam(file, file.filename, "gt3r")


@pytest.fixture(scope="module", params=["segments", "chunks"])
def beam(request: pytest.FixtureRequest, file: BeamFile, granule: GranuleLinks) -> BeamReader:
    """A beam whose photons are found by segment, through h5py, or by chunk, by references."""
    if request.param == "segments":
        return file
    references = scan(granule).beams["gt3r"]
    return PlannedBeam(links=granule, access="auto", references=references)


@given(
    west=st.floats(179.9985, 180.0045),
    width=st.floats(0, 0.003),
    ends=st.none() | st.tuples(st.integers(-200, 2000), st.integers(0, 1500)),
)
def test_exactly_the_photons_inside(
    beam: BeamReader, file: BeamFile, west: float, width: float, ends: tuple[int, int] | None
) -> None:
    bbox = [(edge + 180) % 360 - 180 for edge in (west, west + width)]
    bbox = [bbox[0], -17.1, bbox[1], -16.9]
    datetime = None
    if ends is not None:
        start = np.datetime64("2019-04-02T12:00:00") + np.timedelta64(ends[0], "us")
        datetime = f"{start}Z/{start + np.timedelta64(ends[1], 'us')}Z"
    selection = Selection.parse(bbox, datetime)
    stored = {path: file.group[path][:] for path in (LON, LAT, TIME)}
    lon = stored[LON]
    keep = (lon >= bbox[0]) & (lon <= bbox[2])
    if bbox[0] > bbox[2]:
        keep = (lon >= bbox[0]) | (lon <= bbox[2])
    if ends is not None:
        micros = np.floor((stored[TIME] - 39_441_600.0) * 1e6 + 1e-3)
        keep &= (micros >= ends[0]) & (micros <= ends[0] + ends[1])
    found = find_photons(beam, selection, [])
    assert found.photons.numbers().tolist() == np.flatnonzero(keep).tolist()
    assert set(found.values) == {LON, LAT, *([TIME] if ends is not None else [])}
    for path, values in found.values.items():
        assert same_bits(values, stored[path][keep]), path


def test_everything_is_found_without_reading_a_photon(
    beam: BeamReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    plain = type(beam).read

    def note(self: BeamReader, path: str, rows: RowSlices) -> object:
        read.append(path)
        return plain(self, path, rows)

    monkeypatch.setattr(type(beam), "read", note)
    found = find_photons(beam, Selection(), [])
    assert found.photons.rows == beam.photons
    assert found.values == {}
    assert {path.partition("/")[0] for path in read} == {"geolocation"}


def test_rows_follow_the_rate_of_a_variable(beam: BeamReader) -> None:
    photons, segments = RowSlices.of_rows(np.array([3, 4])), RowSlices.of_rows(np.array([1]))
    height, identifier = beam.variable("heights/h_ph"), beam.variable("geolocation/segment_id")
    assert rows_of(height, photons, segments) is photons
    assert rows_of(identifier, photons, segments) is segments
    rate = beam.variable("bckgrd_atlas/bckgrd_rate")
    assert rows_of(rate, photons, segments).rows == rate.shape[0] == 7
