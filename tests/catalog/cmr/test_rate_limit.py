"""The rate limit that clients of one CMR share."""

from __future__ import annotations

import time
from threading import Thread

import pytest

from catalog_builder.catalog.cmr.rate_limit import RateLimit


def waited(limit: RateLimit) -> list[float]:
    pauses: list[float] = []
    limit.wait(pauses.append)
    return pauses


def test_nobody_waits_while_it_is_open() -> None:
    limit = RateLimit()
    assert waited(limit) == []
    limit.close_for(0.0)
    assert waited(limit) == []


def test_a_wait_is_as_long_as_the_longest_pause() -> None:
    limit = RateLimit()
    limit.close_for(60.0)
    limit.close_for(5.0)
    assert waited(limit) == [pytest.approx(60.0, abs=1.0)]
    limit.close_for(5.0)
    limit.close_for(90.0)
    assert waited(limit) == [pytest.approx(90.0, abs=1.0)]


def test_it_is_open_after_the_wait_unless_it_was_closed_meanwhile() -> None:
    limit = RateLimit()
    limit.close_for(60.0)
    limit.wait(lambda _: limit.close_for(120.0))
    assert waited(limit) == [pytest.approx(120.0, abs=1.0)]
    assert waited(limit) == []


def test_all_threads_wait_if_one_must() -> None:
    limit = RateLimit()
    limit.close_for(0.3)
    began, ends = time.monotonic(), []

    def work() -> None:
        limit.wait(time.sleep)
        ends.append(time.monotonic())

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ends) == 4
    assert min(ends) - began > 0.25
