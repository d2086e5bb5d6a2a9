"""The worker processes of a build."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from typing import Self, TypeVar

from catalog_builder.forks import Lock

Made = TypeVar("Made")


class Workers:
    """Runs tasks, in this process if there are few, else in processes started when needed."""

    def __init__(self, jobs: int) -> None:
        """``jobs`` is the number of processes."""
        self._jobs = jobs
        self._pool: Executor | None = None
        self._lock = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    @property
    def limit(self) -> int:
        """Most tasks that may be running or waiting."""
        return self._jobs if self._pool is not None else 0

    def submit(self, work: Callable[..., Made], *arguments: object, few: bool) -> Future[Made]:
        """Run a task; ``few``: there are too few tasks to start processes for."""
        with self._lock:
            if self._pool is None and self._jobs > 1 and not few:
                self._pool = ProcessPoolExecutor(
                    self._jobs, multiprocessing.get_context("spawn"), _begin
                )
        if self._pool is not None:
            return self._pool.submit(work, *arguments)
        done: Future[Made] = Future()
        done.set_result(work(*arguments))
        return done


def _begin() -> None:
    """Set up a worker process: to use little memory, ignore Ctrl-C, and end with its parent."""
    # A page is a hundred thousand small objects without cycles: with garbage collection a build
    # takes 7 % more CPU.
    gc.disable()
    sys.meta_path.insert(0, _NoPandas())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class _NoPandas:
    """Hides pandas from ``import``.

    pyarrow imports pandas, if installed, to recognise its types, which a build does not use. With
    it the processes of a build take about 70 MB more, a fifth.
    """

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name=name)
