"""Prefetches the next page in a thread, while the one before is used."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from itertools import islice
from threading import Thread
from typing import TypeVar

Some = TypeVar("Some")


def prefetch(things: Iterator[Some]) -> Iterator[Some]:
    """The same things in their order, each fetched in a thread while the one before is used.

    A caller that stops early, or is interrupted, does not wait for the fetch under way.
    """

    def fetch(into: Future[list[Some]]) -> None:
        try:
            into.set_result(list(islice(things, 1)))
        except BaseException as error:
            into.set_exception(error)

    def begin() -> Future[list[Some]]:
        coming: Future[list[Some]] = Future()
        Thread(target=fetch, args=(coming,), name="prefetch", daemon=True).start()
        return coming

    coming = begin()
    while some := coming.result():
        coming = begin()
        yield from some
