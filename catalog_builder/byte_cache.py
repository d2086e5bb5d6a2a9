"""A cache of values, limited by their bytes; the least recently used are dropped first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from catalog_builder.forks import Lock, in_forked_child

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class ByteCache(Generic[Key, Value]):
    """The values used last; safe to use from several threads."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        """The most bytes kept."""
        self._kept: OrderedDict[Key, tuple[Value, int]] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()
        in_forked_child(self._count)

    def _count(self) -> None:
        """In a forked child: the parent may have been between a value and its bytes."""
        self._bytes = sum(size for _, size in self._kept.values())

    def get(self, key: Key) -> Value | None:
        """A value; None where it is not kept."""
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                return None
            self._kept.move_to_end(key)
            return found[0]

    def put(self, key: Key, value: Value, size: int) -> None:
        """Keep a value of so many bytes, and drop those not used for the longest time."""
        with self._lock:
            _, before = self._kept.pop(key, (None, 0))
            self._bytes -= before
            if size > self.capacity:
                return
            self._kept[key] = value, size
            self._bytes += size
            while self._bytes > self.capacity:
                _, (_, oldest) = self._kept.popitem(last=False)
                self._bytes -= oldest

    @property
    def bytes(self) -> int:
        """Bytes of the values kept."""
        return self._bytes
