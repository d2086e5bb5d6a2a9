"""Finds and replaces integers in what Thrift's compact protocol wrote, without decoding the rest.

The footer of a Parquet file is written in it, tens of thousands of fields of which a few hundred
matter here. Maps and sets are not known: Parquet has none.
Specification: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, Union

TRUE: Final = 1
FALSE: Final = 2
BYTE: Final = 3
I16: Final = 4
I32: Final = 5
I64: Final = 6
DOUBLE: Final = 7
BINARY: Final = 8
LIST: Final = 9
STRUCT: Final = 12

_INTEGERS: Final = frozenset((I16, I32, I64))

Wanted = Mapping[int, Union[str, "Wanted"]]
"""What is looked for in a structure, by the numbers of its fields: the name of an integer or of a
stretch of bytes, or what is looked for in the structure, or the structures of the list, there."""


class Found(NamedTuple):
    """A field that was looked for."""

    name: str
    first: int
    """Where its value begins."""
    end: int
    value: int
    """0 for what is no integer."""

    def further(self, by: int) -> Found:
        """The same field where the bytes begin elsewhere."""
        return self._replace(first=self.first + by, end=self.end + by)


def find(body: bytes, wanted: Wanted, place: int = 0) -> tuple[list[Found], int]:
    """Fields of the structure at a place of the bytes, and where it ends.

    Raises ValueError or IndexError for what is no structure.
    """
    found: list[Found] = []
    return found, _walk(body, place, wanted, found)


def replaced(body: bytes, changes: Iterable[tuple[Found, int]]) -> bytes:
    """The bytes with other values of some integers, which are given in their order."""
    out = bytearray()
    upto = 0
    for field, value in changes:
        out += body[upto : field.first]
        out += integer(value)
        upto = field.end
    return bytes(out + body[upto:])


def integer(value: int) -> bytes:
    """An integer, as it stands in a structure."""
    return varint(2 * value if value >= 0 else -2 * value - 1)


def list_head(kind: int, count: int) -> bytes:
    """What stands before the values of a list."""
    return bytes([count << 4 | kind]) if count < 15 else bytes([0xF0 | kind]) + varint(count)


def list_length(body: bytes) -> tuple[int, int]:
    """How many values the list has that the bytes are, and where the first one begins."""
    _, count, place = _list(body, 0)
    return count, place


def varint(number: int) -> bytes:
    """A number of at least 0, seven bits a byte."""
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _walk(body: bytes, place: int, wanted: Wanted, found: list[Found]) -> int:
    """Where a structure ends; notes what is wanted of it."""
    number = 0
    while head := body[place]:
        kind, place = head & 0x0F, place + 1
        if head >= 0x10:
            number += head >> 4
        else:
            number, place = _integer(body, place)
        what = wanted.get(number)
        if what is None and kind in _INTEGERS:  # as most are: a call for each takes longer
            while body[place] >= 0x80:
                place += 1
            place += 1
        elif what is None:
            place = _skip(body, place, kind)
        elif isinstance(what, str):
            first = place
            value, place = (
                _integer(body, place) if kind in _INTEGERS else (0, _skip(body, place, kind))
            )
            found.append(Found(what, first, place, value))
        elif kind == STRUCT:
            place = _walk(body, place, what, found)
        elif kind == LIST:
            _, count, place = _list(body, place)
            for _ in range(count):
                place = _walk(body, place, what, found)
        else:
            raise ValueError(f"field {number} is of kind {kind}, no structure nor list")
    return place + 1


def _skip(body: bytes, place: int, kind: int) -> int:
    """Where a value ends."""
    if kind in _INTEGERS:
        while body[place] >= 0x80:
            place += 1
        return place + 1
    if kind == BINARY:
        length, place = _varint(body, place)
        return place + length
    if kind in (TRUE, FALSE):
        return place
    if kind == STRUCT:
        while head := body[place]:
            place += 1
            if head < 0x10:
                _, place = _varint(body, place)
            place = _skip(body, place, head & 0x0F)
        return place + 1
    if kind == LIST:
        kind, count, place = _list(body, place)
        if kind in (TRUE, FALSE, BYTE):
            return place + count
        if kind == BINARY:
            for _ in range(count):
                length, place = _varint(body, place)
                place += length
            return place
        for _ in range(count):
            place = _skip(body, place, kind)
        return place
    if kind == BYTE:
        return place + 1
    if kind == DOUBLE:
        return place + 8
    raise ValueError(f"kind {kind} is none that Parquet has")


def _list(body: bytes, place: int) -> tuple[int, int, int]:
    """Kind and number of the values of a list, and where they begin."""
    head = body[place]
    if head < 0xF0:
        return head & 0x0F, head >> 4, place + 1
    count, place = _varint(body, place + 1)
    return head & 0x0F, count, place


def _integer(body: bytes, place: int) -> tuple[int, int]:
    number, place = _varint(body, place)
    return (number >> 1) ^ -(number & 1), place


def _varint(body: bytes, place: int) -> tuple[int, int]:
    number, place = body[place], place + 1
    if number < 0x80:
        return number, place
    number &= 0x7F
    shift = 7
    while True:
        byte = body[place]
        place += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, place
        shift += 7
