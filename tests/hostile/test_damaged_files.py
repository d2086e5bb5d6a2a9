"""HDF5 files that say what cannot be: an error of the package's tree, before memory is taken."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from small_granule import NAME, SmallBeam, write_granule

from catalog_builder.beams.dataset import open_beam
from catalog_builder.beams.scanning.scan import scan
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.errors import AccessError, BeamError, CatalogBuilderError, SegmentsWarning


def put(path: str, values: Any = None, **stored: Any) -> Callable[[h5py.Group], None]:
    def change(beam: h5py.Group) -> None:
        if path in beam:
            del beam[path]
        beam.create_dataset(path, data=values, **stored)

    return change


HUGE: dict[str, Any] = {"shape": (10**12,), "dtype": "<f8", "chunks": (10**6,)}
DAMAGED: dict[str, Callable[[h5py.Group], None]] = {
    "huge heights": put("heights/h_ph", **HUGE, compression="gzip"),
    "huge heights of a filter": put("heights/h_ph", **HUGE, compression="lzf"),
    "huge in one piece": put("heights/h_ph", shape=(10**10,), dtype="<f8"),
    "huge segments": put("geolocation/ph_index_beg", **{**HUGE, "dtype": "<i8"}),
    "95 million chunks": put("heights/h_ph", shape=(95_000_000,), dtype="<f4", chunks=(1,)),
    "places of text": put("heights/lat_ph", np.array([b"x"] * 95)),
    "places in pairs": put("heights/lat_ph", np.zeros((95, 2))),
    "no place": put("heights/lat_ph", h5py.Empty("f4")),
    "few distances": put("heights/dist_ph_along", np.zeros(3, "<f4")),
    "few segments": put("geolocation/segment_dist_x", np.zeros(3)),
    "segments of text": put("geolocation/segment_dist_x", np.array([b"x"] * 8)),
    "counts of text": put("geolocation/segment_ph_cnt", np.array([b"x"] * 8)),
    "counts that are broken": put("geolocation/segment_ph_cnt", np.full(8, np.nan)),
}


OPTIONAL = {
    *("few distances", "few segments", "huge segments"),
    *("segments of text", "counts of text", "counts that are broken"),
}
"""What is damaged only keeps ``x_atc`` from being derived."""


def damaged(folder: Path, kind: str) -> GranuleLinks:
    path = write_granule(folder / NAME, gt1l=SmallBeam())
    with h5py.File(path, "r+") as file:
        DAMAGED[kind](file["gt1l"])
    return GranuleLinks(local=str(path))


@pytest.mark.parametrize("kind", DAMAGED)
def test_every_door_ends_in_an_error_of_the_tree(tmp_path: Path, kind: str) -> None:
    """In a child: it has a gigabyte beyond what it took to start."""
    links = damaged(tmp_path, kind)
    code = """
import resource, sys
import dask, h5py, xarray
from catalog_builder.beams.dataset import open_beam
from catalog_builder.beams.description import describe
from catalog_builder.beams.granule_tree import open_granule
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.beams.scanning.scan import scan
from catalog_builder.errors import CatalogBuilderError
links = GranuleLinks(local=sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for through in (
    lambda: open_beam(links, "gt1l"),
    lambda: open_beam(links, "gt1l", bbox=[0, -90, 180, 90]),
    lambda: open_beam(links, "gt1l", chunks=50_000).compute(),
    lambda: open_granule(links),
    lambda: scan(links),
    lambda: describe(links),
):
    try:
        through()
    except CatalogBuilderError as error:
        print(error)
assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**20
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(links.local)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    if kind in OPTIONAL:
        with pytest.warns(SegmentsWarning, match="x_atc is left out"):
            assert open_beam(links, "gt1l", ["h_ph", "x_atc"]).sizes["photon"] == 95
        assert open_beam(links, "gt1l", ["h_ph"]).sizes["photon"] == 95
    else:
        with pytest.raises(CatalogBuilderError):
            open_beam(links, "gt1l")


def test_what_was_never_written_is_read(tmp_path: Path) -> None:
    path = write_granule(tmp_path / NAME, gt1l=SmallBeam())
    with h5py.File(path, "r+") as file:
        put("heights/h_ph", shape=(95,), dtype="<f4", chunks=(10**6,), maxshape=(None,))(
            file["gt1l"]
        )
        put("/orbit_info/sc_orient", **{**HUGE, "dtype": "i1"})(file["gt1l"])  # one is read
    found = open_beam(GranuleLinks(local=str(path)), "gt1l")
    assert not found.h_ph.any()
    assert found.strength == "strong"


def test_values_that_claim_the_place_of_the_header(tmp_path: Path) -> None:
    """HDF5 tells the place 0 as an error, h5py that as a bare RuntimeError."""
    path = write_granule(tmp_path / NAME, gt1l=SmallBeam())
    with h5py.File(path, "r+") as file:
        put("heights/h_ph", np.arange(95, dtype="<f4"))(file["gt1l"])
    with h5py.File(path) as file:
        stored = file["gt1l/heights/h_ph"]
        place, size = stored.id.get_offset(), stored.id.get_storage_size()
    layout = struct.pack("<BBQQ", 3, 1, place, size)
    content = path.read_bytes()
    assert content.count(layout) == 1
    path.write_bytes(content.replace(layout, struct.pack("<BBQQ", 3, 1, 0, size)))
    with pytest.raises(AccessError, match=r"h_ph of .*\.h5 cannot be read: .*damaged"):
        scan(GranuleLinks(local=str(path)))


def test_messages_name_the_file_and_what_is_wrong(tmp_path: Path) -> None:
    links = damaged(tmp_path, "huge heights")
    with pytest.raises(AccessError, match=r"h_ph of .*\.h5 claims 8000000000000 bytes"):
        open_beam(links, "gt1l")
    links = damaged(tmp_path, "95 million chunks")
    with pytest.raises(BeamError, match=r"h_ph of .*\.h5 has 95000000 chunks"):
        scan(links)
