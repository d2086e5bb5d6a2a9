"""Pieces of a file stand for the file."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_builder.catalog.index.sparse_file import SparseFile, merged

BODY = os.urandom(3000)

spans = st.lists(
    st.tuples(st.integers(0, 2900), st.integers(1, 100)).map(lambda span: (span[0], sum(span))),
    min_size=1,
    max_size=20,
)


@given(spans=spans, gap=st.integers(0, 200), part=st.integers(1, 500))
def test_the_wanted_spans_can_be_read(spans: list[tuple[int, int]], gap: int, part: int) -> None:
    requests = merged(spans, gap=gap, part=part)
    assert requests == sorted(requests)
    assert all(0 < end - start <= part for start, end in requests)
    file = SparseFile({start: BODY[start:end] for start, end in requests})
    for start, end in spans:
        file.seek(start)
        assert file.read(end - start) == BODY[start:end]
        assert file.tell() == end
    asked = {byte for start, end in spans for byte in range(start, end)}
    fetched = [byte for start, end in requests for byte in range(start, end)]
    assert len(fetched) == len(set(fetched))
    assert asked <= set(fetched)


def test_neighbours_share_a_request() -> None:
    assert merged([(50, 60), (0, 10), (20, 30)], gap=10) == [(0, 30), (50, 60)]
    assert merged([], gap=10) == []


def test_what_was_not_fetched_is_no_zero() -> None:
    file = SparseFile({10: BODY[10:20], 30: BODY[30:40]})
    for place, count in [(0, 4), (15, 10), (25, 1)]:
        file.seek(place)
        with pytest.raises(OSError, match="was not fetched"):
            file.read(count)
    assert file.seek(-5, os.SEEK_END) == 35
    assert file.read() == BODY[35:40]
    assert file.read(3) == b""
    assert file.readable()
    assert file.seekable()
