"""Chunks of a frame, dataset by dataset: as the whole text decoded says."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_builder.beams.references.chunk_places import ChunkPlace, ChunkPlaces, split
from catalog_builder.errors import ReferencesError

NAMES = st.text(
    st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1, max_size=8
)
"""Of datasets: HDF5 allows quotes, backslashes, commas and colons, too."""


def place(offset: int) -> list[Any]:
    return ["{{u}}", offset, 7]


def frame(members: dict[str, Any]) -> bytes:
    return b"," + orjson.dumps(members)[1:-1]


def plain(members: Any) -> dict[str, Any]:
    return orjson.loads(msgspec.json.encode(members))


@given(
    datasets=st.dictionaries(
        NAMES, st.one_of(st.integers(0, 4), st.just("base64:,AA==")), max_size=6
    ),
    attribute=st.text(max_size=30),
)
def test_each_dataset_has_its_own_members(datasets: dict[str, Any], attribute: str) -> None:
    """Inline ones, unwritten ones, and names that hold what JSON is made of."""
    described = {f"gt1l/{name}/.zattrs": orjson.dumps([attribute]).decode() for name in datasets}
    chunks = {
        name: {f"gt1l/{name}/0": stored}
        if isinstance(stored, str)
        else {f"gt1l/{name}/{n}": place(100 * n) for n in range(stored)}
        for name, stored in datasets.items()
    }
    text = frame(described | {key: value for of in chunks.values() for key, value in of.items()})
    before, after = split(text)
    assert before + after == text
    known = msgspec.json.decode(b"{" + before[1:] + b"}")
    assert known.items() >= described.items()
    places = ChunkPlaces(after)
    for name, expected in chunks.items():
        found = {key: known[key] for key in expected if key in known}
        found |= plain(places.below(f"gt1l/{name}"))
        assert found == expected


def test_a_group_has_the_members_of_its_arrays() -> None:
    members = {"a/h/0": place(0), "a/g/x/0": "base64:AA==", "a/g/y/0": "base64:AQ=="}
    _, after = split(frame(members))
    assert plain(ChunkPlaces(after).below("a/g")) == {k: members[k] for k in list(members)[1:]}


def test_names_that_begin_alike_are_apart() -> None:
    members = {f"a/{name}/{n}": place(n) for name in ("h", "h_ph", "h_ph2") for n in range(3)}
    places = ChunkPlaces(split(frame(members))[1])
    assert list(places.below("a/h_ph")) == ["a/h_ph/0", "a/h_ph/1", "a/h_ph/2"]
    assert places.below("a/none") == {}


@pytest.mark.parametrize("more", [b'"a/g/0":["{{u}}",1,2],"a/h/1"', b'"a/h/0"'])
def test_members_that_are_apart_or_twice_raise(more: bytes) -> None:
    """To look for each of many datasets among all members would take for ever."""
    text = b',"a/h/0":["{{u}}",1,2],' + more + b':["{{u}}",3,4]'
    with pytest.raises(ReferencesError, match="do not stand together"):
        ChunkPlaces(text).below("a/h")


def test_without_chunks_all_is_before_the_first() -> None:
    text = frame({"a/.zattrs": '{"x":["{{u}}",1]}'})
    assert split(text) == (text, b"")
    assert ChunkPlaces(b"").below("a") == {}


@pytest.mark.parametrize(
    "text",
    [
        b',"a/h/0":["{{u}}",1',
        b',"a/h/0":["{{u}}",-1,2]',
        b',"a/h/0":["{{u}}",1,2],"a/h/1":["{{v}}",1,2]',
        b',"a/h/0":["{{u}}",1,2]x,"a/h/1":3',
    ],
)
def test_what_is_no_place_raises(text: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        ChunkPlaces(split(text)[1]).below("a/h")


def test_a_place_is_small() -> None:
    assert ChunkPlace("{{u}}", 1, 2) == msgspec.json.decode(b'["{{u}}",1,2]', type=ChunkPlace)
