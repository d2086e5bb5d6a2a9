"""The report of a build, published as ``build-report.json``."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, Literal

MOST_LISTED: Final = 1000
"""Most ids in each list of a report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """A record that cannot be in the catalog, and the reason."""

    granule_ur: str
    concept_id: str
    reason: str
    """A sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildReport:
    """What a build read, wrote, changed, removed and set aside."""

    builder: str
    """Name and version of this package."""
    definition: str
    collection: str
    """Concept id of CMR's collection; of several, all, in the definition's order, with spaces."""
    cmr: str
    """Address of CMR."""
    started: datetime
    finished: datetime
    dry_run: bool
    """True if nothing was written."""
    mode: Literal["full", "update"]
    """``update`` if only records revised since the last build were fetched."""
    recipe: str
    """Digest of all inputs of items but CMR's records: the package's version, the definition, the
    collection."""
    asked: datetime
    """When CMR first answered, by its own clock."""
    listed: datetime
    """When all records in CMR, or at least their ids, were last listed."""
    hits: int
    """Number of records in CMR, by CMR's count."""
    read: int
    """Number of records that were fetched."""
    items: int
    """Number of granules in the catalog."""
    outside: int
    """Number of granules left out because their footprint does not meet the definition's box,
    though CMR lists them."""
    added: tuple[str, ...]
    """Ids of added granules, the first 1,000."""
    added_count: int
    changed: tuple[str, ...]
    """Ids of granules whose items changed, the first 1,000."""
    changed_count: int
    removed: tuple[str, ...]
    """Ids of removed granules, the first 1,000."""
    removed_count: int
    unchanged: int
    """Number of granules whose items did not change."""
    files_written: int
    """Number of files that were created or replaced, besides this report."""
    set_aside: tuple[SetAside, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)
