"""Names of many granules as sorted arrays, some 40 bytes each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from catalog_builder.products.granule_name import GranuleName

Mask = NDArray[np.bool_]

KEPT: Final = 1000
"""Most records left out that are listed by name; the rest are only counted."""

_KEY: Final = len("ATL03_20181014031924_02370102")

_OUTSIDE, _INSIDE, _UNPLACED = 0, 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Granules, each once, sorted by start, track, cycle and region; arrays of shape (n,)."""

    keys: NDArray[np.bytes_]
    """Ids up to the region, which no release changes, ascending: ``ATL03_..._02370102``."""
    editions: NDArray[np.bytes_]
    """The highest release and revision of each granule: ``007_01``.

    Where the name tells what a granule was made from, with that: ``006_01_002_01``."""
    inside: Mask
    """True if the granule's footprint meets the box of the comparison."""
    unplaced: Mask
    """True if its footprint is not known."""

    def ids(self, which: Mask | NDArray[np.intp]) -> tuple[str, ...]:
        """Ids of the granules of a mask, or of ascending rows; sorted."""
        pairs = zip(self.keys[which].tolist(), self.editions[which].tolist(), strict=True)
        return tuple(f"{key.decode()}_{edition.decode()}" for key, edition in pairs)

    def releases(self, which: Mask) -> tuple[str, ...]:
        """Releases of some of the granules, sorted."""
        editions = np.unique(self.editions[which]).tolist()
        return tuple(sorted({edition[-6:-3].decode() for edition in editions}))

    def places(self, name: GranuleName) -> bool:
        """True if the granule is listed and its footprint is known."""
        key = name.id.encode()[: _split(name)]
        row = int(np.searchsorted(self.keys, key))
        return row < len(self.keys) and self.keys[row] == key and not self.unplaced[row]


class NameList:
    """Collects names of granules, and the records that were left out."""

    def __init__(self) -> None:
        self.unusable: list[tuple[str, str]] = []
        """The first :data:`KEPT` of the records left out: their own name, and the reason."""
        self.left_out = 0
        """Number of records that were left out."""
        self._ids = bytearray()
        self._kind = np.dtype([("key", f"S{_KEY}"), ("_", "S1"), ("edition", "S6")])
        """An id, ``ATL03_20181014031924_02370102_007_01``, as one row."""
        self._places = bytearray()

    def add(self, name: GranuleName, *, inside: bool | None) -> None:
        """Add a granule; ``inside``: whether it meets the box, None if that is unknown.

        All are of one product, so that their ids have one length.
        """
        granule, split = name.id.encode(), _split(name)
        if not self._ids:
            sizes = f"S{split}", f"S{len(granule) - split - 1}"
            self._kind = np.dtype([("key", sizes[0]), ("_", "S1"), ("edition", sizes[1])])
        self._ids += granule
        self._places.append(_UNPLACED if inside is None else _INSIDE if inside else _OUTSIDE)

    def leave_out(self, title: str, reason: str) -> None:
        """Note a record that cannot be used."""
        self.left_out += 1
        if len(self.unusable) < KEPT:
            self.unusable.append((title, reason))

    def names(self) -> Names:
        """Each granule once, with its highest edition; inside the box if any of its records is."""
        ids = np.frombuffer(bytes(self._ids), self._kind)
        places = np.frombuffer(bytes(self._places), np.uint8)
        order = np.lexsort((ids["edition"], ids["key"]))
        keys, editions, places = ids["key"][order], ids["edition"][order], places[order]
        last = np.append(keys[1:] != keys[:-1], True)[: len(keys)]
        inside, placed = _any(places == _INSIDE, last), _any(places != _UNPLACED, last)
        return Names(keys=keys[last], editions=editions[last], inside=inside, unplaced=~placed)


def _split(name: GranuleName) -> int:
    """Bytes of an id up to its region."""
    return _KEY + (0 if name.hemisphere is None else len("-01"))


def _any(flags: Mask, last: Mask) -> Mask:
    """For each run, True if any flag is set; ``last`` marks the ends of the runs."""
    ends = np.cumsum(flags)[last]
    return np.diff(ends, prepend=0) > 0
