"""Requests and bytes of a granule's reads, against the log of the service that served them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from stored_files import asked

from catalog_builder.beams.storage.counted_source import (
    CountedSource,
    Traffic,
    count_traffic,
    counted,
    counted_traffic,
)
from catalog_builder.beams.storage.granule_file import BLOCK_SIZE, open_granule_file
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.beams.storage.s3 import StoreSource
from earthdata_standin import EarthdataStandin
from tests.beams.storage.granule_reads import read_all


def test_what_a_granule_took_is_what_the_service_served(
    links: GranuleLinks, cloud: EarthdataStandin
) -> None:
    with counted_traffic() as traffic:
        read_all(links, "s3")
    ranges = [one for one in cloud.requests if one.service == "s3" and one.range]
    assert traffic.requests == len(ranges) + 1 == asked(cloud, "s3")
    with open_granule_file(links, "s3") as file:
        assert traffic.bytes <= file.size < traffic.bytes + BLOCK_SIZE


def test_a_source_is_itself_where_nobody_counts(links: GranuleLinks) -> None:
    source = StoreSource(links)
    assert counted(source) is source
    count_traffic(10, 1)
    with counted_traffic() as traffic:
        wrapped = counted(source)
        assert isinstance(wrapped, CountedSource)
        assert (wrapped.href, wrapped.size, wrapped.etag) == (
            source.href,
            source.size,
            source.etag,
        )
        count_traffic(10, 2)
    assert (traffic.requests, traffic.bytes) == (3, 10)
    assert wrapped.read(5, 105) == source.read(5, 105)  # counted after the ``with`` too
    assert (traffic.requests, traffic.bytes) == (4, 110)
    assert counted(source) is source
    wrapped.close()


def test_counts_within_counts_and_other_threads_are_apart() -> None:
    with counted_traffic() as outer:
        count_traffic(1, 1)
        with counted_traffic() as inner:
            count_traffic(2, 1)
        thread = threading.Thread(target=count_traffic, args=(100, 1))
        thread.start()
        thread.join()
        count_traffic(4, 1)
    assert (outer.requests, outer.bytes) == (2, 5)
    assert (inner.requests, inner.bytes) == (1, 2)


def test_many_threads_add_to_one_count() -> None:
    traffic = Traffic()
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: traffic.add(3), range(2000)))
    assert (traffic.requests, traffic.bytes) == (2000, 6000)
