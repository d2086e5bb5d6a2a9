"""Passes of a granule that h5py reads."""

from __future__ import annotations

import pytest

from catalog_builder.beams.read.photon_search import LAT
from catalog_builder.opening.resolve import resolve
from catalog_builder.photons import file_reading
from catalog_builder.photons.file_reading import read_file
from catalog_builder.photons.pass_reading import MemoryWindow
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
