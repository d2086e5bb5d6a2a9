"""Passes of a granule that h5py reads."""

from __future__ import annotations

import re
from pathlib import Path

import h5py
import pytest
from small_granule import NAME, SmallBeam, write_granule

from catalog_builder.beams.read.photon_search import LAT
from catalog_builder.errors import VariableNotFoundError
from catalog_builder.opening.resolve import resolve
from catalog_builder.photons.open_photons import open_photons
from catalog_builder.photons.reading import file_reading
from catalog_builder.photons.reading.file_reading import read_file
from catalog_builder.photons.reading.pass_reading import MemoryWindow
from catalog_builder.products.atl03 import Beam
from tests.photons.conftest import SmallPasses, ask


def test_the_beams_that_are_there_and_asked_for_are_read(small: SmallPasses) -> None:
    granule = resolve(small.plain)
    every: tuple[Beam, ...] = ("gt1l", "gt1r", "gt2r")
    found = read_file(granule, every, ask(), MemoryWindow(2**20))
    assert [one.attrs["beam"] for one in found] == ["gt1l", "gt2r"]
    assert [sum(len(block[LAT]) for block in one.blocks) for one in found] == [100, 100]
    (strong,) = read_file(granule, every, ask(beams="strong"), MemoryWindow(2**20))
    assert strong.attrs["beam"] == "gt1l"


def test_blocks_are_of_bounded_bytes(small: SmallPasses, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_reading, "BLOCK_BYTES", 30 * 28)  # three places and a height
    (found,) = read_file(resolve(small.plain), ("gt1l",), ask(), MemoryWindow(2**20))
    assert [len(block[LAT]) for block in found.blocks] == [30, 30, 30, 10]


@pytest.mark.filterwarnings("ignore::catalog_builder.errors.ReferencesWarning")
@pytest.mark.parametrize("name", ["delta_time", "lat_ph", "h_ph"])
def test_what_a_beam_lacks_is_named(tmp_path: Path, name: str) -> None:
    """It is not left out in silence, though another beam can be read."""
    path = write_granule(tmp_path / NAME, gt1l=SmallBeam(), gt1r=SmallBeam())
    with h5py.File(path, "a") as file:
        del file[f"gt1l/heights/{name}"]
    message = f"Beam gt1l of {path} lacks variable '{name}'"
    with pytest.raises(VariableNotFoundError, match=re.escape(message)):
        open_photons([str(path)], [-180, -90, 180, 90])
    found = open_photons([str(path)], [-180, -90, 180, 90], beams=["gt1r"])
    assert found.beam.values.tolist() == ["gt1r"]
