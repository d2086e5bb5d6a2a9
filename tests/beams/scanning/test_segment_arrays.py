"""Segments of a scan: the same by h5py and by planned reads, of every beam in one round."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from small_granule import NAME, SmallBeam, write_granule
from stored_files import BUCKET, KEY, links_to, store

from catalog_builder.beams.read.beam_file import read_beam
from catalog_builder.beams.references.reference_set import BeamReferences
from catalog_builder.beams.scanning.scan import scan
from catalog_builder.beams.scanning.segment_arrays import (
    SEGMENT_PATHS,
    SegmentArrays,
    can_be_planned,
    read_segment_arrays,
)
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.errors import AccessError, VariableNotFoundError
from catalog_builder.products.atl03 import Beam
from earthdata_standin import EarthdataStandin


@pytest.fixture
def granule(tmp_path: Path) -> Path:
    """Two beams of different lengths."""
    return write_granule(
        tmp_path / NAME, gt1l=SmallBeam(), gt3r=SmallBeam(counts=[0, 4, 20, 0, 9], orphans=6)
    )


def assert_as_h5py_reads_them(path: Path, beam: Beam, arrays: SegmentArrays) -> None:
    with h5py.File(path) as file:
        for name, field in zip(SEGMENT_PATHS, fields(SegmentArrays), strict=True):
            values = getattr(arrays, field.name)
            np.testing.assert_array_equal(values, file[beam][name][:], err_msg=name)
            if field.name in ("lat", "lon", "time"):
                assert values.dtype == np.float64


def test_an_open_file_gives_the_stored_values(granule: Path) -> None:
    with h5py.File(granule) as file:
        arrays = SegmentArrays.read(read_beam(file, str(granule), "gt3r"))
    assert_as_h5py_reads_them(granule, "gt3r", arrays)


def test_references_give_the_same_of_all_beams(granule: Path) -> None:
    links = GranuleLinks(local=str(granule))
    arrays = read_segment_arrays(links, "auto", scan(links).beams)
    assert list(arrays) == ["gt1l", "gt3r"]
    for beam, found in arrays.items():
        assert_as_h5py_reads_them(granule, beam, found)


def test_beams_that_lie_side_by_side_share_requests(
    granule: Path, cloud: EarthdataStandin
) -> None:
    beams = scan(GranuleLinks(local=str(granule))).beams
    world = cloud.world
    try:
        store(cloud, {KEY: granule})
        before = len(cloud.requests)
        arrays = read_segment_arrays(links_to(cloud), "s3", beams)
        gets = [
            request
            for request in list(cloud.requests)[before:]
            if (request.service, request.method) == ("s3", "GET") and BUCKET in request.path
        ]
    finally:
        cloud.world = world
    assert 1 <= len(gets) < len(beams) * len(SEGMENT_PATHS)
    for beam, found in arrays.items():
        assert_as_h5py_reads_them(granule, beam, found)


def test_no_beam_takes_no_request(tmp_path: Path) -> None:
    assert read_segment_arrays(GranuleLinks(local=str(tmp_path / "none")), "auto", {}) == {}


@pytest.mark.parametrize("path", SEGMENT_PATHS)
def test_all_five_must_be_there_and_be_decodable(granule: Path, path: str) -> None:
    references: BeamReferences = scan(GranuleLinks(local=str(granule))).beams["gt1l"]
    datasets = dict(references.datasets)
    assert can_be_planned(datasets)
    odd = replace(datasets[path], filters=("unsupported:3",))
    assert not can_be_planned(datasets | {path: odd})
    del datasets[path]
    assert not can_be_planned(datasets)


def test_a_missing_dataset_is_named(granule: Path) -> None:
    with h5py.File(granule, "r+") as file:
        del file["gt1l/geolocation/reference_photon_lat"]
        with pytest.raises(VariableNotFoundError, match="reference_photon_lat"):
            SegmentArrays.read(read_beam(file, str(granule), "gt1l"))


@pytest.mark.parametrize(
    "values", [np.full(8, b"x"), np.zeros(9), np.zeros((8, 2)), np.zeros(8, bool)]
)
@pytest.mark.parametrize("filters", [{}, {"compression": "lzf"}], ids=["planned", "by h5py"])
def test_a_beam_whose_segments_have_no_places_is_scanned_without(
    granule: Path, values: Any, filters: dict[str, Any]
) -> None:
    path = "gt1l/geolocation/reference_photon_lat"
    with h5py.File(granule, "r+") as file:
        del file[path]
        file.create_dataset(path, data=values, **filters)
    found = scan(GranuleLinks(local=str(granule)))
    assert found.beams["gt1l"].positions.unplaced.all()
    assert "gt1l" not in found.tracks
    assert "gt3r" in found.tracks


def test_segments_that_cannot_be_are_not_read_into_memory(granule: Path) -> None:
    path = "gt1l/geolocation/segment_ph_cnt"
    with h5py.File(granule, "r+") as file:
        del file[path]
        file.create_dataset(path, shape=(10**12,), dtype="i4", chunks=(10**6,), compression="lzf")
    with pytest.raises(AccessError, match="segment_ph_cnt"):
        scan(GranuleLinks(local=str(granule)))
