"""Columns of row groups that were read, kept for the next search as far as they fit."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from catalog_builder.forks import Lock, in_forked_child

if TYPE_CHECKING:
    import pyarrow as pa

    Key = tuple[int, str]


class ColumnCache:
    """The columns used last, by row group and name; safe to use from several threads."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        """The most bytes kept."""
        self._columns: OrderedDict[Key, pa.ChunkedArray] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()
        in_forked_child(self._count)

    def _count(self) -> None:
        """In a forked child: the parent may have been between a column and its bytes."""
        self._bytes = sum(column.nbytes for column in self._columns.values())

    def get(self, key: Key) -> pa.ChunkedArray | None:
        """A column; None where it is not kept."""
        with self._lock:
            column = self._columns.get(key)
            if column is not None:
                self._columns.move_to_end(key)
            return column

    def put(self, key: Key, column: pa.ChunkedArray) -> None:
        """Keep a column, and drop those not used for the longest time."""
        with self._lock:
            if key in self._columns or column.nbytes > self.capacity:
                return
            self._columns[key] = column
            self._bytes += column.nbytes
            while self._bytes > self.capacity:
                _, oldest = self._columns.popitem(last=False)
                self._bytes -= oldest.nbytes

    @property
    def bytes(self) -> int:
        """Bytes of the columns kept."""
        return self._bytes
