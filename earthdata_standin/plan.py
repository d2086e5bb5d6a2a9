"""Which granules the simulated world has, and in which archive each of them lies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Final, Literal

import numpy as np

from earthdata_standin.collection_records import CLOUD, ON_PREMISES
from earthdata_standin.product import Product
from earthdata_standin.tracks import FIRST_DATA, TRACKS, Pass, closest_pass, region_at


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a search should find granules, degrees; west > east where it crosses ±180."""

    west: float
    east: float
    latitude: float
    ascending: bool


_Where = _Place | Literal["pole", "anywhere"]

_ROUND: Final[tuple[_Where, ...]] = (
    _Place(west=-135.0, east=-133.5, latitude=58.65, ascending=True),  # the Juneau Icefield
    _Place(west=179.9, east=180.0, latitude=-17.7, ascending=True),  # Fiji, over ±180 itself
    "pole",
    _Place(west=-135.0, east=-133.5, latitude=58.65, ascending=False),
    "anywhere",
    _Place(west=177.0, east=-178.5, latitude=-17.7, ascending=False),
    "anywhere",
    "anywhere",
)
"""Where one granule after the other is placed, again and again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One record to be made, and what its file is like."""

    number: int
    """Counts the passes from 0: the records of one pass share it."""
    product: Product
    provider: str
    focus: float
    """Argument of latitude, degrees, about which the photons lie."""
    missing: tuple[str, ...] = ()
    """Beams that the file lacks."""
    empty: tuple[str, ...] = ()
    """Beams without photons."""
    direct: bool = True
    """Whether the record has the file's direct-access link."""
    suffixed: bool = False
    """Whether something follows the file's name in the GranuleUR."""


def plan(granules: int, rng: np.random.Generator) -> Iterator[Entry]:
    """The records in their order: each pass in one collection after the other.

    Release 007 in the cloud has ``granules`` of them. Release 006 has three in four of these in
    the cloud, and four in five on premises, with one in ten more that were never migrated.
    """
    seen: set[Pass] = set()
    for number in range(granules + max(1, granules // 10)):
        for attempt in count():
            # A large world has more granules than there are passes over a small place.
            where = _ROUND[number % len(_ROUND)] if attempt < 20 else "anywhere"
            flown, focus = _choose(where, rng)
            if flown not in seen:
                break
        seen.add(flown)
        late = int(rng.choice([0, 0, 0, 0, 1, 3, -5, -40]))
        older = Product(flown=flown, release="006", revision=1 + (number % 6 == 0), late=late)
        newer = Product(flown=flown, release="007", revision=1 + (number == 1), late=late)
        missing = ("gt2r",) if number == 8 else ()
        empty = ("gt3l",) if number == 5 else ()
        migrated = number < granules
        if migrated:
            yield Entry(
                number=number,
                product=newer,
                provider=CLOUD,
                focus=focus,
                missing=missing,
                empty=empty,
                direct=number != 12,
                suffixed=number % 14 == 6,
            )
        if migrated and number % 4 != 3:
            yield Entry(
                number=number,
                product=older,
                provider=CLOUD,
                focus=focus,
                missing=missing,
                empty=empty,
            )
        if not migrated or number % 5 != 4:
            yield Entry(number=number, product=older, provider=ON_PREMISES, focus=focus)


def _choose(where: _Where, rng: np.random.Generator) -> tuple[Pass, float]:
    """A pass there, at a time with data, and the argument of latitude of the place."""
    while True:
        cycle, rgt = int(rng.integers(1, 28)), int(rng.integers(1, TRACKS + 1))
        if where == "pole":
            # In the first months, where the catalog of 88° S looks.
            flown, focus = Pass(rgt=rgt, cycle=1 + (rgt < 220), region=11), 270.0
        elif where == "anywhere":
            flown = Pass(rgt=rgt, cycle=cycle, region=int(rng.integers(1, 15)))
            focus = float(np.mean(flown.u_range))
        else:
            longitude = rng.uniform(where.west, where.east + 360.0 * (where.east < where.west))
            rgt, focus = closest_pass(float(longitude), where.latitude, ascending=where.ascending)
            flown = Pass(rgt=rgt, cycle=cycle, region=region_at(focus))
            focus = _crossing(flown, focus)
        if flown.start >= FIRST_DATA:
            return flown, focus


def _crossing(flown: Pass, focus: float) -> float:
    """Where the track crosses ±180, if it does so within some two degrees; else ``focus``."""
    near = np.linspace(focus - 2.2, focus + 2.2, 441)
    longitude, _ = flown.position(near)
    jumps = np.flatnonzero(np.abs(np.diff(longitude)) > 180.0)
    return float(near[jumps[0]]) if jumps.size else focus
