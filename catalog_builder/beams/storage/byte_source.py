"""A stored granule read by byte range, and a file over it for h5py, with prefetch."""

from __future__ import annotations

import gc
import io
import os
import time
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, Protocol

from catalog_builder.errors import AccessError
from catalog_builder.forks import Lock, in_forked_child, keep

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PIECE: Final = 256 * 1024
"""Bytes of a piece, where an answer is used before its end has arrived."""

RANGE: Final = 4 * 2**20
"""Bytes of a request whose answer is read whole."""

TRIES: Final = 4
"""Attempts in a row that bring nothing more of a range, after which it fails: of blocks of a file,
of downloads and of planned reads."""


def pause(failures: int) -> None:
    """Wait before the next attempt.

    Shorter than :func:`~catalog_builder.transport.retries.repeat` does, whose pauses are for
    servers that turn a request away: this one began to answer.
    """
    time.sleep(0.2 * failures)


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
        """ETag of this version of the object."""

    def read(self, start: int, stop: int) -> bytes:
        """The bytes from ``start`` to before ``stop``; thread-safe.

        Raises errors of this package.
        """

    def close(self) -> None:
        """Release connections; may be called twice."""


def read_exactly(source: ByteSource, start: int, stop: int) -> bytes:
    """Read a whole range; a short answer is requested again, :data:`TRIES` times in all."""
    for failures in range(TRIES):
        pause(failures)
        data = source.read(start, stop)
        if len(data) == stop - start:
            return data
    raise AccessError(
        f"{source.href}: asked for bytes {start} to {stop}, got {len(data)} of {stop - start}, "
        f"{TRIES} times. Try again later."
    )


class _CollectionPaused:
    """Pauses cyclic garbage collection while any thread is inside; avoids a deadlock.

    h5py holds its global lock while it waits for a read. If the thread that does the read
    collected garbage with an HDF5 object in it, it would wait for that lock for ever. A prefetch
    counts from its start on, because h5py may have to wait for it later.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._inside = 0
        self._was_enabled = False
        in_forked_child(self._leave_all)

    def _leave_all(self) -> None:
        """In a forked child: the threads that were inside do not exist."""
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


_collection_paused = _CollectionPaused()


MOST_PREFETCHED = 4
"""Blocks prefetched, at most; and at most a quarter of those kept.

In blocks of 4 MiB behind 30 ms latency, 0, 4 and 8 prefetched: four variables of a strong beam in
3.4, 2.2 and 2.4 s (release 006) and 2.8, 1.6 and 1.5 s (007), 122, 130 and 143 MB (006) moved.
"""


STREAMED = 8
"""Blocks prefetched of a file that is read whole, more or less from its start to its end."""


class BlockFile(io.RawIOBase):
    """A read-only file over a source, which keeps the blocks last read in memory.

    While blocks are read in order, the next ones are prefetched: one at first, then twice as many
    at each step, up to :data:`MOST_PREFETCHED`. Not thread-safe: h5py reads from one thread at a
    time.
    """

    def __init__(self, source: ByteSource, *, block_size: int, blocks: int) -> None:
        super().__init__()
        self._streamed = False
        self._source = source
        self._block_size = block_size
        self._blocks = blocks
        self._count = -(-source.size // block_size)
        self._position = 0
        self._begin()
        in_forked_child(self._begin_anew)

    def _begin(self) -> None:
        """Start without blocks."""
        self._futures: OrderedDict[int, Future[bytes]] = OrderedDict()
        self._pool = ThreadPoolExecutor(STREAMED, "block-file")
        self._untouched: set[int] = set()
        self._fetched: set[int] = set()
        self._prefetch_count = 0

    def __repr__(self) -> str:
        """The address, which h5py takes for the file's name."""
        return self._source.href

    def _begin_anew(self) -> None:
        """In a forked child: the parent's pool has no threads here."""
        keep((self._pool, self._futures))
        self._begin()

    def stream(self) -> None:
        """Prefetch from now on as for a file that is read whole, each block once."""
        self._streamed = True

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
        """Fill a buffer up to the end of the file; returns the bytes filled."""
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
        self._prefetch(number)
        self._futures.move_to_end(number)
        while len(self._futures) > self._blocks:
            old, future = self._futures.popitem(last=False)
            self._untouched.discard(old)
            future.cancel()
        with _collection_paused:
            try:
                return self._futures[number].result()
            except BaseException:
                del self._futures[number]  # the next read asks again
                raise

    def _prefetch(self, number: int) -> None:
        """Start to fetch a block, and the next ones where blocks are read in order."""
        if number in self._untouched:
            self._untouched.discard(number)
            self._prefetch_count = min(
                2 * self._prefetch_count, MOST_PREFETCHED, self._blocks // 4
            )
        elif number not in self._futures:
            self._prefetch_count = min(1, self._blocks // 4) if number - 1 in self._futures else 0
            self._fetch(number)
        else:
            return
        count = STREAMED if self._streamed else self._prefetch_count
        for each in range(number + 1, min(number + 1 + count, self._count)):
            if self._streamed and each in self._fetched:
                continue
            if each not in self._futures:
                self._fetch(each)
                self._untouched.add(each)

    def _fetch(self, number: int) -> None:
        """Start to fetch a block."""
        start = number * self._block_size
        stop = min(start + self._block_size, self._source.size)
        _collection_paused.__enter__()
        future = self._pool.submit(read_exactly, self._source, start, stop)
        future.add_done_callback(_collection_paused.__exit__)
        self._futures[number] = future
        self._fetched.add(number)

    def close(self) -> None:
        """Release the blocks and the source."""
        if not self.closed:
            self._pool.shutdown(cancel_futures=True)
            self._futures.clear()
            self._source.close()
        super().close()
