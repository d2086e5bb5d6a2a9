"""What a granule's metadata say of it, against h5py and against the granule as it was written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import pytest
from small_granule import NAME, SmallBeam, write_granule

from catalog_builder.beams.description import describe
from catalog_builder.beams.storage.links import Access, GranuleLinks
from catalog_builder.errors import GranuleNotFoundError, NotATL03Error


def test_what_a_granule_holds(granule: GranuleLinks) -> None:
    found = describe(granule)
    assert found.granule == NAME.removesuffix(".h5")
    assert found.href == granule.local
    assert granule.local is not None
    assert found.size == Path(granule.local).stat().st_size
    assert found.page_size is None
    assert [
        (beam.beam, beam.strength, beam.spot, beam.photons, beam.segments, beam.photon_chunk)
        for beam in found.beams
    ] == [
        ("gt1l", "strong", 1, 95, 8, 16),
        ("gt1r", "strong", 1, 0, 3, 1),
        ("gt3r", "strong", 1, 39, 5, 16),
    ]
    assert found.to_dict()["beams"][0]["photons"] == 95


def test_pages_are_seen(tmp_path: Path) -> None:
    with h5py.File(tmp_path / NAME, "w", fs_strategy="page", fs_page_size=65536) as file:
        SmallBeam().write(file.create_group("gt1l"))
    assert describe(GranuleLinks(local=str(tmp_path / NAME))).page_size == 65536


@pytest.mark.parametrize("access", ["s3", "https", "local"])
def test_the_description_is_that_of_h5py_over_every_transport(
    stored: tuple[GranuleLinks, Path], access: Access
) -> None:
    links, path = stored
    found = describe(replace(links, local=str(path)), access)
    addresses = {"s3": links.s3, "https": links.https, "local": str(path)}
    assert (found.granule, found.href) == (path.stem, addresses[access])
    assert found.size == path.stat().st_size
    with h5py.File(path) as file:
        for beam in found.beams:
            lat = file[f"{beam.beam}/heights/lat_ph"]
            assert (beam.photons, beam.photon_chunk) == (lat.shape[0], lat.chunks[0])
            assert beam.segments == len(file[f"{beam.beam}/geolocation/ph_index_beg"])
            assert beam.strength == file[beam.beam].attrs["atlas_beam_type"].decode()
            assert str(beam.spot) == file[beam.beam].attrs["atlas_spot_number"].decode()
        assert [beam.beam for beam in found.beams] == [n for n in file if n.startswith("gt")]


def test_photons_that_are_not_chunked_have_no_chunk_size(tmp_path: Path) -> None:
    path = write_granule(tmp_path / NAME, gt2r=SmallBeam())
    with h5py.File(path, "r+") as file:
        heights = file["gt2r/heights"]
        lat = heights["lat_ph"][:]
        del heights["lat_ph"]
        heights["lat_ph"] = lat
    (beam,) = describe(GranuleLinks(local=str(path))).beams
    assert (beam.photons, beam.photon_chunk) == (95, None)


def test_what_is_no_granule(tmp_path: Path) -> None:
    with pytest.raises(GranuleNotFoundError, match="There is no file"):
        describe(GranuleLinks(local=str(tmp_path / NAME)))
    with h5py.File(tmp_path / NAME, "w") as file:
        file["temperature"] = [1.0]
    with pytest.raises(NotATL03Error, match="it holds temperature"):
        describe(GranuleLinks(local=str(tmp_path / NAME)))
