"""Names of many granules as sorted arrays, thirteen bytes each.

A granule's start, track, cycle and region, which no release changes, are packed into one number,
its key; release and revision into another, its edition.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from catalog_builder.atl03 import GranuleName

Mask = NDArray[np.bool_]

KEPT: Final = 1000
"""Most records left out that are listed by name; the rest are only counted."""

_FIRST: Final = datetime(1, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)
_REGION_BITS: Final = 4
_CYCLE_BITS: Final = 7
_TRACK_BITS: Final = 11
_OUTSIDE, _INSIDE, _UNPLACED = 0, 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Granules, each once, sorted by start, track, cycle and region; arrays of shape (n,)."""

    keys: NDArray[np.uint64]
    """Start, track, cycle and region; ascending."""
    editions: NDArray[np.uint32]
    """The highest release and revision of each granule: 100 * release + revision."""
    inside: Mask
    """True if the granule's footprint meets the box of the comparison."""
    unplaced: Mask
    """True if its footprint is not known."""

    def ids(self, which: Mask) -> tuple[str, ...]:
        """Ids of some of the granules, sorted."""
        pairs = zip(self.keys[which].tolist(), self.editions[which].tolist(), strict=True)
        return tuple(_name(key, edition).id for key, edition in pairs)

    def releases(self, which: Mask) -> tuple[str, ...]:
        """Releases of some of the granules, sorted."""
        return tuple(
            f"{release:03d}" for release in np.unique(self.editions[which] // 100).tolist()
        )

    def places(self, name: GranuleName) -> bool:
        """True if the granule is listed and its footprint is known."""
        key = np.uint64(_key(name))
        row = int(np.searchsorted(self.keys, key))
        return row < len(self.keys) and self.keys[row] == key and not self.unplaced[row]


class NameList:
    """Collects names of granules, and the records that were left out."""

    def __init__(self) -> None:
        self.unusable: list[tuple[str, str]] = []
        """The first :data:`KEPT` of the records left out: their own name, and the reason."""
        self.left_out = 0
        """How many records were left out."""
        self._keys = array("Q")
        self._editions = array("I")
        self._places = array("B")

    def add(self, name: GranuleName, *, inside: bool | None) -> None:
        """Add a granule; ``inside``: whether it meets the box, None if that is unknown."""
        self._keys.append(_key(name))
        self._editions.append(int(name.release) * 100 + name.revision)
        self._places.append(_UNPLACED if inside is None else _INSIDE if inside else _OUTSIDE)

    def leave_out(self, title: str, reason: str) -> None:
        """Note a record that cannot be used."""
        self.left_out += 1
        if len(self.unusable) < KEPT:
            self.unusable.append((title, reason))

    def names(self) -> Names:
        """The granules so far, each once: its highest edition, inside if any of its records is."""
        keys = np.frombuffer(self._keys, dtype=np.uint64)
        editions = np.frombuffer(self._editions, dtype=np.uint32)
        places = np.frombuffer(self._places, dtype=np.uint8)
        order = np.lexsort((editions, keys))
        keys, editions, places = keys[order], editions[order], places[order]
        last = np.append(keys[1:] != keys[:-1], True)[: len(keys)]
        inside, placed = _any(places == _INSIDE, last), _any(places != _UNPLACED, last)
        return Names(keys=keys[last], editions=editions[last], inside=inside, unplaced=~placed)


def _any(flags: Mask, last: Mask) -> Mask:
    """For each run, True if any flag is set; ``last`` marks the ends of the runs."""
    ends = np.cumsum(flags)[last]
    return np.diff(ends, prepend=0) > 0


def _key(name: GranuleName) -> int:
    """A number that sorts as the names do; below 2**61 until the year 9999."""
    key = (name.start - _FIRST) // _SECOND
    for value, bits in (
        (name.rgt, _TRACK_BITS),
        (name.cycle, _CYCLE_BITS),
        (name.region, _REGION_BITS),
    ):
        key = key << bits | value
    return key


def _name(key: int, edition: int) -> GranuleName:
    values = []
    for bits in (_REGION_BITS, _CYCLE_BITS, _TRACK_BITS):
        values.append(key & (1 << bits) - 1)
        key >>= bits
    region, cycle, rgt = values
    return GranuleName(
        start=_FIRST + key * _SECOND,
        rgt=rgt,
        cycle=cycle,
        region=region,
        release=f"{edition // 100:03d}",
        revision=edition % 100,
    )
