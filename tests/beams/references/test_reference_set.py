"""How a dataset is stored, and whether planned reads can decode it."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from catalog_builder.beams.references.reference_set import (
    MOST_FILTERS,
    DatasetReferences,
    is_plain,
    most_bytes,
)
from catalog_builder.errors import UnsupportedFilterError


def dataset(**changes: Any) -> DatasetReferences:
    """Deflated heights in three chunks."""
    return replace(
        DatasetReferences(
            path="heights/h_ph",
            shape=(25,),
            chunk_shape=(10,),
            dtype=np.dtype("<f4"),
            filters=("shuffle", "deflate"),
            fill_value=np.float32(0),
            attrs={},
            offsets=np.array([100, 200, 300], np.uint64),
            sizes=np.array([30, 30, 20], np.uint64),
            filter_masks=np.zeros(3, np.uint32),
        ),
        **changes,
    )


@pytest.mark.parametrize(
    ("shape", "chunk_shape", "grid"),
    [
        ((25,), (10,), (3,)),
        ((30,), (10,), (3,)),
        ((0,), (10,), (0,)),
        ((25, 5), (10, 5), (3, 1)),
        ((1, 7), (4, 2), (1, 4)),
    ],
)
def test_the_grid_covers_the_dataset(
    shape: tuple[int, ...], chunk_shape: tuple[int, ...], grid: tuple[int, ...]
) -> None:
    assert dataset(shape=shape, chunk_shape=chunk_shape).grid == grid


@pytest.mark.parametrize(
    ("type_name", "plain"),
    [
        ("?", True),
        ("|i1", True),
        ("<u8", True),
        (">f8", True),
        ("<f2", True),
        ("|S5", True),
        ("|S0", False),
        ("|O", False),
        ("<U3", False),
        ("<c8", False),
        ("<M8[ns]", False),
        ("|V4", False),
        ("f4,f4", False),
    ],
)
def test_types_whose_bytes_are_their_values(type_name: str, plain: bool) -> None:
    assert is_plain(np.dtype(type_name)) is plain
    assert dataset(dtype=np.dtype(type_name)).supported is plain


def test_long_doubles_are_not_plain() -> None:
    assert not is_plain(np.dtype(np.longdouble)) or np.dtype(np.longdouble).itemsize == 8


@pytest.mark.parametrize(
    ("filters", "stored"),
    [
        (("unsupported:3", "deflate"), "unsupported:3, deflate"),
        (("unsupported:type",), "unsupported:type"),
        (("deflate",) * (MOST_FILTERS + 1), "deflate, deflate"),
        (("x" * 1000,), "x" * 40 + ","),
    ],
)
def test_what_cannot_be_planned_is_refused_by_its_filters(
    filters: tuple[str, ...], stored: str
) -> None:
    with pytest.raises(UnsupportedFilterError, match=f"heights/h_ph is stored with {stored}"):
        dataset(filters=filters).require_supported()


def test_a_type_that_cannot_be_planned_is_named() -> None:
    with pytest.raises(UnsupportedFilterError, match="stored with type object"):
        dataset(filters=(), dtype=np.dtype("O")).require_supported()


@pytest.mark.parametrize("filters", [(), ("shuffle",), ("deflate",), ("deflate",) * MOST_FILTERS])
def test_known_filters_are_supported(filters: tuple[str, ...]) -> None:
    dataset(filters=filters).require_supported()


def test_no_deflated_bytes_become_more_than_the_limit() -> None:
    values = bytes(10**6)
    once = zlib.compress(values, 9)
    twice = zlib.compress(once, 9)
    assert len(once) < len(values) <= most_bytes(len(once), ("shuffle", "deflate"))
    assert len(values) <= most_bytes(len(twice), ("deflate", "deflate"))
    assert most_bytes(7, ("shuffle",)) == 7
