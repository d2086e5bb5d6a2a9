"""One pool of threads for all reads of the process."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from catalog_builder.beams.read.request_pool import ALL_CONNECTIONS, call_each


def names_of_pool() -> set[str]:
    return {one.name for one in threading.enumerate() if "read-planned" in one.name}


def test_each_is_called_once_and_no_more_than_allowed_at_a_time() -> None:
    running, most, called = 0, 0, []
    lock = threading.Lock()

    def work(number: int) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            called.append(number)
        time.sleep(0.002)
        with lock:
            running -= 1

    call_each(work, range(60), threading.Event(), most=5)
    assert sorted(called) == list(range(60))
    assert 1 < most <= 5


def test_many_reads_share_the_threads() -> None:
    with ThreadPoolExecutor(12) as readers:
        for _ in range(2):
            list(
                readers.map(
                    lambda _: call_each(lambda _: time.sleep(0.001), range(20), threading.Event()),
                    range(12),
                )
            )
    assert 0 < len(names_of_pool()) <= ALL_CONNECTIONS


def test_the_first_error_ends_the_others() -> None:
    failed, called = threading.Event(), []

    def work(number: int) -> None:
        called.append(number)
        if number == 3:
            raise ValueError("third")
        failed.wait(5)

    began = time.monotonic()
    with pytest.raises(ValueError, match="third"):
        call_each(work, range(100), failed, most=8)
    assert failed.is_set()
    assert len(called) < 20
    assert time.monotonic() - began < 4
