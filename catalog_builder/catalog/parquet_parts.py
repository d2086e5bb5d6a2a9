"""Row groups of Parquet files, put together to one file byte for byte.

A row group is a stretch of bytes, and the footer at the end of a file says where in it each column
lies. So groups can be made one by one, side by side, or be taken from an older file as they are:
only the places in the footer change. pyarrow has no way to do that without decoding.

The footer is a ``FileMetaData``; the numbers of its fields are from
https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from typing import BinaryIO, Final, NamedTuple

from catalog_builder.catalog.thrift_compact import (
    I16,
    I64,
    LIST,
    STRUCT,
    Elements,
    Field,
    Struct,
    read_struct,
    write_struct,
)
from catalog_builder.errors import CatalogError

_MAGIC: Final = b"PAR1"
_TAIL: Final = 8
"""Bytes after the footer: its length, and the magic."""

# FileMetaData
_NUM_ROWS, _ROW_GROUPS = 3, 4
# RowGroup
_COLUMNS, _GROUP_ROWS, _GROUP_OFFSET, _GROUP_SIZE, _ORDINAL = 1, 3, 5, 6, 7
# ColumnChunk
_CHUNK_OFFSET, _META_DATA = 2, 3
_PAGE_INDEXES = frozenset((4, 6))
# ColumnMetaData
_PAGE_OFFSETS = (9, 10, 11)
_BLOOM_FILTER = 14


class Part(NamedTuple):
    """A row group and its bytes."""

    common: bytes
    """What the footer says besides row groups: schema, metadata, and who wrote it."""
    group: Struct
    """RowGroup, with the places that it has in the file that it is from."""
    body: bytes

    @property
    def rows(self) -> int:
        """How many there are."""
        return int(self.group[_GROUP_ROWS].value)


class PartedFile:
    """A Parquet file, group by group."""

    def __init__(self, file: BinaryIO) -> None:
        """Reads the footer.

        Raises :class:`~catalog_builder.errors.CatalogError` for a file that is none, or whose
        groups have more than their columns: no index of ours has.
        """
        self._file, self._lock = file, threading.Lock()
        end = file.seek(0, os.SEEK_END) - _TAIL
        try:
            length = int.from_bytes(self._read(end, 4), "little")
            footer = read_struct(self._read(end - length, length))
            groups: Elements = footer.pop(_ROW_GROUPS).value
            del footer[_NUM_ROWS]
            if any(map(_has_more, groups.values)):
                raise ValueError("it has page indexes or filters")
        except (ValueError, LookupError, AttributeError) as error:
            raise CatalogError(f"The Parquet file cannot be taken apart: {error}.") from error
        self.common = write_struct(footer)
        self._groups: list[Struct] = groups.values

    def __len__(self) -> int:
        return len(self._groups)

    def part(self, number: int) -> Part:
        """One of the groups, with its bytes."""
        group = self._groups[number]
        first, size = group[_GROUP_OFFSET].value, group[_GROUP_SIZE].value
        return Part(self.common, group, self._read(first, size))

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
    rows, common = 0, b""
    groups: list[bytes] = []
    for part in parts:
        if groups and part.common != common:
            raise CatalogError("Row groups of different makes cannot be one Parquet file.")
        common = part.common
        groups.append(write_struct(_moved(part.group, place, len(groups))))
        place += out.write(part.body)
        rows += part.rows
    if not groups:
        raise CatalogError("A Parquet file of no row groups is none that we write.")
    footer = read_struct(common)
    footer[_NUM_ROWS] = Field(I64, rows)
    footer[_ROW_GROUPS] = Field(LIST, Elements(STRUCT, groups))
    body = write_struct(dict(sorted(footer.items())))
    out.write(body + len(body).to_bytes(4, "little") + _MAGIC)
    return rows


def _moved(group: Struct, place: int, ordinal: int) -> Struct:
    """The RowGroup where it begins at a place of the file."""
    by = place - group[_GROUP_OFFSET].value
    columns: Elements = group[_COLUMNS].value
    moved = dict(group)
    moved[_COLUMNS] = Field(LIST, Elements(STRUCT, [_moved_chunk(c, by) for c in columns.values]))
    moved[_GROUP_OFFSET] = Field(I64, place)
    if _ORDINAL in group:
        moved[_ORDINAL] = Field(I16, ordinal)
    return moved


def _moved_chunk(chunk: Struct, by: int) -> Struct:
    """The ColumnChunk, further back by some bytes."""
    moved = dict(chunk)
    if offset := chunk[_CHUNK_OFFSET].value:  # writers may leave it at 0
        moved[_CHUNK_OFFSET] = Field(I64, offset + by)
    meta = dict(chunk[_META_DATA].value)
    for number in _PAGE_OFFSETS:
        if number in meta:
            meta[number] = Field(I64, meta[number].value + by)
    moved[_META_DATA] = Field(STRUCT, meta)
    return moved


def _has_more(group: Struct) -> bool:
    """Whether there is more of a group in its file than the columns themselves."""
    columns: Elements = group[_COLUMNS].value
    return any(
        chunk.keys() & _PAGE_INDEXES or _BLOOM_FILTER in chunk[_META_DATA].value
        for chunk in columns.values
    )
