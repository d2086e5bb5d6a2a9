"""Which photons of a beam stay, and what is read of them; against plain numpy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import h5py
import numpy as np
import pytest

from catalog_builder.beams.read.beam_file import find_beam
from catalog_builder.beams.read.beam_reader import BeamReader
from catalog_builder.beams.read.row_slices import RowSlices
from catalog_builder.beams.read.segment_table import SegmentTable
from catalog_builder.errors import ConditionError, VariableNotFoundError
from catalog_builder.photons.reading.survivors import Columns, read_survivors
from tests.photons.conftest import SmallPasses, ask

LAT, LON, HEIGHT = "heights/lat_ph", "heights/lon_ph", "heights/h_ph"
QUALITY, ID = "heights/quality_ph", "geolocation/segment_id"


@dataclass
class Counted:
    """A beam that remembers what was read of it, in order."""

    beam: BeamReader
    paths: list[str] = field(default_factory=list)

    def read(self, path: str, rows: RowSlices) -> Any:
        self.paths.append(path)
        return self.beam.read(path, rows)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.beam, name)


@pytest.fixture
def beam(small: SmallPasses) -> Iterator[Any]:
    with h5py.File(small.path) as file:
        yield Counted(find_beam(file, str(small.path), "gt1l"))


def survivors(beam: Counted, **asked: Any) -> Columns:
    request = ask(**asked)
    photons, segments = RowSlices.whole(beam.photons), RowSlices.whole(beam.segment_count)
    variables = request.describe(beam)
    table = None
    if request.table_paths:
        table = SegmentTable.read(beam, segments, distances=request.along_track)
    beam.paths.clear()
    return read_survivors(beam, request, variables, photons, segments, table).columns


def test_place_and_conditions_choose(beam: Any, small: SmallPasses) -> None:
    box = (20, 10.05, 21, 10.2)
    found = survivors(beam, area=box, variables=["h_ph", "quality_ph"], where={"quality_ph": [1]})
    with h5py.File(small.path) as file:
        values = {name: one[:] for name, one in file["gt1l/heights"].items()}
    keep = (values["lat_ph"] >= 10.05) & (values["lat_ph"] <= 10.2) & (values["quality_ph"] == 1)
    assert 0 < keep.sum() < 25
    for path, stored in found.items():
        assert (stored == values[path.removeprefix("heights/")][keep]).all(), path


def test_what_is_tested_is_read_first_and_once(beam: Any) -> None:
    found = survivors(beam, variables=["h_ph", "quality_ph"], where={"quality_ph": (">", 2)})
    assert beam.paths.index(QUALITY) < beam.paths.index(HEIGHT)
    assert len(beam.paths) == len(set(beam.paths))
    assert len(found[QUALITY]) == 25
    # Where none stays, the others are not read.
    assert survivors(beam, variables=["h_ph"], where={"quality_ph": 9}) == {}
    assert HEIGHT not in beam.paths


def test_what_is_only_tested_does_not_stay(beam: Any) -> None:
    found = survivors(beam, variables=["h_ph"], where={"quality_ph": 0, ID: (">", 510)})
    assert set(found) == {LAT, LON, "heights/delta_time", HEIGHT}


def test_photons_have_the_value_of_their_segment(beam: Any, small: SmallPasses) -> None:
    found = survivors(beam, variables=["x_atc", ID])
    with h5py.File(small.path) as file:
        group = file["gt1l"]
        counts = group["geolocation/segment_ph_cnt"][:]
        for path in (ID, "geolocation/segment_dist_x"):
            expected = np.repeat(group[path][:], counts)
            if path == ID:
                assert (found[ID] == expected).all()
            else:
                along = expected + group["heights/dist_ph_along"][:]
                assert (found["x_atc"] == along).all()
    some = survivors(beam, variables=[ID], where={ID: ("<", 504)})
    assert (some[ID] == found[ID][found[ID] < 504]).all()


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"variables": ["h_phx"]}, VariableNotFoundError),
        ({"variables": ["geolocation/nothing"]}, VariableNotFoundError),
        ({"where": {"h_phx": 1}}, VariableNotFoundError),
        ({"where": {"signal_conf_ph": 1}}, ConditionError),
        ({"where": {"quality_ph": "splendid"}}, ConditionError),
    ],
)
def test_what_cannot_be_tested_or_read(beam: Any, asked: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        ask(**asked).describe(beam)
