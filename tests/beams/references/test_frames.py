"""Frames of a reference file: found, compared with their checksums, and limited in length."""

from __future__ import annotations

import zlib
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from catalog_builder.beams.references.frames import (
    MOST_BYTES,
    MOST_WHOLE,
    Frame,
    compress,
    cut,
    inflate,
    inflate_file,
)
from catalog_builder.errors import ReferencesError


@given(texts=st.lists(st.binary(max_size=300), min_size=1, max_size=6))
def test_a_file_is_its_frames_one_after_another(texts: list[bytes]) -> None:
    frames, data = {}, b""
    for number, text in enumerate(texts):
        packed = compress(text)
        frames[number] = Frame.of(packed, len(data))
        data += packed
    assert frames[len(texts) - 1].stop == len(data)
    assert [inflate(part) for part in cut(data, frames).values()] == texts
    assert inflate_file(data) == b"".join(texts)


def test_a_part_of_a_file_is_cut_by_where_it_begins() -> None:
    frame = Frame.of(b"body", 100)
    assert cut(b"...body...", {"gt1l": frame}, offset=97) == {"gt1l": b"body"}
    for offset in (96, 98, 101, 1000):
        with pytest.raises(ReferencesError, match="from 100 on"):
            cut(b"...body...", {"gt1l": frame}, offset=offset)


@pytest.mark.parametrize("data", [b"", b"bod", b"body.", b"bodY"])
def test_other_bytes_are_not_those_of_a_frame(data: bytes) -> None:
    with pytest.raises(ReferencesError, match="The file is damaged, or was replaced"):
        Frame.of(b"body", 0).require(data)


def test_a_frame_comes_back_from_json() -> None:
    frame = Frame.of(b"body", 7)
    assert frame.to_dict() == {"offset": 7, "length": 4, "crc32": zlib.crc32(b"body")}
    assert Frame.parse(frame.to_dict()) == frame


@pytest.mark.parametrize(
    "facts",
    [
        None,
        [],
        "offset",
        {},
        {"offset": 0, "length": 1},
        {"offset": "0", "length": 1, "crc32": 0},
        {"offset": -1, "length": 1, "crc32": 0},
        {"offset": 0, "length": 0, "crc32": 0},
        {"offset": 0, "length": MOST_BYTES + 1, "crc32": 0},
        {"offset": 0, "length": 1, "crc32": -1},
        {"offset": 0.5, "length": 1, "crc32": 0},
        {"offset": 0, "length": 1, "crc32": 0, "\ud800": 1},
        {"offset": "\ud800", "length": 1, "crc32": 0},
    ],
)
def test_what_is_no_frame_is_refused(facts: Any) -> None:
    with pytest.raises(ReferencesError, match="is no place of references"):
        Frame.parse(facts)


def test_a_frame_holds_zstds_own_checksum_and_the_same_bytes_each_time() -> None:
    packed = compress(b"text" * 100)
    assert packed == compress(b"text" * 100)
    facts = zstandard.get_frame_parameters(packed)
    assert facts.has_checksum
    assert facts.content_size == 400
    damaged = packed[:-1] + bytes([packed[-1] ^ 1])
    with pytest.raises(zstandard.ZstdError):
        inflate(damaged)
    with pytest.raises(zstandard.ZstdError):
        inflate(packed + b"x")


def test_more_than_any_references_take_is_not_inflated() -> None:
    packer = zstandard.ZstdCompressor(level=1)
    with pytest.raises(ReferencesError, match=f"more than {MOST_BYTES}"):
        inflate(packer.compress(bytes(MOST_BYTES + 1)))
    half = packer.compress(bytes(MOST_WHOLE // 2))
    assert len(inflate_file(half + half)) == MOST_WHOLE
    with pytest.raises(ReferencesError, match=f"more than {MOST_WHOLE}"):
        inflate_file(half + half + packer.compress(b"x"))
