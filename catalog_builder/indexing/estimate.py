"""What indexing will take: bytes, requests, core-hours, time and money, from a few scans.

The scans of a sample are scaled by the sizes of the granules' files, which the index has from CMR.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from catalog_builder.indexing.scan_task import ScanCost
from catalog_builder.progress import bytes_text

SAMPLE: Final = 5
"""Granules that are scanned for an estimate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What it will take to index some granules; None for what is not known yet."""

    granules: int
    """Number of granules to index."""
    stored: float | None
    """Bytes of their files, by their records; None where these do not say."""
    sampled: int = 0
    """Number of granules that were scanned for this estimate."""
    bytes: float | None = None
    """Bytes to read."""
    requests: float | None = None
    """Requests to where the granules are stored."""
    core_hours: float | None = None
    """Hours for which a core is taken, one core for each granule while it is scanned."""
    cpu_hours: float | None = None
    """Of these, hours in which the core works rather than waits."""
    workers: int | None = None
    """Granules scanned at a time."""
    wall: float | None = None
    """Seconds, with so many at a time."""
    price: float | None = None
    """Of a core-hour, in whatever currency."""
    cost: float | None = None
    """Core-hours times their price: without requests, storage and traffic."""

    def __str__(self) -> str:
        """One sentence."""
        stored = "" if self.stored is None else f" of {bytes_text(self.stored)}"
        text = f"{self.granules:,} granule{'s' * (self.granules != 1)}{stored} to index"
        if self.bytes is None or self.requests is None or self.core_hours is None:
            return f"{text}."
        text += (
            f": {bytes_text(self.bytes)} to read in {self.requests:,.0f} requests, "
            f"{self.core_hours:,.2g} core-hours"
        )
        if self.wall is not None:
            text += f", {_duration(self.wall)} with {self.workers} at a time"
        if self.cost is not None:
            text += f", {self.cost:,.2f} at {self.price:g} a core-hour"
        return f"{text} (by {self.sampled} that were scanned)."


def estimate(
    granules: int,
    stored: float,
    sample: Sequence[tuple[float, ScanCost]],
    *,
    workers: int | None,
    price: float | None,
) -> Estimate:
    """Estimate what it takes to index so many granules.

    ``stored`` is the sum of the bytes of their files, NaN where unknown, and ``sample`` has the
    bytes of the file of each granule that was scanned, NaN where unknown, with what that took.
    """
    known = None if math.isnan(stored) else stored
    if not sample or not granules:
        return Estimate(granules=granules, stored=known, workers=workers, price=price)
    of_sample = sum(size for size, _ in sample)
    # By the number of granules where sizes are not known.
    scale = stored / of_sample if stored > 0 and of_sample > 0 else granules / len(sample)
    costs = [cost for _, cost in sample]
    hours = scale * sum(cost.wall for cost in costs) / 3600
    return Estimate(
        granules=granules,
        stored=known,
        sampled=len(sample),
        bytes=scale * sum(cost.bytes for cost in costs),
        requests=scale * sum(cost.requests for cost in costs),
        core_hours=hours,
        cpu_hours=scale * sum(cost.cpu for cost in costs) / 3600,
        workers=workers,
        wall=None if workers is None else 3600 * hours / max(1, min(workers, granules)),
        price=price,
        cost=None if price is None else price * hours,
    )


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 100 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:,.0f} h"
