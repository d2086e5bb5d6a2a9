"""Granules of the whole mission for the benchmark: when each was flown and made, and its ring.

1,387 tracks, 14 regions and 26 cycles, less what was flown before the first data: some 501,700
granules. A sample of fewer is spread evenly over the mission, and holds every smaller sample. The
same ring is flown again in each cycle, some hundred metres off. Everything follows from one seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from earthdata_standin.rings import HALF_WIDTH
from earthdata_standin.tracks import FIRST_DATA, FIRST_NODE, PERIOD, TRACKS, Pass

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]
CYCLES: Final = 26
REGIONS: Final = 14
SEED: Final = 7
_MARGIN: Final = 0.046
"""Degrees of flight by which a ring is longer than its region."""
_DRIFT: Final = 250.0
"""Metres, standard deviation, by which a cycle flies beside the track."""
_PRODUCTION: Final = datetime(2025, 3, 20), datetime(2025, 8, 20)
"""When the release was made, in the order of flight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mission:
    """All granules, those of one more cycle too, as columns in the order of flight."""

    start: NDArray[np.datetime64]
    """Milliseconds."""
    end: NDArray[np.datetime64]
    named: NDArray[np.datetime64]
    """The time in the name, seconds."""
    produced: NDArray[np.datetime64]
    """When its record came to CMR, milliseconds."""
    serial: Numbers
    """Number in the concept id, in the order of that."""
    revision_id: Numbers
    """1 to 3, each later by some days."""
    file_revision: Numbers
    size: Numbers
    """Bytes."""
    chance: Floats
    """Shape (granules, 4), 0 to 1: by which oddities are dealt."""
    drift: Floats
    """Metres to the left of the track."""
    shift: Floats
    """Degrees of flight by which the ring lies further on."""
    flown: int
    """Number of the first granule that there are data of."""

    @property
    def count(self) -> int:
        """Granules of the mission, without the cycle that follows it."""
        return CYCLES * TRACKS * REGIONS - self.flown

    def sample(self, count: int) -> Numbers:
        """Numbers of so many granules of the mission, in the order of flight."""
        if count > self.count:
            raise ValueError(f"The mission has {self.count} granules, not {count}.")
        return np.sort(self._shuffled()[:count])

    def others(self, count: int) -> Numbers:
        """Numbers of the granules of the mission that are not in that sample."""
        return self._shuffled()[count:]

    def _shuffled(self) -> Numbers:
        return self.flown + np.random.default_rng(SEED).permutation(self.count)


@cache
def mission() -> Mission:
    """Deal the facts of all granules."""
    rng = np.random.default_rng(SEED)
    revolutions = (CYCLES + 1) * TRACKS
    count = revolutions * REGIONS
    edges = np.array([Pass(rgt=1, cycle=1, region=r).u_range for r in range(1, REGIONS + 1)])
    late = np.clip(rng.normal(0.0, 20.0, revolutions), -60.0, 60.0)
    nodes = PERIOD * np.arange(revolutions) + late
    seconds = (nodes[:, None, None] + PERIOD * edges / 360.0).reshape(count, 2)
    first = np.datetime64(FIRST_NODE.replace(tzinfo=None), "ms")
    start, end = (first + np.round(1000 * seconds.T).astype("timedelta64[ms]")).copy()
    chance = rng.random((count, 4))
    named = start.astype("datetime64[s]") + np.where(
        rng.random(count) < 0.8, 0, rng.integers(1, 9, count)
    ).astype("timedelta64[s]")
    began, ended = (np.datetime64(time, "ms") for time in _PRODUCTION)
    spread = rng.integers(0, 10 * 86_400_000, count).astype("timedelta64[ms]")
    made = began + (np.arange(count) / count * (ended - began).astype(float)).astype("m8[ms]")
    produced = made + spread
    serial = np.empty(count, dtype=np.int64)
    serial[np.argsort(produced, kind="stable")] = np.arange(count)
    return Mission(
        start=start,
        end=end,
        named=named,
        produced=produced,
        serial=3_400_000_000 + 40 * serial + rng.integers(0, 40, count),
        revision_id=1 + (rng.random(count) < 0.6) + (rng.random(count) < 0.3),
        file_revision=1 + (rng.random(count) < 0.02),
        size=rng.lognormal(21.2, 0.6, count).astype(np.int64),
        chance=chance,
        drift=rng.normal(0.0, _DRIFT, count),
        shift=rng.normal(0.0, 0.004, count),
        flown=int(np.searchsorted(start, np.datetime64(FIRST_DATA.replace(tzinfo=None)))),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RaggedRings:
    """Outlines of all tracks' regions, one after the other, open and counter-clockwise."""

    first: Numbers
    """Place of each outline's first point; one more for the end of the last."""
    u: Floats
    """Degrees of flight since the ascending node, of each point."""
    left: Floats
    """Metres to the left of the track, of each point."""


@cache
def rings() -> RaggedRings:
    """Draw the outlines: as many points on either long side, four to 25."""
    rng = np.random.default_rng(SEED + 1)
    edges = [Pass(rgt=1, cycle=1, region=r).u_range for r in range(1, REGIONS + 1)]
    counts = np.clip(rng.normal(13, 4, TRACKS * REGIONS), 4, 25).astype(int)
    us, lefts = [], []
    for place, count in enumerate(counts):
        start, end = edges[place % REGIONS]
        u = np.linspace(start - _MARGIN, end + _MARGIN, count)
        u[1:-1] += rng.uniform(-0.3, 0.3, count - 2) * (u[1] - u[0])
        us.append(np.concatenate([u, u[::-1]]))
        lefts.append(np.repeat([-HALF_WIDTH, HALF_WIDTH], count))
    return RaggedRings(
        first=np.concatenate([[0], np.cumsum(2 * counts)]),
        u=np.concatenate(us),
        left=np.concatenate(lefts),
    )
