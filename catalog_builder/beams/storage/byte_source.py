"""The bytes of one stored granule, by range, and a file made of them for h5py."""

from __future__ import annotations

import gc
import io
import os
import time
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

from catalog_builder.errors import AccessError
from catalog_builder.forks import Lock, in_forked_child, keep

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
        """The bytes from ``start`` to before ``stop``, for several threads at once.

        Raises an error of this package.
        """

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
    turn, for ever. What is fetched ahead may be waited for in a moment: it counts from when it is
    asked for.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._inside = 0
        self._was_enabled = False
        in_forked_child(self._leave_all)

    def _leave_all(self) -> None:
        """In a forked child: who was inside in the parent is not here."""
        if self._inside and self._was_enabled:
            gc.enable()
        self._inside = 0

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


AHEAD = 4
"""Blocks asked for beyond the one that is read, at most, and a quarter of those kept at most.

In blocks of 4 MiB behind 30 ms latency, 0, 4 and 8 ahead: four variables of a strong beam in 3.4,
2.2 and 2.4 s (release 006) and 2.8, 1.6 and 1.5 s (007), 122, 130 and 143 MB (006) moved.
"""


class BlockFile(io.RawIOBase):
    """A read-only file over a source, which keeps the blocks last read in memory.

    Where one block is read after the other, those that follow are asked for meanwhile: first one,
    then twice as many at each step, up to :data:`AHEAD`. For one thread at a time, as h5py uses
    it.
    """

    def __init__(self, source: ByteSource, *, block_size: int, blocks: int) -> None:
        super().__init__()
        self._source = source
        self._block_size = block_size
        self._blocks = blocks
        self._count = -(-source.size // block_size)
        self._position = 0
        self._begin()
        in_forked_child(self._begin_anew)

    def _begin(self) -> None:
        """Without a block."""
        self._kept: OrderedDict[int, Future[bytes]] = OrderedDict()
        self._pool = ThreadPoolExecutor(1 + AHEAD, "block-file")
        self._untouched: set[int] = set()
        self._ahead = 0

    def __repr__(self) -> str:
        """The address: h5py calls the file by it."""
        return self._source.href

    def _begin_anew(self) -> None:
        """In a forked child: no thread of the parent's pool will ever bring what it was to."""
        keep((self._pool, self._kept))
        self._begin()

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
        self._look_ahead(number)
        self._kept.move_to_end(number)
        while len(self._kept) > self._blocks:
            old, coming = self._kept.popitem(last=False)
            self._untouched.discard(old)
            coming.cancel()
        with _garbage_held:
            try:
                return self._kept[number].result()
            except BaseException:
                del self._kept[number]  # the next read asks again
                raise

    def _look_ahead(self, number: int) -> None:
        """Ask for a block, and for those that will follow if reading goes on as it did."""
        if number in self._untouched:
            self._untouched.discard(number)
            self._ahead = min(2 * self._ahead, AHEAD, self._blocks // 4)
        elif number not in self._kept:
            self._ahead = min(1, self._blocks // 4) if number - 1 in self._kept else 0
            self._ask(number)
        else:
            return
        for each in range(number + 1, min(number + 1 + self._ahead, self._count)):
            if each not in self._kept:
                self._ask(each)
                self._untouched.add(each)

    def _ask(self, number: int) -> None:
        """Begin to fetch a block."""
        start = number * self._block_size
        stop = min(start + self._block_size, self._source.size)
        _garbage_held.__enter__()
        coming = self._pool.submit(read_exactly, self._source, start, stop)
        coming.add_done_callback(_garbage_held.__exit__)
        self._kept[number] = coming

    def close(self) -> None:
        """Let go of the blocks and of the source."""
        if not self.closed:
            self._pool.shutdown(cancel_futures=True)
            self._kept.clear()
            self._source.close()
        super().close()
