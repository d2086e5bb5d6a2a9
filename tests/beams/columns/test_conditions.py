"""Conditions on photons, against plain numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_builder.beams.columns.conditions import OPERATORS, parse_where
from catalog_builder.beams.read.beam_reader import PHOTON, Variable
from catalog_builder.errors import ConditionError

FILL = np.float32(3.4e38)
HEIGHTS = st.lists(st.one_of(st.floats(-1e4, 1e4, width=32), st.just(float(FILL))), max_size=20)


def height(**attrs: Any) -> Variable:
    return Variable(
        path="heights/h_ph",
        dims=(PHOTON,),
        shape=(20,),
        dtype=np.dtype(np.float32),
        attrs=attrs,
        encoding={},
        fill_value=FILL,
    )


@given(HEIGHTS, st.sampled_from(sorted(OPERATORS)), st.floats(-1e4, 1e4))
def test_a_comparison_is_numpys_and_no_fill_value_meets_it(
    stored: list[float], comparison: str, value: float
) -> None:
    values = np.array(stored, np.float32)
    (condition,) = parse_where({"h_ph": (comparison, value)})
    expected = {
        "<": values < np.float32(value),
        "<=": values <= np.float32(value),
        ">": values > np.float32(value),
        ">=": values >= np.float32(value),
        "==": values == np.float32(value),
        "!=": values != np.float32(value),
    }[comparison] & (values != FILL)
    assert (condition.holds(height(_FillValue=FILL), values) == expected).all()


def test_a_fill_value_that_is_named_is_met() -> None:
    values = np.array([1, FILL], np.float32)
    (condition,) = parse_where({"h_ph": float(FILL)})
    assert condition.holds(height(_FillValue=FILL), values).tolist() == [False, True]


def test_a_number_takes_the_type_stored() -> None:
    for where in ({"h_ph": 0.1}, {"h_ph": [0.1]}):
        (condition,) = parse_where(where)
        assert condition.holds(height(), np.array([0.1, 0.2], np.float32)).tolist() == [
            True,
            False,
        ]


@pytest.mark.parametrize("value", [None, 1j, (">", [3]), ("~", 3), (">",), [], {}, [None]])
def test_what_is_no_condition_is_an_error(value: Any) -> None:
    with pytest.raises(ConditionError, match="h_ph"):
        parse_where({"h_ph": value})
