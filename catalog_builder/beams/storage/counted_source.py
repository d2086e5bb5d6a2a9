"""Counts what is read of granules: requests and bytes, for what reading many of them will take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from catalog_builder.beams.storage.byte_source import ByteSource
from catalog_builder.forks import Lock


class Traffic:
    """Requests and bytes so far; may be added to from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.requests = 0
        """Requests for ranges, and one for each object that was looked up."""
        self.bytes = 0
        """Bytes of the ranges that came."""

    def add(self, count: int, requests: int = 1) -> None:
        """Count requests and the bytes that they brought."""
        with self._lock:
            self.requests += requests
            self.bytes += count


_counting: ContextVar[Traffic | None] = ContextVar("counting", default=None)


@contextmanager
def counted_traffic() -> Iterator[Traffic]:
    """Count what is read of the sources that this thread opens meanwhile."""
    traffic = Traffic()
    before = _counting.set(traffic)
    try:
        yield traffic
    finally:
        _counting.reset(before)


def count_traffic(count: int, requests: int) -> None:
    """Count bytes and requests of this thread that went past a source."""
    if (traffic := _counting.get()) is not None:
        traffic.add(count, requests)


def counted(source: ByteSource) -> ByteSource:
    """The same source, counted where someone counts: see :func:`counted_traffic`."""
    traffic = _counting.get()
    if traffic is None:
        return source
    traffic.add(0)  # it was looked up
    return CountedSource(source, traffic)


class CountedSource:
    """A source whose reads are counted, in whatever thread."""

    def __init__(self, source: ByteSource, traffic: Traffic) -> None:
        """Nothing is read."""
        self._source = source
        self._traffic = traffic
        self.href, self.size, self.etag = source.href, source.size, source.etag

    def read(self, start: int, stop: int) -> bytes:
        """The bytes from ``start`` to before ``stop``."""
        data = self._source.read(start, stop)
        self._traffic.add(len(data))
        return data

    def close(self) -> None:
        """Release connections; may be called twice."""
        self._source.close()
