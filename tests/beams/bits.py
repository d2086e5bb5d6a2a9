"""Compares arrays and Datasets bit for bit, and lists what there is to compare."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
import xarray as xr

from catalog_builder.beams.storage.links import GranuleLinks

REAL = "ATL03_20181014002445_02350104_006_02_gt1l_subset.h5"
"""A subset of a real granule, in the folder of real data."""


def same_bits(found: Any, stored: Any) -> bool:
    found, stored = np.asarray(found), np.asarray(stored)
    return (
        found.dtype == stored.dtype
        and found.shape == stored.shape
        and found.tobytes() == stored.tobytes()
    )


def require_same(found: xr.Dataset, expected: xr.Dataset) -> None:
    """Bits, types, attributes and encodings are the same."""
    xr.testing.assert_identical(found, expected)
    assert list(found.variables) == list(expected.variables)
    for name, array in expected.variables.items():
        other = found[name]
        assert same_bits(other.values, array.values), name
        assert other.encoding == array.encoding, name
        assert {key: type(value) for key, value in other.attrs.items()} == {
            key: type(value) for key, value in array.attrs.items()
        }, name


def beam_datasets(links: GranuleLinks, beam: str) -> dict[str, Any]:
    """Path within the beam -> values as h5py reads them, of all datasets with a dimension."""
    stored: dict[str, Any] = {}

    def collect(path: str, item: object) -> None:
        if isinstance(item, h5py.Dataset) and item.ndim:
            stored[path] = item[()]

    assert links.local is not None
    with h5py.File(links.local) as file:
        file[beam].visititems(collect)
    return stored
