"""What a build says of itself when it is done."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, Literal

MOST_LISTED: Final = 1000
"""Ids that a report lists of each kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """A record that is not in the catalog, and why."""

    granule_ur: str
    concept_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildReport:
    """What a build read, wrote, changed, removed and set aside."""

    builder: str
    """Name and version of this package."""
    definition: str
    collection: str
    """Concept id of CMR's collection."""
    cmr: str
    """Address of CMR."""
    started: datetime
    finished: datetime
    dry_run: bool
    """Whether nothing was written."""
    mode: Literal["full", "update"]
    """Whether all records were read, or only what was revised since the last build."""
    recipe: str
    """What the items are made by: the package's version, the definition, the collection."""
    asked: datetime
    """When CMR was first asked for granules, by its own clock."""
    listed: datetime
    """When all its records, or at least their ids, were last listed."""
    hits: int
    """Records that CMR said there are."""
    read: int
    """Records that CMR gave."""
    items: int
    """Granules in the catalog."""
    outside: int
    """Granules left out since their footprint does not meet the definition's box: CMR's search by
    place is loose."""
    added: tuple[str, ...]
    """Ids of granules that are new, the first 1,000."""
    added_count: int
    changed: tuple[str, ...]
    """Ids of granules whose items are others now, the first 1,000."""
    changed_count: int
    removed: tuple[str, ...]
    """Ids of granules that are no longer there, the first 1,000."""
    removed_count: int
    unchanged: int
    """Granules whose items stay as they are."""
    files_written: int
    """Files that were made or replaced, without this report."""
    set_aside: tuple[SetAside, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)
