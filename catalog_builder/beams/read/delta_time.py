"""Converts ``delta_time``, seconds since 2018-01-01, to datetime64 and back without loss."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from catalog_builder.products.atl03 import EPOCH

UNITS: Final = "seconds since 2018-01-01"
"""The product's own words for the unit (GPS and UTC have run in step since that day)."""

_ZERO: Final = np.datetime64(EPOCH.replace(tzinfo=None), "ns")
_ZERO_TICKS: Final = int(_ZERO.astype(np.int64))
_BLOCK: Final = 2**14  # what the steps need together stays in a core's cache
_LAST: Final = (np.iinfo(np.int64).max - _ZERO_TICKS) // 10**9
_NO_TIME: Final = np.iinfo(np.int64).min  # NaT


def to_times(seconds: NDArray[np.float64]) -> NDArray[np.datetime64]:
    """Decode to the nearest nanosecond, datetime64[ns], UTC; fill values become NaT."""
    times = np.empty(seconds.shape, "datetime64[ns]")
    _decode(seconds, times.view(np.int64))
    return times


def into_times(seconds: NDArray[np.float64]) -> NDArray[np.datetime64]:
    """Decode as :func:`to_times` does, but overwrite ``seconds``, which nobody else may use.

    This saves memory: the times of five million photons are 40 MB.
    """
    if seconds.dtype != np.float64 or not seconds.flags.c_contiguous:
        return to_times(seconds)
    ticks = seconds.view(np.int64)
    _decode(seconds, ticks)
    return ticks.view("datetime64[ns]")


def _decode(seconds: NDArray[np.float64], ticks: NDArray[np.int64]) -> None:
    """Write nanoseconds since 1970; the two arrays may be the same memory."""
    whole, part = np.empty(_BLOCK), np.empty(_BLOCK)
    for first in range(0, len(seconds), _BLOCK):
        stored, out = seconds[first : first + _BLOCK], ticks[first : first + _BLOCK]
        w, p = whole[: len(stored)], part[: len(stored)]
        sound = np.abs(stored, out=p) < _LAST
        all_sound = bool(sound.all())
        if not all_sound:
            stored = np.where(sound, stored, 0.0)
        # Whole and part on their own: seconds times 1e9 has no room for nanoseconds in a float64.
        np.floor(stored, out=w)
        np.subtract(stored, w, out=p)
        p *= 1e9
        np.rint(p, out=p)
        out[:] = w
        out *= 10**9
        out += p.astype(np.int64)
        out += _ZERO_TICKS
        if not all_sound:
            out[~sound] = _NO_TIME


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
    """Encoding for xarray: decoded times are stored as the product stores them."""
    return {"units": UNITS, "calendar": "standard", "dtype": np.dtype("float64")}
