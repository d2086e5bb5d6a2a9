"""What was used last is kept, and no more than fits."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from catalog_builder.byte_cache import ByteCache

Key = tuple[int, str]


def test_the_oldest_goes_first() -> None:
    cache = ByteCache[int, str](capacity=3000)
    for key in range(3):
        cache.put(key, "value", 1000)
    assert cache.get(0) == "value"
    cache.put(3, "value", 800)
    assert [cache.get(key) is not None for key in range(4)] == [True, False, True, True]
    assert cache.bytes == 2800


def test_what_never_fits_drives_nothing_out() -> None:
    cache = ByteCache[int, str](capacity=3000)
    cache.put(0, "value", 800)
    cache.put(1, "long", 4000)
    assert cache.get(0) == "value"
    assert cache.get(1) is None
    assert cache.bytes == 800


def test_a_value_is_replaced_with_its_bytes() -> None:
    cache = ByteCache[int, str](capacity=3000)
    for size in (800, 1600, 100):
        cache.put(0, f"{size}", size)
        assert (cache.get(0), cache.bytes) == (f"{size}", size)
    cache.put(0, "long", 4000)
    assert (cache.get(0), cache.bytes) == (None, 0)


def test_many_threads_keep_the_sum() -> None:
    cache = ByteCache[Key, int](capacity=10_000)

    def use(number: int) -> None:
        cache.put((number % 37, "id"), number % 37, 800)
        cache.get((number % 11, "id"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(use, range(2000)))
    kept = [number for number in range(37) if cache.get((number, "id")) is not None]
    assert cache.bytes == 800 * len(kept) <= 10_000
