"""A beam of an open file: what it has, what it lacks, and its rows, against plain h5py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
from small_granule import NAME, SmallBeam, write_granule

from catalog_builder.beams.dataset import open_beam
from catalog_builder.beams.read.beam_file import (
    BeamFile,
    beams_in,
    find_beam,
    granule_name,
    read_beam,
)
from catalog_builder.beams.read.row_slices import RowSlices
from catalog_builder.beams.read.selection import Selection
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.errors import (
    AccessError,
    BeamNotFoundError,
    EmptyBeamError,
    NotATL03Error,
    VariableNotFoundError,
)
from tests.beams.bits import beam_datasets, same_bits


@pytest.fixture
def file(granule: GranuleLinks) -> Iterator[h5py.File]:
    with h5py.File(granule.local) as file:
        yield file


@pytest.fixture
def beam(file: h5py.File) -> BeamFile:
    return find_beam(file, file.filename, "gt3r")


@pytest.mark.parametrize(
    ("attrs", "orientation", "strength", "spot"),
    [
        ({"atlas_beam_type": b"weak", "atlas_spot_number": b"6"}, 0, "weak", 6),
        ({}, 0, "strong", 1),
        ({}, 1, "weak", 6),
        ({}, 2, "unknown", 0),
        ({}, None, "unknown", 0),
    ],
)
def test_strength(tmp_path, attrs, orientation, strength, spot) -> None:
    """The beam's own attribute counts first, then the orientation."""
    path = write_granule(tmp_path / NAME, orientation, gt1l=SmallBeam(attrs=attrs))
    found = open_beam(GranuleLinks(local=str(path)), "gt1l")
    assert (found.attrs["strength"], found.attrs["spot"]) == (strength, spot)


def test_a_file_by_another_name_says_its_own(tmp_path: Path) -> None:
    path = write_granule(tmp_path / "renamed.h5", gt1l=SmallBeam())
    found = open_beam(GranuleLinks(local=str(path)), "gt1l")
    assert found.attrs["granule"] == NAME.removesuffix(".h5")
    with h5py.File(path, "r+") as file:
        del file["METADATA"]
    with pytest.raises(NotATL03Error, match=r"renamed\.h5"):
        open_beam(GranuleLinks(local=str(path)), "gt1l")


def test_beams_that_are_not_there(granule: GranuleLinks) -> None:
    with pytest.raises(BeamNotFoundError, match="it has gt1l, gt1r, gt3r"):
        open_beam(granule, "gt2l")
    with pytest.raises(BeamNotFoundError, match="gt1l, gt1r, gt2l"):
        open_beam(granule, "gt4l")
    with pytest.raises(EmptyBeamError, match="holds no photon; photons are in: gt1l, gt3r"):
        open_beam(granule, "gt1r")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("segment_id", "Did you mean geolocation/segment_id"),
        ("h_hp", "Did you mean h_ph"),
        ("geolocation/geoid", "Did you mean geophys_corr/geoid"),
        ("geolocation", "It has .*geolocation/segment_id"),
        (
            "no/such/thing",
            r"It has .*h_ph.*, and more in .*geolocation, .*: name those group/name",
        ),
    ],
)
def test_variables_that_are_not_there(granule: GranuleLinks, name: str, hint: str) -> None:
    with pytest.raises(VariableNotFoundError, match=hint):
        open_beam(granule, "gt1l", ["h_ph", name])


def test_beams_from_left_to_right_with_and_without_photons(file: h5py.File) -> None:
    assert beams_in(file, file.filename) == ("gt1l", "gt1r", "gt3r")
    photons = {beam: read_beam(file, NAME, beam).photons for beam in beams_in(file, NAME)}
    assert photons == {"gt1l": 95, "gt1r": 0, "gt3r": 39}
    with pytest.raises(BeamNotFoundError, match="lacks beam gt2l"):
        read_beam(file, NAME, "gt2l")


def test_the_address_names_the_granule_before_the_file_does(file: h5py.File) -> None:
    other = "s3://bucket/ATL03_20181014031924_02370102_007_01.h5"
    assert granule_name(file, other).id == "ATL03_20181014031924_02370102_007_01"
    assert granule_name(file, "s3://bucket/renamed.h5").id == NAME.removesuffix(".h5")


@pytest.mark.parametrize("rows", [[], [0], [38], [3, 4, 5, 20, 37, 38], list(range(39))])
def test_rows_are_those_of_h5py(beam: BeamFile, granule: GranuleLinks, rows: list[int]) -> None:
    wanted = np.array(rows, dtype=np.int64)
    for path, values in beam_datasets(granule, "gt3r").items():
        if len(values) == 39:
            found = beam.read(path, RowSlices.of_rows(wanted))
            assert same_bits(found, values[wanted]), path


def test_every_dataset_is_listed_by_the_name_that_opens_it(
    beam: BeamFile, granule: GranuleLinks
) -> None:
    stored = beam_datasets(granule, "gt3r")
    listing = beam.listing()
    assert {name if "/" in name else f"heights/{name}" for name in listing} == set(stored)
    assert listing[: len(beam.photon_names())] == beam.photon_names()
    for path, values in stored.items():
        assert beam.shape(path) == beam.dataset(path).shape == values.shape
    assert beam.shape("heights/nothing") is None
    assert beam.segment_count == len(stored["geolocation/ph_index_beg"])


def test_a_variable_is_described_without_its_values(beam: BeamFile) -> None:
    variable = beam.variable("heights/signal_conf_ph")
    assert variable.dims == ("photon", "surface_type")
    assert (variable.shape, variable.dtype) == ((39, 5), np.int8)
    time = beam.variable("heights/delta_time")
    assert time.attrs["units"] == "seconds since 2018-01-01"
    assert "CLASS" not in time.attrs
    assert time.encoding == {"coordinates": "delta_time lat_ph lon_ph"}


def test_a_length_that_the_stored_bytes_cannot_fill_is_refused(tmp_path: Path) -> None:
    path = write_granule(tmp_path / NAME, gt1l=SmallBeam())
    with h5py.File(path, "r+") as file:
        file["gt1l/heights/h_ph"].resize((10**12,))
    with h5py.File(path) as file, pytest.raises(AccessError, match="the file is damaged"):
        find_beam(file, NAME, "gt1l").variable("heights/h_ph")


def test_nothing_is_known_of_where_photons_lie_before_the_segments_are_read(
    beam: BeamFile,
) -> None:
    everything = beam.near_rows(Selection())
    assert everything is not None
    assert (everything.photons.rows, everything.segments.rows) == (39, 5)
    assert beam.near_rows(Selection.parse([0, 0, 1, 1], None)) is None
