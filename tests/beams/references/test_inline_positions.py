"""Positions of chunks inside a reference set: written, read, and refused where damaged."""

from __future__ import annotations

import zlib
from typing import Any

import numcodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_builder.beams.read.segments import Segments
from catalog_builder.beams.references.chunk_positions import ChunkPositions
from catalog_builder.beams.references.inline_positions import (
    from_inline,
    pack_positions,
    to_inline,
    unpack_positions,
)
from catalog_builder.beams.scanning.place_chunks import place_chunks, unplaced_chunks
from catalog_builder.errors import ReferencesError

ARRAYS = [
    "first_segment",
    "last_segment",
    "first_lat",
    "last_lat",
    "first_lon",
    "last_lon",
    "south",
    "north",
    "west",
    "east",
    "start",
    "end",
    "unplaced",
]


def positions_of(counts: list[int], chunk: int, lon: float = 179.99) -> ChunkPositions:
    """Positions of photons in segments that fly north over ±180; every third has no place."""
    count = np.array(counts)
    index_beg = np.where(count > 0, np.cumsum(count) - count + 1, 0)
    number = np.arange(len(counts))
    lat = np.where(number % 3 == 2, 3.4e38, -17.123456 + number / 7)
    east = (lon + number / 9 + 180) % 360 - 180
    segments = Segments.parse(index_beg, count, int(count.sum()) + 3)
    return place_chunks(segments, chunk, lat, east, 39441600.123456 + number / 3)


@given(counts=st.lists(st.integers(0, 9), min_size=1, max_size=20), chunk=st.integers(1, 12))
def test_positions_come_back_as_they_were(counts: list[int], chunk: int) -> None:
    positions = positions_of(counts, chunk)
    refs = {f"gt1l/{key}": value for key, value in pack_positions(positions).items()}
    read = unpack_positions(refs, "gt1l/", chunk, positions.photons)
    assert (read.chunk, read.photons) == (chunk, positions.photons)
    for name in ARRAYS:
        expected, values = getattr(positions, name), getattr(read, name)
        assert values.dtype == expected.dtype
        np.testing.assert_array_equal(values, expected, err_msg=name)


def test_no_photon_has_no_position() -> None:
    read = unpack_positions(pack_positions(unplaced_chunks(0, 7)), "", 7, 0)
    assert len(read) == 0
    assert read.edges.tolist() == [0]


@pytest.mark.parametrize("name", ARRAYS)
def test_the_filters_named_in_the_metadata_undo_what_is_stored(name: str) -> None:
    """As zarr undoes them: the last filter first."""
    positions = positions_of([5, 0, 7, 9, 4], 6)
    refs = pack_positions(positions)
    described: Any = refs[f"photon_chunks/{name}/.zarray"]
    values: Any = from_inline(str(refs[f"photon_chunks/{name}/0"]))
    for described_filter in reversed(described["filters"]):
        values = numcodecs.get_codec(described_filter).decode(values)
    values = np.frombuffer(values, described["dtype"])
    if described["fill_value"] is not None:
        values = np.where(values == described["fill_value"], np.nan, values)
    np.testing.assert_allclose(values, getattr(positions, name), rtol=0, atol=1e-9)


@pytest.mark.parametrize("data", [b"", b"\x00", bytes(range(256))])
def test_bytes_become_text_and_bytes_again(data: bytes) -> None:
    text = to_inline(data)
    assert text.startswith("base64:")
    assert from_inline(text) == data


def deflated(values: list[int], dtype: str = "<i4") -> str:
    """An array as it is stored, from its differences."""
    return to_inline(zlib.compress(np.array(values, dtype).tobytes()))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("south/0", deflated([1, 2]), "south is not of 3 chunks"),
        ("south/0", deflated([1, 2, 3, 4]), "south is not of 3 chunks"),
        ("south/0", to_inline(zlib.compress(bytes(10**6))), "south is not of 3 chunks"),
        ("south/0", to_inline(zlib.compress(bytes(12))[:-4]), "south is not of 3 chunks"),
        ("first_segment/0", deflated([9, 0, 0]), "begin after they end"),
        ("first_segment/0", deflated([-2, 0, 0]), "begin after they end"),
    ],
)
def test_damaged_positions_are_refused(key: str, value: str, message: str) -> None:
    refs = pack_positions(positions_of([5, 6], 5)) | {f"photon_chunks/{key}": value}
    with pytest.raises(ReferencesError, match=message):
        unpack_positions(refs, "", 5, 14)


@pytest.mark.parametrize(("chunk", "photons"), [(0, 5), (-1, 5), (5, -1), (1, 10**6 + 1)])
def test_impossible_numbers_of_photons_are_refused(chunk: int, photons: int) -> None:
    with pytest.raises(ReferencesError, match=f"{photons} photons in chunks of {chunk}"):
        unpack_positions({}, "", chunk, photons)
