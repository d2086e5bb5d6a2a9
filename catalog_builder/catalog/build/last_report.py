"""What the last build of a folder left, as its report tells: where the next one goes on from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Self

import orjson

from catalog_builder.catalog.build.report import SetAside
from catalog_builder.catalog.stac.layout import INDEX, REPORT

if TYPE_CHECKING:
    from catalog_builder.safe_folder import SafeFolder

OVERLAP: Final = timedelta(hours=6)
"""How far a rebuild looks back beyond the last one: CMR shows a revision some time after its date,
and clocks differ."""

LISTED_EVERY: Final = timedelta(days=7)
"""After which a rebuild lists all ids again, though nothing hints at a removal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastBuild:
    """Facts of the last build that came to its end."""

    recipe: str
    """What the items were made by; another one makes other items of the same records."""
    hits: int
    """Records that CMR listed."""
    items: int
    """Granules in the catalog."""
    asked: datetime
    """When CMR was asked, by its own clock."""
    listed: datetime
    """When all its records were last listed."""
    set_aside: tuple[SetAside, ...]

    @classmethod
    def read(cls, folder: SafeFolder) -> Self | None:
        """None where no build came to its end, or an older one that did not say as much."""
        try:
            told = orjson.loads(folder.read(REPORT) or b"")
            if folder.size(INDEX) is None:
                return None
            return cls(
                recipe=str(told["recipe"]),
                hits=int(told["hits"]),
                items=int(told["items"]),
                asked=_time(told["asked"]),
                listed=_time(told["listed"]),
                set_aside=tuple(SetAside(**one) for one in told["set_aside"]),
            )
        except (KeyError, TypeError, ValueError, OverflowError):
            return None

    @property
    def since(self) -> datetime:
        """From when on revisions are asked for."""
        return self.asked - OVERLAP

    def is_due(self, now: datetime) -> bool:
        """Whether it is time to list all ids again."""
        return now - self.listed > LISTED_EVERY


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
