"""What to say of an id that a catalog does not hold: those near it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from operator import ne
from typing import Final

_SLIPS: Final = 2
"""Characters that a mistyped id may have wrong."""

_MOST: Final = 3


def near_ids(ids: Sequence[str], wanted: str) -> str:
    """A sentence that names mistyped ones, else those before and after in time; or nothing."""
    if meant := [one for one in ids if _is_slip(one, wanted)]:
        return f" Did you mean {' or '.join(meant[:_MOST])}?"
    ordered = sorted(ids)  # which is by time
    place = bisect_left(ordered, wanted)
    near = ordered[max(0, place - 2) : place + 2]
    return f" Near it are {', '.join(near)}." if near else ""


def _is_slip(one: str, other: str) -> bool:
    return len(one) == len(other) and sum(map(ne, one, other)) <= _SLIPS
