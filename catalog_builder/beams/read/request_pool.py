"""The threads that fetch and decode: one pool of connections for the whole process.

Reads of many granules share it, so that together they never open more connections than one machine
uses well, and none waits for threads to start.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import Final, TypeVar

from catalog_builder.forks import Lock, in_forked_child, keep

T = TypeVar("T")

CONNECTIONS: Final = min(16, max(8, 4 * (os.cpu_count() or 1)))
"""Requests of one read at a time: four bring as much as one core can inflate."""

ALL_CONNECTIONS: Final = 32
"""Requests of all reads of the process at a time: they wait more than they inflate."""

_STOPS: Final = 1.0
"""Seconds that a read that failed waits for its requests to notice."""


class _RequestPool:
    """Threads, started on demand and kept; a forked child starts its own."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._threads: ThreadPoolExecutor | None = None
        in_forked_child(self._begin_anew)

    def _begin_anew(self) -> None:
        keep(self._threads)
        self._threads = None

    def submit(self, call: Callable[[T], None], argument: T) -> Future[None]:
        with self._lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(ALL_CONNECTIONS, "read-planned")
            return self._threads.submit(call, argument)


_pool: Final = _RequestPool()


def call_each(
    call: Callable[[T], None],
    arguments: Iterable[T],
    failed: threading.Event,
    most: int = CONNECTIONS,
) -> None:
    """Call with each of these, in threads of the pool, at most so many at a time.

    Raises the first error. Then, and where the wait is interrupted, ``failed`` is set, no further
    call is begun, and those under way have a second to end.
    """
    left = iter(arguments)
    running: set[Future[None]] = set()
    until = FIRST_COMPLETED
    try:
        while True:
            for argument in left:
                running.add(_pool.submit(call, argument))
                if len(running) >= most:
                    break
            else:  # nothing is to be begun when one of these ends
                until = FIRST_EXCEPTION
            if not running:
                return
            done, running = wait(running, return_when=until)
            for future in done:
                future.result()
    except BaseException:
        failed.set()
        for future in running:
            future.cancel()
        wait(running, timeout=_STOPS)
        raise
