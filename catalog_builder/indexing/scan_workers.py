"""Scans many granules on an executor's workers, and goes on when workers die.

A task holds no secret, only the addresses of a granule and where keys come from. Processes started
here are handed this process's token when they start, after it has been tried. Workers of a
caller's executor log in with the credentials of their own machine.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import (
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from contextlib import contextmanager
from itertools import groupby
from queue import SimpleQueue
from typing import Final

from catalog_builder.auth.earthdata import bearer_token
from catalog_builder.auth.login import HandedToken, Login
from catalog_builder.errors import WorkersLostError
from catalog_builder.indexing.scan_task import (
    NO_LOGIN,
    FailedGranule,
    Outcome,
    ScanTask,
    describe_error,
    scan_granule,
)

_MOST_UNDER_WAY: Final = 256
"""Granules handed to a caller's executor at a time, by default: enough to keep a cluster busy."""

_TRIES: Final = 3
"""Times that a granule whose worker died is scanned before it is given up."""


def scan_all(
    tasks: Iterator[ScanTask],
    *,
    executor: Executor | None = None,
    jobs: int | None = None,
    finished: Callable[[Outcome], None] | None = None,
) -> Generator[Outcome, None, None]:
    """Scan granules, and yield the outcome of each, in any order.

    ``executor`` is not shut down. Without one, ``jobs`` processes are started (by default one a
    core); a granule whose process died is tried again in another. Close the generator to end
    early: no more granules are begun. Then, and also where an error or Ctrl-C ends the scan,
    ``finished`` is called with every outcome that was not yielded, and once more with the last
    one that was.

    This process logs in first, and hands its own processes the token. Workers of another machine
    get one granule, and more only when its outcome is there: a refused login is sent once.

    Raises an :class:`~catalog_builder.errors.EarthdataError` as soon as a login is missing or
    refused, and :class:`~catalog_builder.errors.WorkersLostError` where ``executor`` broke down.
    """
    running: _Running = {}
    try:
        yield from _scan_all(tasks, executor, jobs, running)
    finally:
        for future in running:
            if finished is not None and _succeeded(future):
                finished(future.result())


_Running = dict[Future[Outcome], ScanTask]
"""Tasks handed to workers. One is removed when the caller, with its outcome, asks for the next."""


def _succeeded(future: Future[Outcome]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None


def _scan_all(
    tasks: Iterator[ScanTask], executor: Executor | None, jobs: int | None, running: _Running
) -> Generator[Outcome, None, None]:
    """Scan on an executor, or else in processes."""
    if executor is not None:
        lost = yield from _run_on(executor, tasks, jobs or _MOST_UNDER_WAY, running)
        if lost:
            raise WorkersLostError(
                f"The workers are gone, with {len(lost)} granules under way (the first: "
                f"{lost[0].granule}). Start again: what was indexed is kept."
            )
        return
    hosts = 0

    def needs_login(task: ScanTask) -> bool:
        """Whether this task or an earlier one does: from then on processes get a token."""
        nonlocal hosts
        hosts += _login_host(task) is not None
        return hosts > 0

    for login, some in groupby(_logged_in(tasks), needs_login):
        yield from _scan_in_processes(some, jobs or os.cpu_count() or 1, running, login=login)


def _scan_in_processes(
    tasks: Iterator[ScanTask], jobs: int, running: _Running, *, login: bool
) -> Generator[Outcome, None, None]:
    """Scan in processes of our own, which are handed a token where they need a login."""
    while True:
        with _processes(jobs, login=login) as pool:
            # One more than processes, so that the next is there when one is done.
            lost = yield from _run(pool, tasks, jobs + 1, running)
        if not lost:
            return
        for task in lost:  # each alone: the process may have died of another task
            yield from _retry(task, running, login=login)


def _run_on(
    executor: Executor, tasks: Iterator[ScanTask], at_once: int, running: _Running
) -> Generator[Outcome, None, list[ScanTask]]:
    """Scan on the caller's executor."""
    if isinstance(executor, ThreadPoolExecutor):
        return (yield from _run(executor, _logged_in(tasks), at_once, running))
    for task in tasks:
        lost = yield from _run(executor, iter([task]), 1, running)
        if lost or _login_host(task) is not None:
            break
    else:
        return []
    return lost or (yield from _run(executor, tasks, at_once, running))


def _logged_in(tasks: Iterator[ScanTask]) -> Iterator[ScanTask]:
    """The same tasks, logged in at the host of each before it is the first of that host."""
    from catalog_builder.beams.storage.logging_in import log_in

    hosts: set[str | None] = {None}
    for task in tasks:
        if (host := _login_host(task)) not in hosts:
            log_in(task.links, task.access)
            hosts.add(host)
        yield task


def _login_host(task: ScanTask) -> str | None:
    from catalog_builder.beams.storage.logging_in import login_host

    return login_host(task.links, task.access)


def _retry(task: ScanTask, running: _Running, *, login: bool) -> Iterator[Outcome]:
    for _ in range(_TRIES - 1):
        with _processes(1, login=login) as pool:
            lost = yield from _run(pool, iter([task]), 1, running)
        if not lost:
            return
    error = f"Its worker died each of {_TRIES} times: killed, out of memory, or crashed."
    yield FailedGranule(granule=task.granule, error=error)


def _run(
    executor: Executor, tasks: Iterator[ScanTask], at_once: int, running: _Running
) -> Generator[Outcome, None, list[ScanTask]]:
    """Scan on an executor until there are no more tasks or no more workers.

    Returns the tasks whose workers are gone.
    """
    done: SimpleQueue[Future[Outcome]] = SimpleQueue()
    lost: list[ScanTask] = []
    try:
        while True:
            while not lost and len(running) < at_once and (task := next(tasks, None)) is not None:
                try:
                    future = executor.submit(scan_granule, task)
                except BrokenExecutor:
                    lost.append(task)
                else:
                    running[future] = task
                    future.add_done_callback(done.put)
            if not running:
                return lost
            future = done.get()
            task = running[future]
            try:
                outcome = future.result()
            except (BrokenExecutor, CancelledError):
                lost.append(task)
            except NO_LOGIN:
                raise
            except Exception as error:  # such as dask's KilledWorker, after its own retries
                yield FailedGranule(granule=task.granule, error=describe_error(error))
            else:
                yield outcome
            del running[future]
    finally:
        for future in running:
            future.cancel()


@contextmanager
def _processes(count: int, *, login: bool) -> Iterator[ProcessPoolExecutor]:
    """Start worker processes; on leaving, wait for the running tasks and cancel the others.

    They are spawned: a forked process would lack the threads of HDF5 and of the object stores.
    """
    from multiprocessing import get_context

    token = HandedToken(bearer_token(), Login.find().source) if login else None
    pool = ProcessPoolExecutor(count, get_context("spawn"), _begin, (token,))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(token: HandedToken | None) -> None:
    """Set up a worker process: it ignores Ctrl-C, and ends when its parent does."""
    import multiprocessing
    import signal
    from multiprocessing.connection import wait

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if token is not None:
        token.take_up()
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)  # else it would wait for work for ever after its parent was killed

    threading.Thread(target=watch, daemon=True).start()
