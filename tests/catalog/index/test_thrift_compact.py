"""Integers in Thrift's compact protocol, found and replaced, held against a writer of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog_builder.catalog.index.thrift_compact import (
    BINARY,
    BYTE,
    DOUBLE,
    FALSE,
    I16,
    I32,
    I64,
    LIST,
    STRUCT,
    TRUE,
    find,
    integer,
    list_head,
    replaced,
    varint,
)

Value = tuple[int, Any]
"""Kind, and the value: of a list its kind and values, of a structure a dictionary."""


def write(fields: dict[int, Value]) -> bytes:
    out, before = b"", 0
    for number, (kind, value) in fields.items():
        step = number - before
        head = bytes([step << 4 | kind]) if 0 < step < 16 else bytes([kind]) + integer(number)
        out += head + (b"" if kind in (TRUE, FALSE) else write_value(kind, value))
        before = number
    return out + b"\0"


def write_value(kind: int, value: Any) -> bytes:
    if kind in (I16, I32, I64):
        return integer(value)
    if kind == BINARY:
        return varint(len(value)) + bytes(value)
    if kind == STRUCT:
        return write(value)
    if kind == LIST:
        inner, values = value
        return list_head(inner, len(values)) + b"".join(write_value(inner, v) for v in values)
    return bytes(value)


integers = st.integers(-(2**63), 2**63 - 1)
leaves: st.SearchStrategy[Value] = st.one_of(
    st.sampled_from([(TRUE, True), (FALSE, False)]),
    st.tuples(st.sampled_from([I16, I32, I64]), integers),
    st.tuples(st.just(BINARY), st.binary(max_size=300)),
    st.tuples(st.just(DOUBLE), st.binary(min_size=8, max_size=8)),
    st.tuples(st.just(BYTE), st.binary(min_size=1, max_size=1)),
    st.lists(integers, max_size=40).map(lambda some: (LIST, (I64, some))),
    st.lists(st.sampled_from([b"\1", b"\2"])).map(lambda some: (LIST, (TRUE, some))),
)
numbers = st.integers(1, 2**15 - 1)
values: st.SearchStrategy[Value] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.dictionaries(numbers, inner, max_size=4).map(lambda fields: (STRUCT, fields)),
        st.lists(st.dictionaries(numbers, inner, max_size=3), max_size=20).map(
            lambda some: (LIST, (STRUCT, some))
        ),
    ),
    max_leaves=20,
)


@given(
    before=st.dictionaries(st.integers(1, 9), values),
    after=st.dictionaries(st.integers(11, 2000), values),
    old=integers,
    new=integers,
    inner=st.lists(integers, max_size=20),
)
@settings(max_examples=300, deadline=None)
def test_what_is_wanted_is_found_and_replaced_and_nothing_else(
    before: dict[int, Value], after: dict[int, Value], old: int, new: int, inner: list[int]
) -> None:
    def whole(outer: int, inner: list[int]) -> bytes:
        structures = [{1: (BINARY, b"x"), 7: (I32, one)} for one in inner]
        middle = {10: (STRUCT, {2: (I64, outer), 3: (LIST, (STRUCT, structures))})}
        return write({**before, **middle, **after})

    body = whole(old, inner)
    found, end = find(b"??" + body + b"!!", {10: {2: "outer", 3: {7: "inner"}}}, 2)
    assert end == 2 + len(body)
    assert [(one.name, one.value) for one in found] == [
        ("outer", old),
        *(("inner", one) for one in inner),
    ]
    found = [one.further(-2) for one in found]
    changes = [(one, new if one.name == "outer" else -1) for one in found]
    assert replaced(body, changes) == whole(new, [-1] * len(inner))
    assert replaced(body, []) == body


def test_a_stretch_of_bytes_has_a_name_too() -> None:
    body = write({1: (LIST, (I64, [5, 6])), 2: (BINARY, b"abc")})
    (first, second), end = find(body, {1: "list", 2: "text"})
    assert body[first.first : first.end] == list_head(I64, 2) + integer(5) + integer(6)
    assert body[second.first : second.end] == b"\3abc"
    assert end == len(body)


@pytest.mark.parametrize("body", [b"", b"\x16", b"\x18\xff", b"\x19\x2c\x16"])
def test_what_ends_too_soon_is_told(body: bytes) -> None:
    with pytest.raises(IndexError):
        find(body, {})


@pytest.mark.parametrize(("body", "wanted"), [(b"\x1b\0\0", {}), (b"\x16\2\0", {1: {}})])
def test_what_is_no_such_structure_is_told(body: bytes, wanted: Any) -> None:
    with pytest.raises(ValueError, match="kind"):
        find(body, wanted)
