"""Things are fetched while the ones before are used."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from catalog_builder.catalog.cmr.prefetch import prefetch


def test_the_next_one_is_fetched_while_one_is_used() -> None:
    fetched = [threading.Event() for _ in range(4)]

    def things() -> Iterator[int]:
        for number, one in enumerate(fetched):
            one.set()
            yield number

    used = []
    for number in prefetch(things()):
        assert all(one.wait(timeout=10) for one in fetched[: number + 2])
        assert not any(one.is_set() for one in fetched[number + 2 :])
        used.append(number)
    assert used == [0, 1, 2, 3]


def test_a_failure_comes_after_what_was_before_it() -> None:
    def things() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    coming = prefetch(things())
    assert next(coming) == 1
    with pytest.raises(ValueError, match="no more"):
        next(coming)


def test_who_stops_does_not_wait() -> None:
    never, ended = threading.Event(), threading.Event()

    def things() -> Iterator[int]:
        yield 1
        never.wait()
        ended.set()

    coming = prefetch(things())
    assert next(coming) == 1
    coming.close()  # type: ignore[attr-defined]  # it is a generator
    assert not ended.is_set()
    never.set()


def test_nothing_is_nothing() -> None:
    assert list(prefetch(iter(()))) == []
