"""Records that lie in a file: half a million of them cost the stand-in a few columns.

A page of them is bytes of the file, joined; nothing is parsed to be written again.
"""

from __future__ import annotations

import mmap
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final, overload

import numpy as np
import orjson
from numpy.typing import NDArray

from earthdata_standin.columns import Columns

Record = dict[str, Any]

_FORMAT: Final = 1
"""Of the columns that are kept beside a file."""

_SLICE: Final = 64 * 2**20


class StoredRecords(Sequence[Record]):
    """Records by their JSON text."""

    @abstractmethod
    def line(self, row: int) -> bytes:
        """A record as JSON, without a line end."""

    @property
    @abstractmethod
    def columns(self) -> Columns:
        """What the records are searched by."""

    @overload
    def __getitem__(self, row: int) -> Record: ...
    @overload
    def __getitem__(self, row: slice) -> list[Record]: ...
    def __getitem__(self, row: int | slice) -> Record | list[Record]:
        if isinstance(row, slice):
            return [self[each] for each in range(*row.indices(len(self)))]
        if not -len(self) <= row < len(self):
            raise IndexError(row)
        record: Record = orjson.loads(self.line(row % len(self)))
        return record


class RecordFile(StoredRecords):
    """Granule records of a JSON-lines file, ``{"meta", "umm"}`` a line."""

    def __init__(self, path: Path) -> None:
        """The file must stay as it is, and must not be empty."""
        self._path = path
        with path.open("rb") as file:
            self._text = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._starts = _line_starts(self._text)

    def __len__(self) -> int:
        return len(self._starts) - 1

    def line(self, row: int) -> bytes:
        """A record as JSON, without a line end."""
        return self._text[self._starts[row] : self._starts[row + 1] - 1]

    @cached_property
    def columns(self) -> Columns:
        """What the records are searched by; kept beside the file, as reading it takes a while."""
        kept = self._path.with_suffix(".columns.npz")
        about = self._path.stat()
        stamp = [_FORMAT, about.st_size, about.st_mtime_ns]
        columns = Columns.load(kept, stamp)
        if columns is None:
            columns = Columns.of_granules(self)
            columns.save(kept, stamp)
        return columns


class ChangedRecords(StoredRecords):
    """Other records with some replaced, removed and added; the others stay where they are."""

    def __init__(
        self,
        records: StoredRecords,
        *,
        replaced: Mapping[int, Record],
        removed: Iterable[int],
        added: Iterable[Record],
    ) -> None:
        """``replaced`` and ``removed`` are by row; those added come last."""
        self._records = records
        own = [*replaced.values(), *added]
        self._lines = [orjson.dumps(record) for record in own]
        self._own = Columns.of_granules(own)
        # A place is a row of theirs, or, from their length on, one of our own.
        place = np.arange(len(records) + len(own), dtype=np.intp)
        place[list(replaced)] = len(records) + np.arange(len(replaced))
        gone = [*removed, *range(len(records), len(records) + len(replaced))]
        self._place: NDArray[np.intp] = np.delete(place, gone)

    def __len__(self) -> int:
        return len(self._place)

    def line(self, row: int) -> bytes:
        """A record as JSON, without a line end."""
        place = int(self._place[row])
        count = len(self._records)
        return self._records.line(place) if place < count else self._lines[place - count]

    @cached_property
    def columns(self) -> Columns:
        """What the records are searched by."""
        return self._records.columns.followed_by(self._own).taken(self._place)


def _line_starts(text: mmap.mmap) -> list[int]:
    """Where each line starts, and the end of the last."""
    whole = np.frombuffer(text, dtype=np.uint8)
    ends = [
        np.flatnonzero(whole[start : start + _SLICE] == ord("\n")) + start + 1
        for start in range(0, len(whole), _SLICE)
    ]
    starts = [0, *np.concatenate(ends).tolist()]
    if starts[-1] != len(whole):
        starts.append(len(whole) + 1)  # the last line does not end
    return starts
