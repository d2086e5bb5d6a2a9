"""An estimate scales what a sample took by the sizes of files."""

from __future__ import annotations

from math import nan

import numpy as np
import pytest

from catalog_builder.indexing.estimate import estimate
from catalog_builder.indexing.index_run import spread_first
from catalog_builder.indexing.scan_task import ScanCost

COST = ScanCost(requests=20, bytes=16_000_000, cpu=1.2, wall=1.8)


@pytest.mark.parametrize(
    ("stored", "sizes"), [(100 * 490e6, [490e6, 490e6]), (nan, [nan, nan]), (1e9, [490e6, nan])]
)
def test_it_is_the_share_of_the_sample(stored: float, sizes: list[float]) -> None:
    sample = [(size, COST) for size in sizes]
    found = estimate(100, stored, sample, workers=4, price=0.5)
    assert found.requests == pytest.approx(2_000)
    assert found.bytes == pytest.approx(1.6e9)
    assert found.core_hours == pytest.approx(100 * 1.8 / 3600)
    assert found.cpu_hours == pytest.approx(100 * 1.2 / 3600)
    assert found.wall == pytest.approx(100 * 1.8 / 4)
    assert found.cost == pytest.approx(0.5 * 100 * 1.8 / 3600)
    assert "1.6 GB to read in 2,000 requests, 0.05 core-hours, 45 s with 4 at a time" in str(found)


def test_larger_files_take_more() -> None:
    small = estimate(10, 10e6, [(1e6, COST)], workers=None, price=None)
    large = estimate(10, 20e6, [(1e6, COST)], workers=None, price=None)
    assert small.bytes
    assert large.bytes == 2 * small.bytes
    assert large.wall is large.cost is None


def test_nothing_to_do_and_no_sample() -> None:
    assert str(estimate(0, 0.0, [], workers=2, price=1.0)) == "0 granules of 0 B to index."
    assert str(estimate(3, nan, [], workers=2, price=1.0)) == "3 granules to index."


@pytest.mark.parametrize("count", [0, 1, 3, 5, 6, 1000])
def test_a_sample_is_taken_from_all_over(count: int) -> None:
    rows = np.arange(count) * 3
    order = spread_first(rows)
    assert sorted(order) == rows.tolist()
    if count > 5:
        assert order[:5] == [rows[round(k * (count - 1) / 4)] for k in range(5)]
