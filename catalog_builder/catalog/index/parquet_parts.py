"""Row groups of Parquet files, put together to one file byte for byte.

A row group is a stretch of bytes, and the footer at the end of a file says where in it each column
lies. So groups can be made one by one, side by side, or be taken from an older file as they are:
only the places in the footer change. pyarrow has no way to do that without decoding.

The footer is a ``FileMetaData``; the numbers of its fields are from
https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from catalog_builder.catalog.index.thrift_compact import (
    I64,
    LIST,
    STRUCT,
    Found,
    Wanted,
    find,
    integer,
    list_head,
    list_length,
    replaced,
)
from catalog_builder.errors import CatalogError
from catalog_builder.forks import Lock

_MAGIC: Final = b"PAR1"
_TAIL: Final = 8
"""Bytes after the footer: its length, and the magic."""

_FOOTER: Final = {2: "schema", 3: "rows", 4: "groups"}
"""Fields of ``FileMetaData``."""

_CHUNK_META: Final[Wanted] = {9: "offset", 10: "offset", 11: "offset", 14: "elsewhere"}
_CHUNK: Final[Wanted] = {2: "offset", 3: _CHUNK_META, 4: "elsewhere", 6: "elsewhere"}
_GROUP: Final[Wanted] = {1: _CHUNK, 3: "rows", 5: "begin", 6: "size", 7: "ordinal"}
"""Fields of ``RowGroup``, of its ``ColumnChunk`` and their ``ColumnMetaData``. An offset of 0 says
nothing; elsewhere, apart from the columns, lie page indexes and Bloom filters."""


@dataclass(frozen=True, slots=True)
class Common:
    """What a footer says besides row groups: schema, metadata, and who wrote it."""

    before: bytes
    after: bytes


@dataclass(frozen=True, slots=True)
class Group:
    """A RowGroup."""

    text: bytes
    fields: list[Found]
    """Those of its fields that are looked at, in their order."""

    def number(self, name: str) -> int:
        """The value of a field that it has once."""
        return next(one.value for one in self.fields if one.name == name)

    def moved(self, place: int, ordinal: int) -> bytes:
        """The RowGroup where it begins at a place of a file."""
        by = place - self.number("begin")
        moved = [
            (one, ordinal if one.name == "ordinal" else one.value + by)
            for one in self.fields
            if one.name == "ordinal" or (one.name in ("offset", "begin") and one.value)
        ]
        return replaced(self.text, moved)


@dataclass(frozen=True, slots=True)
class Part:
    """A row group and its bytes."""

    common: Common
    group: Group
    body: bytes

    @property
    def rows(self) -> int:
        """How many there are."""
        return self.group.number("rows")


class PartedFile:
    """A Parquet file, group by group."""

    def __init__(self, file: BinaryIO) -> None:
        """Reads the footer.

        Raises :class:`~catalog_builder.errors.CatalogError` for a file that is none, or whose
        groups have more than their columns: no index of ours has.
        """
        self._file, self._lock = file, Lock()
        end = file.seek(0, os.SEEK_END) - _TAIL
        try:
            length = int.from_bytes(self._read(end, 4), "little")
            footer = self._read(end - length, length)
            (schema, _, groups), _ = find(footer, _FOOTER)
            self.common = Common(footer[: schema.end], footer[groups.end :])
            self._groups = list(_groups(footer[groups.first : groups.end]))
        except (ValueError, IndexError, OSError) as error:
            raise CatalogError(f"The Parquet file cannot be taken apart: {error}.") from error

    def __len__(self) -> int:
        return len(self._groups)

    def part(self, number: int) -> Part:
        """One of the groups, with its bytes."""
        group = self._groups[number]
        return Part(self.common, group, self._read(group.number("begin"), group.number("size")))

    def _read(self, first: int, size: int) -> bytes:
        with self._lock:
            self._file.seek(first)
            return self._file.read(size)


def join(parts: Iterable[Part], out: BinaryIO) -> int:
    """Write a file of these row groups, in their order; returns how many rows it has.

    Raises :class:`~catalog_builder.errors.CatalogError` where there are none, or the parts are of
    different makes.
    """
    place = out.write(_MAGIC)
    rows, common = 0, None
    groups: list[bytes] = []
    for part in parts:
        if common not in (None, part.common):
            raise CatalogError("Row groups of different makes cannot be one Parquet file.")
        common = part.common
        groups.append(part.group.moved(place, len(groups)))
        place += out.write(part.body)
        rows += part.rows
    if common is None:
        raise CatalogError("A Parquet file of no row groups is none that we write.")
    one_further = 1 << 4
    footer = b"".join(
        (
            common.before,
            bytes([one_further | I64]),
            integer(rows),
            bytes([one_further | LIST]),
            list_head(STRUCT, len(groups)),
            *groups,
            common.after,
        )
    )
    out.write(footer + len(footer).to_bytes(4, "little") + _MAGIC)
    return rows


def _groups(text: bytes) -> Iterator[Group]:
    """The row groups in a list of them."""
    count, place = list_length(text)
    for _ in range(count):
        fields, end = find(text, _GROUP, place)
        if any(one.name == "elsewhere" for one in fields):
            raise ValueError("it has page indexes or filters")
        yield Group(text[place:end], [one.further(-place) for one in fields])
        place = end
