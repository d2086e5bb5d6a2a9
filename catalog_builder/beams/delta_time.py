"""``delta_time``, seconds since 2018-01-01, as times of day and back without loss."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from catalog_builder.atl03 import EPOCH

UNITS: Final = "seconds since 2018-01-01"
"""The product's own words for the unit (GPS and UTC have run in step since that day)."""

_ZERO: Final = np.datetime64(EPOCH.replace(tzinfo=None), "ns")
_BLOCK: Final = 2**17
_LAST: Final = (np.iinfo(np.int64).max - _ZERO.astype(np.int64)) // 10**9


def to_times(seconds: NDArray[np.float64]) -> NDArray[np.datetime64]:
    """Decode to the nearest nanosecond, datetime64[ns], UTC; what is no time (a fill) is NaT."""
    times = np.empty(seconds.shape, "datetime64[ns]")
    # A block at a time: what the steps need together is several times as large as the result.
    for first in range(0, len(seconds), _BLOCK):
        times[first : first + _BLOCK] = _decode(seconds[first : first + _BLOCK])
    return times


def _decode(seconds: NDArray[np.float64]) -> NDArray[np.datetime64]:
    sound = np.abs(seconds) < _LAST
    seconds = np.where(sound, seconds, 0.0)
    # Whole and part on their own: seconds times 1e9 has no room for nanoseconds in a float64.
    whole = np.floor(seconds)
    ticks = whole.astype(np.int64) * 10**9 + np.rint((seconds - whole) * 1e9).astype(np.int64)
    times = _ZERO + ticks.astype("timedelta64[ns]")
    times[~sound] = np.datetime64("NaT")
    return times


def to_seconds(times: NDArray[np.datetime64]) -> NDArray[np.float64]:
    """The seconds as stored, bit for bit, for any time after April 2018; NaT becomes NaN.

    From 2**23 s on, two float64 lie further apart than two nanoseconds, so the nearest nanosecond
    names one of them. (xarray's own encoder rounds once more and misses about one in ten by its
    last bit.)
    """
    ticks = (times.astype("datetime64[ns]") - _ZERO).astype(np.int64)
    seconds = ticks // 10**9 + (ticks % 10**9) / 1e9
    return np.where(np.isnat(times), np.nan, seconds)


def encoding() -> dict[str, Any]:
    """How xarray is told to store decoded times: as the product does."""
    return {"units": UNITS, "calendar": "standard", "dtype": np.dtype("float64")}
