"""Scans many granules on an executor's workers, and continues when workers die.

A task holds no secret, only the addresses of a granule and where keys come from. Processes started
here are handed this process's token when they start, after it has been tried. Workers of a
caller's executor log in with the credentials of their own machine.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import (
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ThreadPoolExecutor,
)
from itertools import chain, groupby
from queue import Empty, SimpleQueue
from typing import Any, Final

from catalog_builder.errors import WorkersLostError
from catalog_builder.indexing.own_processes import own_processes, usable_cores
from catalog_builder.indexing.scan_task import (
    NO_LOGIN,
    FailedGranule,
    Outcome,
    ScanTask,
    describe_error,
    scan_granule,
)

_MOST_UNDER_WAY: Final = 256
"""Granules handed to a caller's executor at a time where it does not say how many it works on."""

_LOOK: Final = 1.0
"""Seconds without an outcome after which it is looked whether the engine is there at all."""

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

    ``executor`` is not shut down; it is given twice as many granules as it works on at a time,
    or ``jobs``. Without one, ``jobs`` processes are started (by default one a core); a granule
    whose process died is tried again in another. Close the generator to end early: no more
    granules are begun, and processes started here are killed. Then, and also where an error or
    Ctrl-C ends the scan, ``finished`` is called with every outcome that was not yielded, and once
    more with the last one that was.

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


def worker_count(executor: Executor) -> int | None:
    """Granules that an executor works on at a time; None where it does not say."""
    workers = getattr(executor, "_max_workers", None)  # threads, processes, loky
    if isinstance(workers, int):
        return workers
    client: Any = getattr(executor, "_client", None)  # dask.distributed's
    return sum(client.nthreads().values()) if hasattr(client, "nthreads") else None


def _is_closed(executor: Executor) -> bool:
    """Whether a dask client gave up its scheduler.

    It cancels its futures then, but not those whose results were on the way: these stay pending.
    """
    return getattr(getattr(executor, "_client", None), "status", None) == "closed"


def _at_once(executor: Executor) -> int:
    """Granules to hand to an executor at a time: when one is done, the next is there."""
    workers = worker_count(executor)
    if workers is None:
        return _MOST_UNDER_WAY
    # A cluster may grow.
    return max(2 * workers, _MOST_UNDER_WAY if hasattr(executor, "_client") else 0)


def _scan_all(
    tasks: Iterator[ScanTask], executor: Executor | None, jobs: int | None, running: _Running
) -> Generator[Outcome, None, None]:
    """Scan on an executor, or else in processes."""
    if executor is not None:
        lost = yield from _run_on(executor, tasks, jobs or _at_once(executor), running)
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

    for login, some in groupby(logged_in(tasks), needs_login):
        yield from _scan_in_processes(some, jobs or usable_cores(), running, login=login)


def _scan_in_processes(
    tasks: Iterator[ScanTask], jobs: int, running: _Running, *, login: bool
) -> Generator[Outcome, None, None]:
    """Scan in processes of our own, which are handed a token where they need a login.

    Where one dies, all granules under way are lost with it. They are scanned again, and those that
    are lost a second time each alone: one of them may be what kills its process.
    """
    again: list[ScanTask] = []
    while True:
        waiting = iter(again)
        with own_processes(jobs, login=login) as pool:
            # One more than processes, so that the next is there when one is done.
            lost = yield from _run(pool, chain(waiting, tasks), jobs + 1, running)
        if not lost:
            return
        twice = [task for task in lost if task in again]
        again = [*(task for task in lost if task not in twice), *waiting]
        for task in twice:
            yield from _alone(task, running, login=login)


def _run_on(
    executor: Executor, tasks: Iterator[ScanTask], at_once: int, running: _Running
) -> Generator[Outcome, None, list[ScanTask]]:
    """Scan on the caller's executor."""
    if isinstance(executor, ThreadPoolExecutor):
        return (yield from _run(executor, logged_in(tasks), at_once, running))
    first: list[ScanTask] = []

    def without_login() -> Iterator[ScanTask]:
        for task in tasks:
            if _login_host(task) is not None:
                first.append(task)
                return
            yield task

    lost = yield from _run(executor, without_login(), at_once, running)
    lost = lost or (yield from _run(executor, iter(first), 1, running))
    return lost or (yield from _run(executor, tasks, at_once, running))


def logged_in(tasks: Iterator[ScanTask]) -> Iterator[ScanTask]:
    """The same tasks; before the first one of a host, this process logs in there."""
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


def _alone(task: ScanTask, running: _Running, *, login: bool) -> Iterator[Outcome]:
    """Scan a granule that was lost twice."""
    for _ in range(_TRIES - 2):
        with own_processes(1, login=login) as pool:
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
                except (BrokenExecutor, RuntimeError):  # broken, or shut down
                    lost.append(task)
                else:
                    running[future] = task
                    future.add_done_callback(done.put)
            if not running:
                return lost
            try:
                future = done.get(timeout=_LOOK)
            except Empty:
                if _is_closed(executor):
                    lost += [running.pop(one) for one in list(running) if not one.done()]
                continue
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
