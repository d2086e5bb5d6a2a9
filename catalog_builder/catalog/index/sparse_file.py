"""A remote file of which only some parts were fetched, read like a whole one."""

from __future__ import annotations

import io
import os
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Final

Span = tuple[int, int]
"""First byte, and the one after the last one."""

GAP: Final = 64 * 2**10
"""Spans that are at most this many bytes apart are fetched in one request."""

PART: Final = 4 * 2**20
"""Most bytes of a request: several requests at a time are faster than one."""


def merged(spans: Iterable[Span], *, gap: int = GAP, part: int = PART) -> list[Span]:
    """The spans to request: near ones are joined, long ones split; sorted.

    Each of ``spans`` lies within adjacent spans of the result.
    """
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start - joined[-1][1] <= gap:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    parts: list[Span] = []
    for start, end in joined:
        count = max(-(-(end - start) // part), 1)
        cuts = [start + (end - start) * number // count for number in range(count + 1)]
        parts += pairwise(cuts)
    return parts


class SparseFile(io.RawIOBase):
    """A file of pieces, given by the byte that each begins at; reading elsewhere is an error."""

    def __init__(self, pieces: Mapping[int, bytes]) -> None:
        self._starts = sorted(pieces)
        self._pieces = [pieces[start] for start in self._starts]
        self._size = self._starts[-1] + len(self._pieces[-1]) if pieces else 0
        self._at = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Position of the next read."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Set the position of the next read; the file ends with its last piece."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = base + offset
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Read bytes, fewer only at the end. Raises OSError for bytes that were not fetched."""
        end = self._size if size < 0 else min(self._at + size, self._size)
        found = []
        while self._at < end:
            number = bisect_right(self._starts, self._at) - 1
            within = self._at - self._starts[number]
            if number < 0 or within >= len(self._pieces[number]):
                raise OSError(f"Byte {self._at} was not fetched.")
            found.append(self._pieces[number][within : within + end - self._at])
            self._at += len(found[-1])
        return found[0] if len(found) == 1 else b"".join(found)
