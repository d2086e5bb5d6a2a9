"""Bounds of chunks of photons: which photons each chunk holds."""

from __future__ import annotations

import numpy as np
import pytest

from catalog_builder.beams.scanning.place_chunks import unplaced_chunks


@pytest.mark.parametrize(
    ("photons", "chunk", "edges"),
    [
        (0, 16, [0]),
        (1, 16, [0, 1]),
        (16, 16, [0, 16]),
        (17, 16, [0, 16, 17]),
        (5, 2, [0, 2, 4, 5]),
    ],
)
def test_the_last_chunk_ends_with_the_photons(photons: int, chunk: int, edges: list[int]) -> None:
    positions = unplaced_chunks(photons, chunk)
    assert positions.edges.tolist() == edges
    assert len(positions) == len(edges) - 1


def test_a_chunk_of_unknown_position_meets_no_box_and_no_interval() -> None:
    positions = unplaced_chunks(20, 10)
    assert not np.any((positions.south <= 90) | (positions.north >= -90))
    assert not np.any((positions.start <= 1e10) | (positions.end >= 0))
    assert positions.unplaced.all()
