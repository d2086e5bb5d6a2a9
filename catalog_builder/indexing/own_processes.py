"""Worker processes of our own: started with this process's login, and killed where that is asked.

None sees Ctrl-C, which a terminal sends to all processes at once: their parent decides. Each ends
when its parent does, however that ends.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

from catalog_builder.auth.earthdata import bearer_token
from catalog_builder.auth.login import HandedToken, Login


def usable_cores() -> int:
    """Cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        return os.cpu_count() or 1


@contextmanager
def own_processes(count: int, *, login: bool) -> Iterator[ProcessPoolExecutor]:
    """Start worker processes; after an error or an interruption they are killed.

    With ``login`` they are handed this process's token. They are spawned: a forked process would
    lack the threads of HDF5 and of the object stores.
    """
    from multiprocessing import get_context

    token = HandedToken(bearer_token(), Login.find().source) if login else None
    pool = _UninterruptedPool(count, get_context("spawn"), _begin, (token,))
    try:
        yield pool
    except BaseException:
        # To wait for scans under way would take seconds, or minutes where a network hangs.
        # Python 3.14 has kill_workers() for this.
        for process in list((pool._processes or {}).values()):
            process.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


class _UninterruptedPool(ProcessPoolExecutor):
    """Its processes never see SIGINT, not even while they start."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Submit; this may start a process, which inherits what is blocked here."""
        if not hasattr(signal, "pthread_sigmask"):  # Windows
            return super().submit(fn, *args, **kwargs)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return super().submit(fn, *args, **kwargs)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(token: HandedToken | None) -> None:
    """Set up a worker process: it takes the token, and ends when its parent does."""
    import multiprocessing
    from multiprocessing.connection import wait

    if token is not None:
        token.take_up()
    parent = multiprocessing.parent_process()
    assert parent is not None
    if not hasattr(signal, "pthread_sigmask"):
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)  # else it would wait for work for ever after its parent was killed

    threading.Thread(target=watch, daemon=True).start()
