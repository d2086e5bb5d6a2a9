"""Blocks of bytes joined into requests: all covered, none overlapping, little fetched besides."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_builder.beams.read.range_requests import (
    GAP,
    LARGEST_REQUEST,
    SMALLEST_REQUEST,
    RangeRequest,
    plan_requests,
)

MIB = 2**20


def plan(
    blocks: list[tuple[int, int]] | np.ndarray,
    rows: Literal["whole", "window"] = "whole",
    gap: int = GAP,
) -> tuple[int, tuple[RangeRequest, ...]]:
    """Requests for blocks, given as start and stop."""
    start, stop = np.array(blocks, np.int64).reshape(-1, 2).T
    return plan_requests(start, stop, gap=gap, most=LARGEST_REQUEST, rows=rows)


@st.composite
def sorted_blocks(draw: st.DrawFn) -> np.ndarray:
    """Start and stop of each block; some overlap, some are one block twice."""
    noise = np.random.default_rng(draw(st.integers(0, 2**20)))
    count = draw(st.integers(0, 80))
    scale = draw(st.sampled_from([1, 1000, 100_000, 3_000_000]))
    starts = np.sort(noise.integers(0, max(count, 1) * scale, count))
    return np.stack([starts, starts + noise.integers(1, 2 * scale + 1, count)], axis=1)


@given(blocks=sorted_blocks(), rows=st.sampled_from(["whole", "window"]))
def test_every_block_lies_in_its_one_request(
    blocks: np.ndarray, rows: Literal["whole", "window"]
) -> None:
    needed, requests = plan(blocks, rows)
    covered = 0
    for request in requests:
        mine = blocks[request.first : request.last]
        assert request.first == covered
        assert (request.start, request.stop) == (mine[:, 0].min(), mine[:, 1].max())
        covered = request.last
    assert covered == len(blocks)
    assert all(a.stop <= b.start for a, b in pairwise(requests))
    if len(blocks) and blocks[:, 1].max() < MIB:
        each_byte = np.unique(np.concatenate([np.arange(*block) for block in blocks]))
        assert needed == len(each_byte)
    fetched = sum(request.stop - request.start for request in requests)
    assert needed <= fetched <= needed * (1.05 if rows == "whole" else 1.2)


def test_nothing() -> None:
    assert plan([]) == (0, ())


@pytest.mark.parametrize(("between", "requests"), [(30_000, 1), (300_000, 2)])
def test_small_gaps_are_fetched_with_their_neighbours(between: int, requests: int) -> None:
    _, found = plan([(0, 500_000), (500_000 + between, 1_000_000 + between)])
    assert len(found) == requests


def test_no_gap_is_joined_that_is_wider_than_allowed() -> None:
    blocks = [(0, 500_000), (500_100, 1_000_000)]
    assert len(plan(blocks, gap=99)[1]) == 2
    assert len(plan(blocks, gap=100)[1]) == 1


def test_many_small_blocks_of_a_window_join_over_wider_gaps_than_whole_datasets() -> None:
    """A block of 10 kB at each 11.5 kB: joining all fetches 15 % more."""
    blocks = [(k * 11_500, k * 11_500 + 10_000) for k in range(400)]
    whole, window = plan(blocks, "whole", gap=0)[1], plan(blocks, "window", gap=0)[1]
    assert len(window) < 10 < len(whole)


def test_a_long_run_is_split_evenly() -> None:
    needed, requests = plan([(k * 100_000, (k + 1) * 100_000) for k in range(800)])
    lengths = [request.stop - request.start for request in requests]
    assert sum(lengths) == needed == 80_000_000
    assert len(lengths) == int(needed / MIB / 6 + 4)
    assert max(lengths) - min(lengths) <= 100_000


def test_what_is_short_is_not_split_below_a_mebibyte() -> None:
    _, requests = plan([(k * 100_000, (k + 1) * 100_000) for k in range(20)])
    assert len(requests) == 2
    assert all(request.stop - request.start > 0.9 * SMALLEST_REQUEST for request in requests)


def test_a_block_larger_than_any_request_is_fetched_whole() -> None:
    needed, requests = plan([(0, 10), (10, 30 * MIB), (30 * MIB, 30 * MIB + 10)])
    assert needed == 30 * MIB + 10
    assert [(r.start, r.stop) for r in requests][-1][1] == needed
    assert any(r.start <= 10 and r.stop >= 30 * MIB for r in requests)


def test_two_datasets_of_the_same_bytes_need_them_once() -> None:
    needed, requests = plan([(100, 200), (100, 200), (150, 290)])
    assert needed == 190
    assert [(r.start, r.stop) for r in requests] == [(100, 290)]
