"""The bytes of one stored granule, by range, and a file made of them for h5py."""

from __future__ import annotations

import gc
import io
import os
import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Protocol

from catalog_builder.errors import AccessError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

TRIES = 3
"""How often a range is asked for that comes back short."""


class ByteSource(Protocol):
    """One stored object that can be read by range."""

    @property
    def href(self) -> str:
        """Its address, as the catalog has it: never a signed one."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def etag(self) -> str | None:
        """What the server calls this version of the object."""

    def read(self, start: int, stop: int) -> bytes:
        """The bytes from ``start`` to before ``stop``; raises an error of this package."""

    def close(self) -> None:
        """Let go of connections; may be called twice."""


def read_exactly(source: ByteSource, start: int, stop: int) -> bytes:
    """Read a range, again where it comes back short, and never return less than was asked for."""
    for tried in range(TRIES):
        time.sleep(0.2 * tried)
        data = source.read(start, stop)
        if len(data) == stop - start:
            return data
    raise AccessError(
        f"{source.href}: asked for bytes {start} to {stop}, got {len(data)} of {stop - start}, "
        f"{TRIES} times. Try again later."
    )


class _GarbageHeld:
    """While any thread is inside, Python collects no cyclic garbage.

    h5py waits for a read while it holds its global lock. Were garbage collected meanwhile, in the
    thread that does the read, and an HDF5 object in it, that thread would wait for this lock in
    turn, for ever.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._was_enabled = False

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._was_enabled = gc.isenabled()
                gc.disable()
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0 and self._was_enabled:
                gc.enable()


_garbage_held = _GarbageHeld()


class BlockFile(io.RawIOBase):
    """A read-only file over a source, which keeps the blocks last read in memory.

    For one thread at a time, as h5py uses it.
    """

    def __init__(self, source: ByteSource, *, block_size: int, blocks: int) -> None:
        super().__init__()
        self._source = source
        self._block_size = block_size
        self._blocks = blocks
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self._position = 0

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a byte, counted from the start, from here or from the end."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._source.size}
        self._position = max(0, base[whence] + offset)
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill a buffer, but for what lies past the end; returns the bytes filled."""
        if self.closed:
            raise ValueError("This granule is closed: open it again to read from it.")
        view = memoryview(buffer).cast("B")
        filled = 0
        wanted = max(0, min(len(view), self._source.size - self._position))
        while filled < wanted:
            number, skip = divmod(self._position, self._block_size)
            piece = self._block(number)[skip : skip + wanted - filled]
            view[filled : filled + len(piece)] = piece
            filled += len(piece)
            self._position += len(piece)
        return filled

    def _block(self, number: int) -> bytes:
        if number in self._kept:
            self._kept.move_to_end(number)
            return self._kept[number]
        start = number * self._block_size
        stop = min(start + self._block_size, self._source.size)
        with _garbage_held:
            self._kept[number] = read_exactly(self._source, start, stop)
        if len(self._kept) > self._blocks:
            self._kept.popitem(last=False)
        return self._kept[number]

    def close(self) -> None:
        """Let go of the blocks and of the source."""
        if not self.closed:
            self._kept.clear()
            self._source.close()
        super().close()
