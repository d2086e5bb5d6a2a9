"""Seconds since 2018 become times and come back without loss."""

from __future__ import annotations

import numpy as np
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from catalog_builder.beams.read.delta_time import encoding, into_times, to_seconds, to_times
from tests.beams.bits import same_bits


@given(st.floats(min_value=2.0**23, max_value=2.0**32))
def test_seconds_come_back_bit_for_bit(seconds: float) -> None:
    stored = np.array([seconds])
    assert same_bits(to_seconds(to_times(stored)), stored)


def test_the_epoch_and_what_is_no_time() -> None:
    times = to_times(np.array([0.0, 1.5, -1.0, np.nan, np.inf, 1.7976931348623157e308]))
    assert times[:3].tolist() == [
        1514764800000000000,
        1514764801500000000,
        1514764799000000000,
    ]
    assert np.isnat(times[3:]).all()
    assert np.isnan(to_seconds(times[3:])).all()


def test_times_take_the_memory_of_their_seconds_and_are_the_same() -> None:
    stored = np.random.default_rng(1).uniform(2.5e7, 3e8, 40_000)  # more than two blocks
    stored[[0, 16_384, 39_999]] = np.nan, 1.7976931348623157e308, -5.25
    decoded = to_times(stored)
    for seconds in (stored.copy(), stored.astype(">f8"), np.repeat(stored, 2)[::2]):
        plain = seconds.dtype.isnative and seconds.flags.c_contiguous
        times = into_times(seconds)
        assert np.array_equal(times.view(np.int64), decoded.view(np.int64))
        assert np.shares_memory(times, seconds) == plain


def test_nanoseconds_are_the_nearest_to_what_is_stored() -> None:
    """Exact arithmetic in Python's integers is the oracle."""
    stored = np.random.default_rng(2).uniform(0, 3e8, 500)
    ticks = to_times(stored).view(np.int64)
    for seconds, found in zip(stored.tolist(), ticks.tolist(), strict=True):
        numerator, denominator = seconds.as_integer_ratio()
        error = abs((found - 1514764800 * 10**9) * denominator - numerator * 10**9)
        assert 2 * error <= denominator


def test_xarray_decodes_the_encoding_to_the_same_times() -> None:
    stored = np.array([39441600.25, 200_000_000.5])
    written = xr.Variable("photon", stored, {k: v for k, v in encoding().items() if k != "dtype"})
    decoded = xr.decode_cf(xr.Dataset({"delta_time": written})).delta_time
    assert decoded.values.tolist() == to_times(stored).tolist()
    assert encoding()["dtype"] == np.float64
