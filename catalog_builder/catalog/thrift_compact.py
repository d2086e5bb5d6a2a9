"""Thrift's compact protocol, as the footer of a Parquet file is written in it.

What is read is kept as it is, whatever it means: a structure without its Thrift definition is its
fields by their numbers, each with its kind. Maps and sets are not read: Parquet has none.
Specification: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

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

_INTEGERS: Final = (I16, I32, I64)


class Field(NamedTuple):
    """A value with its kind: bool, int, bytes (also of a double), Elements, or Struct.

    A structure may also stand as the bytes that it is written in.
    """

    kind: int
    value: Any


class Elements(NamedTuple):
    """A list: all its values are of one kind."""

    kind: int
    values: list[Any]


Struct = dict[int, Field]
"""Fields by their numbers, in their order."""


def read_struct(body: bytes) -> Struct:
    """The structure that begins the bytes; raises ValueError or IndexError for what is none."""
    place = 0

    def varint() -> int:
        nonlocal place
        number = shift = 0
        while True:
            byte = body[place]
            place += 1
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number
            shift += 7

    def integer() -> int:
        number = varint()
        return (number >> 1) ^ -(number & 1)

    def some(count: int) -> bytes:
        nonlocal place
        place += count
        return body[place - count : place]

    def elements() -> Elements:
        (head,) = some(1)
        kind = head & 0x0F
        count = head >> 4 if head < 0xF0 else varint()
        return Elements(kind, [read[kind]() for _ in range(count)])

    def struct() -> Struct:
        found: Struct = {}
        number = 0
        while (head := some(1)[0]) != 0:
            kind = head & 0x0F
            number = number + (head >> 4) if head >= 0x10 else integer()
            if kind in (TRUE, FALSE):
                found[number] = Field(kind, kind == TRUE)
            elif kind in read:
                found[number] = Field(kind, read[kind]())
            else:
                raise ValueError(f"kind {kind} of field {number} is none that Parquet has")
        return found

    read: dict[int, Callable[[], Any]] = {
        TRUE: lambda: some(1),
        FALSE: lambda: some(1),
        BYTE: lambda: some(1),
        **dict.fromkeys(_INTEGERS, integer),
        DOUBLE: lambda: some(8),
        BINARY: lambda: some(varint()),
        LIST: elements,
        STRUCT: struct,
    }
    return struct()


def write_struct(fields: Struct) -> bytes:
    """The bytes of a structure."""
    out = bytearray()
    _write_struct(fields, out)
    return bytes(out)


def _write_struct(fields: Struct | bytes, out: bytearray) -> None:
    if isinstance(fields, bytes):
        out += fields
        return
    before = 0
    for number, (kind, value) in fields.items():
        if 0 < number - before < 16:
            out.append((number - before) << 4 | kind)
        else:
            out.append(kind)
            _write_integer(number, out)
        before = number
        if kind not in (TRUE, FALSE):
            _write(kind, value, out)
    out.append(0)


def _write(kind: int, value: Any, out: bytearray) -> None:
    if kind in _INTEGERS:
        _write_integer(value, out)
    elif kind == BINARY:
        _write_varint(len(value), out)
        out += value
    elif kind == STRUCT:
        _write_struct(value, out)
    elif kind == LIST:
        count = len(value.values)
        out.append(min(count, 15) << 4 | value.kind)
        if count >= 15:
            _write_varint(count, out)
        for one in value.values:
            _write(value.kind, one, out)
    else:
        out += value


def _write_integer(number: int, out: bytearray) -> None:
    _write_varint(2 * number if number >= 0 else -2 * number - 1, out)


def _write_varint(number: int, out: bytearray) -> None:
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
