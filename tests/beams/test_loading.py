"""The loader that reads at once, against h5py and against what its beam was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np
import pytest

from catalog_builder.beams.loading import EagerLoader, stored_array, stored_times
from catalog_builder.beams.read.beam_file import BeamFile, find_beam
from catalog_builder.beams.read.beam_reader import Variable
from catalog_builder.beams.read.delta_time import to_times
from catalog_builder.beams.read.row_slices import RowSlices
from catalog_builder.beams.read.segment_table import SegmentTable
from catalog_builder.beams.storage.links import GranuleLinks
from tests.beams.bits import same_bits

SOME = RowSlices.of_rows(np.array([0, 3, 4, 30, 38]))


@pytest.fixture
def beam(granule: GranuleLinks) -> Iterator[BeamFile]:
    with h5py.File(granule.local) as file:
        yield find_beam(file, file.filename, "gt3r")


def loader(beam: BeamFile, **known: Any) -> EagerLoader:
    table = SegmentTable.read(beam, RowSlices.whole(beam.segment_count))
    return EagerLoader(beam=beam, table=table, known=known)


@pytest.mark.parametrize("rows", [SOME, RowSlices.whole(39), RowSlices.whole(0)])
def test_rows_and_times_are_those_stored(beam: BeamFile, rows: RowSlices) -> None:
    load, wanted = loader(beam), rows.numbers()
    conf, time = beam.variable("heights/signal_conf_ph"), beam.variable("heights/delta_time")
    seconds = beam.group["heights/delta_time"][:][wanted]
    assert same_bits(load.rows(conf, rows), beam.group["heights/signal_conf_ph"][:][wanted])
    assert same_bits(load.times(time, rows), to_times(seconds))


def test_values_that_the_search_has_read_are_not_read_again(
    beam: BeamFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = np.array([1.0, 2.0])
    load = loader(beam, **{"heights/delta_time": seconds})
    time, height = beam.variable("heights/delta_time"), beam.variable("heights/h_ph")
    read: list[str] = []
    monkeypatch.setattr(BeamFile, "read", lambda self, path, rows: read.append(path))
    assert load.rows(time, SOME) is seconds
    load.rows(height, SOME)
    assert read == ["heights/h_ph"]


def test_starts_and_indices_follow_the_segment_of_each_photon(beam: BeamFile) -> None:
    """Photons 0 to 3 are in segment 1, 4 to 23 in 2, 24 to 32 in 4, the last six in none."""
    load = loader(beam)
    distance = beam.group["geolocation/segment_dist_x"][:]
    starts = load.segment_starts(SOME)
    assert starts[:4].tolist() == distance[[1, 1, 2, 4]].tolist()
    assert np.isnan(starts[4])
    kept = RowSlices.of_rows(np.array([2, 4]))
    assert load.segment_indices(SOME, RowSlices.whole(5)).tolist() == [1, 1, 2, 4, -1]
    assert load.segment_indices(SOME, kept).tolist() == [-1, -1, 0, 1, -1]


SECONDS = Variable(
    path="heights/delta_time",
    dims=("photon",),
    shape=(2,),
    dtype=np.dtype(np.float64),
    attrs={"units": "seconds since 2018-01-01", "long_name": "Elapsed seconds"},
    encoding={"coordinates": "lat_ph lon_ph"},
    fill_value=0.0,
)


def test_values_keep_what_the_file_says_of_them() -> None:
    found = stored_array(SECONDS, np.array([1.0, 2.0]))
    assert found.attrs == SECONDS.attrs
    assert found.encoding == SECONDS.encoding


def test_the_unit_of_times_is_that_of_the_stored_number() -> None:
    found = stored_times(SECONDS, np.array(["2018-01-01", "2018-01-02"], "datetime64[ns]"))
    assert found.attrs == {"long_name": "Elapsed seconds"}
    assert found.encoding["units"] == "seconds since 2018-01-01"
    assert found.encoding["coordinates"] == "lat_ph lon_ph"
