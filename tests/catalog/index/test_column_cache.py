"""What was read last is kept, and no more than fits."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa

from catalog_builder.catalog.index.column_cache import ColumnCache


def column(bytes_: int) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array([0] * (bytes_ // 8), pa.int64())])


def test_the_oldest_goes_first() -> None:
    cache = ColumnCache(capacity=3000)
    for group in range(3):
        cache.put((group, "id"), column(1000))
    assert cache.get((0, "id")) is not None
    cache.put((3, "id"), column(800))
    assert [cache.get((group, "id")) is not None for group in range(4)] == [
        True,
        False,
        True,
        True,
    ]
    assert cache.bytes == 2800


def test_what_never_fits_drives_nothing_out() -> None:
    cache = ColumnCache(capacity=3000)
    cache.put((0, "id"), column(800))
    cache.put((1, "geometry"), column(4000))
    assert cache.get((0, "id")) is not None
    assert cache.get((1, "geometry")) is None
    cache.put((0, "id"), column(1600))
    assert cache.bytes == 800


def test_many_threads_keep_the_sum() -> None:
    cache = ColumnCache(capacity=10_000)

    def use(number: int) -> None:
        cache.put((number % 37, "id"), column(800))
        cache.get((number % 11, "id"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(use, range(2000)))
    kept = [cache.get((number, "id")) for number in range(37)]
    assert cache.bytes == sum(one.nbytes for one in kept if one is not None) <= 10_000
