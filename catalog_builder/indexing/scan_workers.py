"""Runs the scans of many granules in worker processes or on an executor; workers may crash.

Worker processes that are started here are given this process's token, after a login with it has
succeeded. Workers of an executor that the caller gives use the logins of their own machines.
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
    error_sentence,
    scan_granule,
)

_AHEAD: Final = 256
"""Granules that a given executor has at a time: enough that a cluster never waits for more."""

_TRIES: Final = 3
"""Times that a granule is scanned whose worker process crashes."""


def scan_all(
    tasks: Iterator[ScanTask],
    *,
    executor: Executor | None = None,
    jobs: int | None = None,
    finished: Callable[[Outcome], None] | None = None,
) -> Generator[Outcome, None, None]:
    """Scan granules as the workers can take them, and give what comes of each, in any order.

    ``executor`` is not shut down. Without one, ``jobs`` processes are started (by default one a
    core); a granule whose process died is tried again in another. Close the generator to end
    early: no more granules are begun, and ``finished`` is called with what was done until then
    and not given yet, or last. It is also called so before an error, or Ctrl-C, ends it.

    This process logs in first, and hands its own processes the token. Workers that are not of this
    process are given one granule first, and more only when that came back, so that a login which
    is refused is sent once.

    Raises an :class:`~catalog_builder.errors.EarthdataError` as soon as a login is missing or
    refused, and :class:`~catalog_builder.errors.WorkersLostError` where a given executor broke
    down.
    """
    running: _Running = {}
    try:
        yield from _scan_all(tasks, executor, jobs, running)
    finally:
        for future in running:
            if finished is not None and _succeeded(future):
                finished(future.result())


_Running = dict[Future[Outcome], ScanTask]
"""What was handed to workers, until who was given its outcome asks for the next one."""


def _succeeded(future: Future[Outcome]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None


def _scan_all(
    tasks: Iterator[ScanTask], executor: Executor | None, jobs: int | None, running: _Running
) -> Generator[Outcome, None, None]:
    """Scan on an executor, or else in processes."""
    if executor is not None:
        lost = yield from _run_on(executor, tasks, jobs or _AHEAD, running)
        if lost:
            raise WorkersLostError(
                f"The workers are gone, with {len(lost)} granules under way (the first: "
                f"{lost[0].granule}). Start again: what was indexed is kept."
            )
        return
    hosts = 0

    def needs_login(task: ScanTask) -> bool:
        """Whether this task or one before it does: a token is handed over from then on."""
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
            # One more than processes: the next is there when one is done.
            lost = yield from _run(pool, tasks, jobs + 1, running)
        if not lost:
            return
        for task in lost:  # alone, so that none is blamed for another's end
            yield from _retry(task, running, login=login)


def _run_on(
    executor: Executor, tasks: Iterator[ScanTask], ahead: int, running: _Running
) -> Generator[Outcome, None, list[ScanTask]]:
    """Scan on an executor that is given."""
    if isinstance(executor, ThreadPoolExecutor):
        return (yield from _run(executor, _logged_in(tasks), ahead, running))
    for task in tasks:
        lost = yield from _run(executor, iter([task]), 1, running)
        if lost or _login_host(task) is not None:
            break
    else:
        return []
    return lost or (yield from _run(executor, tasks, ahead, running))


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
    executor: Executor, tasks: Iterator[ScanTask], ahead: int, running: _Running
) -> Generator[Outcome, None, list[ScanTask]]:
    """Scan on an executor until there are no more tasks or no more workers.

    Returns the tasks whose workers are gone.
    """
    done: SimpleQueue[Future[Outcome]] = SimpleQueue()
    lost: list[ScanTask] = []
    try:
        while True:
            while not lost and len(running) < ahead and (task := next(tasks, None)) is not None:
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
                yield FailedGranule(granule=task.granule, error=error_sentence(error))
            else:
                yield outcome
            del running[future]
    finally:
        for future in running:
            future.cancel()


@contextmanager
def _processes(count: int, *, login: bool) -> Iterator[ProcessPoolExecutor]:
    """Worker processes of our own. On leaving, what they are at is waited for, no more is begun.

    Not forked: the threads of HDF5 and of the object stores would not come along.
    """
    from multiprocessing import get_context

    token = HandedToken(bearer_token(), Login.find().source) if login else None
    pool = ProcessPoolExecutor(count, get_context("spawn"), _begin, (token,))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(token: HandedToken | None) -> None:
    """Set up a worker process: Ctrl-C is its parent's business, whose end is its own."""
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
        os._exit(1)  # a killed parent would leave us waiting for work for ever

    threading.Thread(target=watch, daemon=True).start()
