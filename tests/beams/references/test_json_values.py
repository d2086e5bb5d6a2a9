"""Attributes and fill values through JSON and back, with their types."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from catalog_builder.beams.references.json_values import (
    from_json,
    pack_attributes,
    to_json,
    unpack_attributes,
)
from catalog_builder.errors import ReferencesError

ATTRIBUTES: dict[str, Any] = {
    "units": "meters",
    "flags": ["noise", "low", "high"],
    "valid_max": np.float32(3.4028235e38),
    "no_number": np.float64("nan"),
    "bounds": np.array([-np.inf, 0.1, np.inf], "<f8"),
    "flag_values": np.array([0, 1, -1], "|i1"),
    "most": np.uint64(2**64 - 1),
    "true": np.bool_(True),
    "big_endian": np.array([1, 2], ">i4"),
}


def test_attributes_come_back_with_values_and_types() -> None:
    packed = json.loads(json.dumps(pack_attributes("h_ph", ATTRIBUTES), allow_nan=False))
    found = unpack_attributes(*packed)
    assert found.keys() == ATTRIBUTES.keys()
    for name, value in ATTRIBUTES.items():
        np.testing.assert_array_equal(found[name], value)
        if isinstance(value, np.generic | np.ndarray):
            assert found[name].dtype == value.dtype, name
            assert np.shape(found[name]) == np.shape(value), name


@pytest.mark.parametrize("value", [b"bytes", 1j * np.complex64(1), None, [1, 2], object()])
def test_an_attribute_that_cannot_be_kept_is_refused_by_name(value: object) -> None:
    with pytest.raises(ReferencesError, match="h_ph: attribute odd"):
        pack_attributes("h_ph", {"odd": value})


@pytest.mark.parametrize("text", ["object", "O", "S5", "f3", "<U4", "i4,i4", "datetime64[ns]", ""])
def test_a_type_that_is_none_of_numbers_is_refused(text: str) -> None:
    with pytest.raises(ReferencesError, match="no type of numbers"):
        unpack_attributes({"a": 1}, {"a": text})


@pytest.mark.parametrize(
    "value",
    [
        np.bytes_(b"\x00\xff text"),
        np.int8(-127),
        np.float32("inf"),
        np.float64("-inf"),
        np.float32(0.1),
    ],
)
def test_a_fill_value_comes_back(value: Any) -> None:
    found = from_json(json.loads(json.dumps(to_json(value), allow_nan=False)), value.dtype)
    assert found == value
    assert found.dtype.kind == value.dtype.kind
