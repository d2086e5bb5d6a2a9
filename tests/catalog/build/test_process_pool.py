"""Work done here or in processes: where there is little, none is started."""

from __future__ import annotations

import gc
import importlib
import multiprocessing
import os
import sys

import pytest

from catalog_builder.catalog.build.process_pool import Workers


def where() -> int:
    return os.getpid()


def state_of_worker() -> tuple[bool, bool]:
    """Whether the collector is on, and whether pandas can be imported."""
    try:
        importlib.import_module("pandas")
    except ModuleNotFoundError:
        return gc.isenabled(), False
    return gc.isenabled(), True


def fail(message: str) -> None:
    raise LookupError(message)


@pytest.mark.parametrize(("jobs", "few"), [(1, False), (2, True)])
def test_little_work_is_done_here_and_at_once(jobs: int, few: bool) -> None:
    with Workers(jobs) as workers:
        future = workers.submit(where, few=few)
        assert (future.done(), future.result(), workers.limit) == (True, os.getpid(), 0)
    assert multiprocessing.active_children() == []


def test_much_work_is_done_in_processes_that_end_with_it() -> None:
    with Workers(2) as workers:
        assert workers.submit(where, few=True).result() == os.getpid()
        found = {workers.submit(where, few=False).result() for _ in range(4)}
        assert os.getpid() not in found
        assert workers.limit == 2
        # Once there are processes, they take what is left as well.
        assert workers.submit(where, few=True).result() != os.getpid()
        assert workers.submit(state_of_worker, few=False).result() == (False, False)
    assert multiprocessing.active_children() == []
    assert gc.isenabled()
    assert not any("NoPandas" in type(finder).__name__ for finder in sys.meta_path)


@pytest.mark.parametrize("few", [True, False])
def test_a_failure_is_raised_where_its_result_is_read(few: bool) -> None:
    with Workers(2) as workers, pytest.raises(LookupError, match="of this page"):
        workers.submit(fail, "of this page", few=few).result()
