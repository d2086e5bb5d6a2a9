"""Prefetches the next item of an iterator in a thread."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from itertools import islice
from threading import Thread
from typing import TypeVar

Item = TypeVar("Item")


def prefetch(items: Iterator[Item]) -> Iterator[Item]:
    """The same items in the same order; the next one is fetched while the caller uses one.

    A caller that stops, or is interrupted, does not wait for the item being fetched.
    """

    def fetch(into: Future[list[Item]]) -> None:
        try:
            into.set_result(list(islice(items, 1)))
        except BaseException as error:
            into.set_exception(error)

    def begin() -> Future[list[Item]]:
        coming: Future[list[Item]] = Future()
        Thread(target=fetch, args=(coming,), name="prefetch", daemon=True).start()
        return coming

    coming = begin()
    while items_read := coming.result():
        coming = begin()
        yield from items_read
