"""Listings of CMR: pages followed to the last, each record once."""

from __future__ import annotations

import dataclasses
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from catalog_builder.errors import (
    CmrUnavailableError,
)
from catalog_builder.progress import Progress
from tests.catalog.cmr.scripted_cmr import (
    QUERY,
    Answer,
    Asked,
    answering,
    connected,
    numbers,
    record,
    serving,
)


def test_short_and_empty_pages_do_not_end_a_listing() -> None:
    with (
        answering(
            Answer([record(1), record(2)], "a", hits=4),
            Answer([record(3)], "b", hits=4),
            Answer([], "c", hits=4),
            Answer([record(4)], "d", hits=4),
            Answer([], hits=4),
        ) as script,
        connected(script) as (client, _),
    ):
        listing = client.granules(QUERY)
        assert listing.hits is None
        assert numbers(listing) == [(f"G{n}-X", 1) for n in (1, 2, 3, 4)]
        assert listing.read == listing.hits == 4
    assert [one.headers.get("CMR-Search-After") for one in script.asked] == [None, *"abcd"]
    assert {one.query["page_size"][0] for one in script.asked} == {"2000"}
    assert not any("page_num" in one.query or "offset" in one.query for one in script.asked)


def test_a_granule_revised_meanwhile_comes_again_and_a_repeated_one_does_not() -> None:
    with (
        answering(
            Answer([record(1), record(2)], "a", hits=3),
            Answer([record(2), record(3)], "b", hits=3),
            Answer([record(1, revision=2)], "c", hits=3),
            Answer([], hits=3),
        ) as script,
        connected(script) as (client, _),
    ):
        found = numbers(client.granules(QUERY))
    assert found == [("G1-X", 1), ("G2-X", 1), ("G3-X", 1), ("G1-X", 2)]


def test_hits_may_change_meanwhile() -> None:
    steps: list[Progress] = []
    with (
        answering(
            Answer([record(1)], "a", hits=2),
            Answer([record(2)], "b", hits=3),
            Answer([record(3)], "c", hits=3),
            Answer([], hits=3),
        ) as script,
        connected(script) as (client, _),
    ):
        assert len(list(client.granules(QUERY, progress=steps.append))) == 3
    assert [(step.stage, step.done, step.total) for step in steps] == [
        ("reading CMR", 1, 2), ("reading CMR", 2, 3), ("reading CMR", 3, 3), ("reading CMR", 3, 3)
    ]  # fmt: skip


def test_a_listing_that_does_not_move_on_is_given_up() -> None:
    with (
        answering(Answer([], "a", hits=5)) as script,
        connected(script) as (client, _),
        pytest.raises(CmrUnavailableError, match="listing of 5 records does not advance"),
    ):
        list(client.granules(QUERY))


def test_a_listing_that_names_next_pages_for_ever_is_given_up() -> None:
    with (
        answering(*(Answer([], str(number), hits=5) for number in range(200))) as script,
        connected(script) as (client, _),
        pytest.raises(CmrUnavailableError, match="listing of 5 records does not end"),
    ):
        list(client.granules(QUERY))


def test_records_that_make_no_sense_are_yielded_all_the_same() -> None:
    odd: list[Any] = [{}, {"meta": None}, "x", {}]
    with answering(Answer(odd, "a"), Answer(odd)) as script, connected(script) as (client, _):
        assert list(client.granules(QUERY)) == odd + odd


def test_memory_does_not_grow_with_the_pages() -> None:
    def page(asked: Asked) -> Answer:
        start = int(asked.headers.get("CMR-Search-After", 0))
        items = [{**record(start + n), "umm": {"x": "y" * 1000}} for n in range(100)]
        return Answer(items, str(start + 100) if start < 20_000 else None, hits=20_000)

    def peak(listing: Iterator[Any], pages: int) -> int:
        tracemalloc.reset_peak()
        for _ in range(pages * 100):
            next(listing)
        return tracemalloc.get_traced_memory()[1]

    with serving(page) as script, connected(script) as (client, _):
        listing = client.granules(dataclasses.replace(QUERY, page_size=100))
        script.asked = _Nothing()
        tracemalloc.start()
        try:
            peak(listing, 20)
            early, late = peak(listing, 20), peak(listing, 150)
        finally:
            tracemalloc.stop()
    assert late < early + 1_000_000  # 150 pages are some 20 MB


class _Nothing(list):  # type: ignore[type-arg]  # a list that keeps nothing
    def append(self, _: Any) -> None:
        pass
