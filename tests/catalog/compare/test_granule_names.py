from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_builder.catalog.compare.granule_names import KEPT, NameList
from catalog_builder.products.granule_name import GranuleName

NAMES = st.builds(
    GranuleName,
    start=st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31)).map(
        lambda time: time.replace(microsecond=0, tzinfo=UTC)
    ),
    rgt=st.integers(1, 1387),
    cycle=st.integers(1, 99),
    region=st.integers(1, 14),
    release=st.integers(0, 999).map(lambda number: f"{number:03d}"),
    revision=st.integers(0, 99),
)


def name(text: str) -> GranuleName:
    return GranuleName.parse(text)


@given(st.lists(NAMES))
def test_names_come_back_sorted_and_once(given: list[GranuleName]) -> None:
    listed = NameList()
    for one in given:
        listed.add(one, inside=True)
    names = listed.names()
    newest: dict[str, str] = {}
    for text in sorted(one.id for one in given):
        newest[text[:-7]] = text
    assert names.ids(names.inside) == tuple(newest.values())
    assert all(map(names.places, given))


def test_a_granule_counts_once_in_its_highest_edition() -> None:
    listed = NameList()
    listed.add(name("ATL03_20181014031924_02370102_007_02"), inside=False)
    listed.add(name("ATL03_20181014031924_02370102_006_03"), inside=None)
    listed.add(name("ATL03_20181014031924_02370102_007_01"), inside=True)
    listed.add(name("ATL03_20181014031924_02370103_007_01"), inside=None)
    names = listed.names()
    everything = np.ones(2, dtype=bool)
    assert names.ids(everything) == (
        "ATL03_20181014031924_02370102_007_02",
        "ATL03_20181014031924_02370103_007_01",
    )
    assert names.releases(everything) == ("007",)
    assert (names.inside.tolist(), names.unplaced.tolist()) == ([True, False], [False, True])
    assert names.places(name("ATL03_20181014031924_02370102_005_01"))
    assert not names.places(name("ATL03_20181014031924_02370103_007_01"))
    assert not names.places(name("ATL03_20301014031924_02370102_007_01"))


def test_of_many_records_left_out_only_the_first_are_kept() -> None:
    listed = NameList()
    for number in range(KEPT + 5):
        listed.leave_out(str(number), "no name")
    assert (len(listed.unusable), listed.left_out) == (KEPT, KEPT + 5)
    assert listed.unusable[0] == ("0", "no name")


def test_a_name_takes_few_bytes() -> None:
    """A whole mission is 500,000 granules a side: 37 bytes each to keep, some 150 to sort."""
    count = 50_000
    start = datetime(2018, 10, 14, tzinfo=UTC)
    names = (
        GranuleName(
            start=start + timedelta(seconds=400 * number),
            rgt=1 + number % 1387,
            cycle=1 + number % 30,
            region=1 + number % 14,
            release="007",
            revision=1,
        )
        for number in range(count)
    )
    tracemalloc.start()
    try:
        listed = NameList()
        for one in names:
            listed.add(one, inside=True)
        kept = tracemalloc.get_traced_memory()[0]
        assert len(listed.names().keys) == count
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert kept < 42 * count
    assert peak < 200 * count


@pytest.mark.parametrize("count", [0, 1])
def test_few_names(count: int) -> None:
    listed = NameList()
    for _ in range(count):
        listed.add(name("ATL03_20181014031924_02370102_007_01"), inside=True)
    names = listed.names()
    assert len(names.ids(names.inside)) == count
    assert names.places(name("ATL03_20181014031924_02370102_007_01")) == bool(count)
