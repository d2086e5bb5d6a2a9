"""Scanning a granule: what is found, over every way, and at which cost."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from small_granule import NAME, SmallBeam, write_granule

from catalog_builder.beams.scanning.scan import BLOCK_SIZE, LEFT_OUT, scan
from catalog_builder.beams.scanning.segment_arrays import SEGMENT_PATHS
from catalog_builder.beams.storage.links import Access, GranuleLinks
from catalog_builder.errors import GranuleNotFoundError, NotATL03Error
from catalog_builder.products.granule_name import GranuleName
from earthdata_standin import EarthdataStandin
from tests.beams.odd_datasets import write_odd_granule


def local(path: Path) -> GranuleLinks:
    return GranuleLinks(local=str(path))


@pytest.fixture(params=["006", "007"])
def stored(request: pytest.FixtureRequest, cloud: EarthdataStandin) -> tuple[GranuleLinks, Path]:
    """Links of a granule that the stand-in serves, and the file itself."""
    key = next(
        key
        for key in sorted(cloud.world.objects)
        if key.endswith(".h5") and GranuleName.parse(key).release == request.param
    )
    path = cloud.world.objects.get(key)
    assert path is not None
    links = GranuleLinks(
        s3=f"s3://{key}",
        https=f"{cloud.data_url}/{key}",
        credentials_endpoint=cloud.credentials_endpoint,
    )
    return links, path


def test_every_dataset_of_every_beam_but_those_left_out(stored: tuple[GranuleLinks, Path]) -> None:
    found = scan(local(stored[1]))
    with h5py.File(stored[1]) as file:
        for beam, references in found.beams.items():
            paths: list[str] = []
            file[beam].visititems(
                lambda path, one, paths=paths: (
                    paths.append(path)
                    if isinstance(one, h5py.Dataset) and not path.startswith(LEFT_OUT)
                    else None
                )
            )
            assert [*references.datasets] == paths
            for path, dataset in references.datasets.items():
                one = file[beam][path]
                assert (dataset.shape, dataset.dtype) == (one.shape, one.dtype)
                assert int(dataset.sizes.sum()) == one.id.get_storage_size()
                assert dataset.filters in (("deflate",), ("shuffle", "deflate"))
            assert found.photons[beam] == file[beam]["heights/h_ph"].shape[0]
        assert found.orientation == file["orbit_info/sc_orient"][0]


@pytest.mark.parametrize("access", ["s3", "https"])
def test_the_cloud_gives_the_same_as_the_disk(
    stored: tuple[GranuleLinks, Path], access: Access
) -> None:
    links, path = stored
    there, here = scan(links, access), scan(local(path))
    assert (
        (there.granule, there.size)
        == (here.granule, here.size)
        == (
            path.stem,
            path.stat().st_size,
        )
    )
    assert there.href == (links.s3 if access == "s3" else links.https)
    assert there.etag is not None
    assert here.etag is None
    assert (there.tracks, there.strengths, there.spots, there.photons) == (
        here.tracks,
        here.strengths,
        here.spots,
        here.photons,
    )
    for beam, references in there.beams.items():
        assert (references.href, references.size, references.etag) == (
            there.href,
            there.size,
            there.etag,
        )
        for name, dataset in references.datasets.items():
            np.testing.assert_array_equal(dataset.offsets, here.beams[beam].datasets[name].offsets)


def test_headers_are_read_once_and_then_the_segments_alone(
    cloud: EarthdataStandin, stored: tuple[GranuleLinks, Path]
) -> None:
    links, path = stored
    before = len(cloud.requests)
    found = scan(links, "s3")
    asked = [
        one for one in list(cloud.requests)[before:] if (one.service, one.method) == ("s3", "GET")
    ]
    segments = sum(
        int(references.datasets[name].sizes.sum())
        for references in found.beams.values()
        for name in SEGMENT_PATHS
    )
    blocks = -(-path.stat().st_size // BLOCK_SIZE)
    assert len(asked) <= blocks + len(SEGMENT_PATHS) * len(found.beams)
    assert sum(one.bytes for one in asked) <= path.stat().st_size + 1.05 * segments


def test_segments_that_only_h5py_can_decode_are_scanned_all_the_same(tmp_path: Path) -> None:
    plain, checked = tmp_path / NAME, tmp_path / "checked" / NAME
    write_granule(plain, gt1l=SmallBeam())
    checked.parent.mkdir()
    shutil.copy(plain, checked)
    with h5py.File(checked, "r+") as file:
        values = file["gt1l/geolocation/segment_ph_cnt"][:]
        del file["gt1l/geolocation/segment_ph_cnt"]
        file["gt1l/geolocation"].create_dataset("segment_ph_cnt", data=values, fletcher32=True)
    here, there = scan(local(plain)), scan(local(checked))
    assert not there.beams["gt1l"].datasets["geolocation/segment_ph_cnt"].supported
    assert there.tracks == here.tracks
    for name in ("first_segment", "south", "east", "start"):
        np.testing.assert_array_equal(
            getattr(there.beams["gt1l"].positions, name),
            getattr(here.beams["gt1l"].positions, name),
        )


def test_chunks_lie_at_their_offsets(tmp_path: Path) -> None:
    path = write_odd_granule(tmp_path)
    datasets = scan(local(path)).beams["gt1l"].datasets
    data = path.read_bytes()
    with h5py.File(path) as file:
        for name, one in file["gt1l/odd"].items():
            known = datasets[f"odd/{name}"]
            assert len(known.offsets) == len(known.sizes) == int(np.prod(known.grid)), name
            for number in range(one.id.get_num_chunks() if one.chunks else 0):
                at = one.id.get_chunk_info(number)
                place = [n // c for n, c in zip(at.chunk_offset, one.chunks, strict=True)]
                k = int(np.ravel_multi_index(place, known.grid))
                _, raw = one.id.read_direct_chunk(at.chunk_offset)
                start = int(known.offsets[k])
                assert data[start : start + int(known.sizes[k])] == raw, name
                assert known.filter_masks[k] == at.filter_mask, name
        known = datasets["odd/contiguous"]
        start = int(known.offsets[0])
        assert known.chunk_shape == known.shape
        assert data[start : start + int(known.sizes[0])] == (
            file["gt1l/odd/contiguous"][:].astype(">i4").tobytes()
        )
    assert datasets["odd/reserved"].sizes.tolist() == [0]
    assert datasets["odd/reserved"].fill_value == np.float32(2.5)
    assert datasets["odd/sparse"].sizes.astype(bool).tolist() == [False, True, False, False]
    assert datasets["odd/compact"].inline == np.arange(6, dtype=">i2").tobytes()
    assert datasets["odd/checked"].filters == ("deflate", "unsupported:3")
    assert datasets["odd/rounded"].filters == ("unsupported:6",)
    hidden = {path for path, one in datasets.items() if not one.supported}
    assert hidden == {f"odd/{name}" for name in ("checked", "fast", "padded", "rounded", "words")}
    assert datasets["odd/empty"].chunk_shape == (4, 3)
    assert datasets["odd/nothing"].grid == (0,)


def test_photons_of_no_segment_and_segments_of_no_photon(tmp_path: Path) -> None:
    # Chunks of 16 photons: segments 0 and 2, then 3, then nothing but orphans.
    beam = SmallBeam(counts=[16, 0, 6, 10], orphans=20)
    positions = scan(local(write_granule(tmp_path / NAME, gt1l=beam))).beams["gt1l"].positions
    assert positions.chunk == 16
    assert positions.first_segment.tolist() == [0, 2, -1, -1]
    assert positions.last_segment.tolist() == [0, 3, -1, -1]
    assert positions.unplaced.tolist() == [False, False, True, True]
    assert (positions.south[:2] <= positions.first_lat[:2]).all()


def test_a_track_is_short_and_holds_both_ends(stored: tuple[GranuleLinks, Path]) -> None:
    found = scan(local(stored[1]))
    with h5py.File(stored[1]) as file:
        for beam, track in found.tracks.items():
            assert 2 <= len(track) <= 120
            filled = file[beam]["geolocation/segment_ph_cnt"][:] > 0
            lat = file[beam]["geolocation/reference_photon_lat"][:][filled]
            assert abs(track[0][1] - lat[0]) < 1e-5
            assert abs(track[-1][1] - lat[-1]) < 1e-5


def test_an_empty_beam_is_counted_and_has_no_references(tmp_path: Path) -> None:
    path = write_granule(
        tmp_path / NAME, gt1l=SmallBeam(), gt2r=SmallBeam(counts=[0, 0], attrs={})
    )
    found = scan(local(path))
    assert [*found.beams] == [*found.tracks] == ["gt1l"]
    assert found.photons["gt2r"] == 0
    assert (found.strengths["gt2r"], found.spots["gt2r"]) == ("strong", 3)


def test_what_cannot_be_scanned_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GranuleNotFoundError):
        scan(local(tmp_path / NAME))
    (tmp_path / NAME).write_bytes(b"no HDF5")
    with pytest.raises(NotATL03Error):
        scan(local(tmp_path / NAME))


def test_chunks_of_segments_that_contradict_each_other_have_no_place(tmp_path: Path) -> None:
    beam = SmallBeam(counts=[3, 4], index_beg=[1, 3])
    found = scan(local(write_granule(tmp_path / NAME, gt1l=beam)))
    positions = found.beams["gt1l"].positions
    assert positions.unplaced.all()
    assert (positions.first_segment < 0).all()
    assert found.tracks == {}
