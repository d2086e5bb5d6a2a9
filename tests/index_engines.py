"""Engines that indexing is run on, with canned scans; as a program, a run that can be killed.

``python -m index_engines ENGINE FOLDER [ADDRESS]`` prints the number of granules done so far.
"""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from canned_scans import slow_scan

from catalog_builder.errors import CatalogBuilderError
from catalog_builder.indexing import scan_workers
from catalog_builder.indexing.index_catalog import index_catalog
from catalog_builder.progress import Progress

ENGINES = ("own", "threads", "spawn", "forkserver", "loky", "dask")


class CannedOn(Executor):
    """An executor that finds what canned scans find."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def submit(self, _: Callable[..., Any], /, *args: Any, **__: Any) -> Future[Any]:
        future: Future[Any] = self._inner.submit(slow_scan, *args)
        return future

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


@contextmanager
def engine(name: str, address: str | None = None) -> Iterator[Executor | None]:
    """The executor of an engine with two workers; ``address`` is that of a dask scheduler."""
    if name == "own":
        yield None
    elif name == "threads":
        with ThreadPoolExecutor(2) as threads:
            yield threads
    elif name in ("spawn", "forkserver"):
        context = multiprocessing.get_context(name)
        with ProcessPoolExecutor(2, mp_context=context) as processes:
            yield processes
    elif name == "loky":
        from loky.process_executor import ProcessPoolExecutor as Loky

        loky = Loky(2)
        try:
            yield loky
        finally:
            loky.shutdown(kill_workers=True)
    else:
        from distributed import Client

        with Client(address, set_as_default=False) as client:
            yield client.get_executor(pure=False)


def main() -> None:
    name, folder, *address = sys.argv[1:]

    def report(progress: Progress) -> None:
        if progress.stage == "reading granules":
            sys.stdout.write(f"{progress.done}\n")
            sys.stdout.flush()

    if name == "own":
        scan_workers.scan_granule = slow_scan  # type: ignore[assignment]
    try:
        with engine(name, *address) as executor:
            canned = None if executor is None else CannedOn(executor)
            index_catalog(
                folder, executor=canned, jobs=2 if canned is None else None, progress=report
            )
    except CatalogBuilderError as error:
        sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
