"""Times that a search names, as the stand-in CMR reads them.

Source of grammar and messages: CMR's ``cmr.common.date-time-parser`` and
``cmr.search.services.parameters.parameter-validation`` at
https://github.com/nasa/Common-Metadata-Repository.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Final

Interval = tuple[float, float]
"""Milliseconds since 1970; infinite where it is open."""

_DATETIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})?)?"
)
"""A day, or a time to the second: no week, no ordinal date, no basic format, no bare year."""


def milliseconds(text: str) -> float:
    """Milliseconds since 1970 of an ISO 8601 time, UTC unless it says otherwise."""
    moment = datetime.fromisoformat(text)
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def read_instant(name: str, text: str) -> float:
    """Milliseconds since 1970 of a parameter's value; a day is its first instant.

    Raises :class:`ValueError`, in CMR's words, for what its grammar does not know.
    """
    try:
        if _DATETIME.fullmatch(text):
            return milliseconds(text)
    except ValueError:  # a thirteenth month, a 30th of February
        pass
    raise ValueError(f"{name} datetime is invalid: [{text}] is not a valid datetime.")


def read_interval(name: str, text: str) -> Interval:
    """An interval as ``start,end``, either of which may be left out; one time alone is a start.

    Raises :class:`ValueError`, in CMR's words.
    """
    spoken = name.replace("revision_date", "revision-date")
    parts = [part.strip() for part in text.split("/" if "/" in text else ",")]
    if len(parts) > 2:
        raise ValueError(f"Too many commas in {spoken} {text}")
    start, end = (*parts, "")[:2]
    first = read_instant(f"{spoken} start", start) if start else -math.inf
    last = read_instant(f"{spoken} end", end) if end else math.inf
    if first > last:
        raise ValueError(f"start_date [{start}] must be before end_date [{end}]")
    return first, last
