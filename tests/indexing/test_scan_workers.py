"""Many granules on an executor's workers: how many at a time, and what is lost with a worker."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

import pytest
from canned_scans import CannedScans, slow_scan

from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.errors import WorkersLostError
from catalog_builder.indexing.scan_task import FailedGranule, Outcome, ScannedGranule, ScanTask
from catalog_builder.indexing.scan_workers import scan_all, worker_count
from catalog_builder.products.granule_name import GranuleName
from earthdata_standin import EarthdataStandin


class Deadly(ScanTask):
    """Ends the process of whoever unpacks it."""

    def __reduce__(self) -> Any:
        return os._exit, (3,)


class Watched(Executor):
    """Scans on another machine's four threads, so to speak; notes how many are under way."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(4)
        self._lock = threading.Lock()
        self._under_way = 0
        self.counts: list[int] = []
        """Under way, at each submission."""

    def submit(self, _: Callable[..., Any], /, *args: Any, **__: Any) -> Future[Any]:
        with self._lock:
            self._under_way += 1
            self.counts.append(self._under_way)
        future = self._threads.submit(slow_scan, *args)
        future.add_done_callback(self._done)
        return future

    def _done(self, _: Future[Any]) -> None:
        with self._lock:
            self._under_way -= 1


def tasks(count: int, links: GranuleLinks | None = None) -> list[ScanTask]:
    """Tasks that need no login unless their links do."""
    links = links or GranuleLinks(local="/nowhere")
    return [
        ScanTask(granule=f"ATL03_20190401{n:06}_03850302_006_01", links=links, access="auto")
        for n in range(count)
    ]


@pytest.mark.heavy
def test_a_granule_that_kills_its_workers_is_given_up(cloud: EarthdataStandin) -> None:
    keys = [key for key in sorted(cloud.world.objects) if key.endswith(".h5")][:3]
    alive = [
        ScanTask(
            granule=GranuleName.parse(key).id,
            links=GranuleLinks(s3=f"s3://{key}", credentials_endpoint=cloud.credentials_endpoint),
            access="auto",
        )
        for key in keys
    ]
    deadly = Deadly(granule="deadly", links=GranuleLinks(), access="auto")
    outcomes = list(scan_all(iter([alive[0], deadly, *alive[1:]]), jobs=2))
    failed = [one for one in outcomes if isinstance(one, FailedGranule)]
    assert [one.granule for one in failed] == ["deadly"]
    assert "died each of 3 times" in failed[0].error
    assert {one.granule for one in outcomes} == {"deadly", *(task.granule for task in alive)}


def test_no_more_granules_are_under_way_than_asked() -> None:
    executor = Watched()
    outcomes = list(scan_all(iter(tasks(12)), executor=executor, jobs=3))
    assert {one.granule for one in outcomes} == {task.granule for task in tasks(12)}
    assert max(executor.counts) == 3


def test_another_machine_logs_in_once_before_it_gets_more(cloud: EarthdataStandin) -> None:
    links = GranuleLinks(s3="s3://b/k.h5", credentials_endpoint=cloud.credentials_endpoint)
    executor = Watched()
    outcomes = list(scan_all(iter(tasks(8, links)), executor=executor, jobs=4))
    assert len(outcomes) == 8
    assert executor.counts[:2] == [1, 1]  # the second when the first is there
    assert max(executor.counts) == 4


def test_closed_it_begins_no_more_and_tells_what_was_finished() -> None:
    told: list[Outcome] = []
    begun: list[str] = []

    def noted() -> Iterator[ScanTask]:
        for task in tasks(20):
            begun.append(task.granule)
            yield task

    outcomes = scan_all(noted(), executor=CannedScans(), jobs=5, finished=told.append)
    first, second = next(outcomes), next(outcomes)
    outcomes.close()
    assert len(begun) == 6  # five, and one in the place of the first
    assert sorted(one.granule for one in (first, *told)) == sorted(begun)
    assert second in told
    assert all(isinstance(one, ScannedGranule) for one in told)


def test_an_executor_that_is_shut_down_is_told_of() -> None:
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    with pytest.raises(WorkersLostError, match="Start again: what was indexed is kept"):
        list(scan_all(iter(tasks(3)), executor=executor))


def test_an_engines_own_error_is_a_failed_granule() -> None:
    class Failing(Executor):
        def submit(self, _: Callable[..., Any], /, *args: Any, **__: Any) -> Future[Any]:
            future: Future[Any] = Future()
            future.set_exception(ValueError(f"no worker for {args[0].granule}"))
            return future

    outcomes = list(scan_all(iter(tasks(2)), executor=Failing()))
    assert {(one.granule, getattr(one, "error", "")) for one in outcomes} == {
        (task.granule, f"ValueError: no worker for {task.granule}") for task in tasks(2)
    }


def test_an_executor_says_how_many_workers_it_has() -> None:
    with ThreadPoolExecutor(3) as threads:
        assert worker_count(threads) == 3
    assert worker_count(CannedScans()) is None
