"""The report of the last build: the values that the next build starts from."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Self

import orjson

from catalog_builder.catalog.build.report import SetAside
from catalog_builder.catalog.stac.layout import INDEX, REPORT

if TYPE_CHECKING:
    from catalog_builder.safe_folder import SafeFolder

_log = logging.getLogger(__name__)

_FIRST_YEAR: Final = 2018
"""Of ICESat-2's granules."""

OVERLAP: Final = timedelta(hours=6)
"""An incremental build fetches revisions from this long before the last build, since CMR lists a
revision some time after its date, and clocks differ."""

LISTED_EVERY: Final = timedelta(days=7)
"""After this time all ids are listed again, even if the number of records is as expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastBuild:
    """Values from the report of the last complete build."""

    recipe: str
    """Digest of all inputs of the items but CMR's records."""
    hits: int
    """Number of records in CMR."""
    items: int
    """Number of granules in the catalog."""
    asked: datetime
    """When CMR first answered, by its own clock."""
    listed: datetime
    """When all its records were last listed."""
    set_aside: tuple[SetAside, ...]

    @classmethod
    def read(cls, folder: SafeFolder) -> Self | None:
        """Read the report in a folder; None if it cannot be used, or there is no index.

        It is missing before the first complete build, and may be damaged or of an older version.
        Then the next build fetches all records.
        """
        body = folder.read(REPORT)
        if body is None or folder.size(INDEX) is None:
            return None
        try:
            report = orjson.loads(body)
            last = cls(
                recipe=str(report["recipe"]),
                hits=int(report["hits"]),
                items=int(report["items"]),
                asked=_time(report["asked"]),
                listed=_time(report["listed"]),
                set_aside=tuple(map(_set_aside, report["set_aside"])),
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            _log.warning(
                "%s cannot be used (%r): all records are fetched again.",
                folder.root / REPORT,
                error,
            )
            return None
        return last

    @property
    def since(self) -> datetime:
        """Revisions from this time on are fetched."""
        return self.asked - OVERLAP

    def is_due(self, now: datetime) -> bool:
        """True if all ids should be listed again."""
        return now - self.listed > LISTED_EVERY


def _time(text: str) -> datetime:
    """A time that is at most a day in the future: a later one would hide revisions.

    Nor is it before there was anything to ask for: time before the first year is none.
    """
    time = datetime.fromisoformat(text).astimezone(UTC)
    if time.year < _FIRST_YEAR:
        raise ValueError(f"{text} is before the mission")
    if time - datetime.now(UTC) > timedelta(days=1):
        raise ValueError(f"{text} is in the future")
    return time


def _set_aside(record: object) -> SetAside:
    if not (isinstance(record, dict) and all(isinstance(text, str) for text in record.values())):
        raise TypeError(f"{record!r} is not a record that was set aside")
    return SetAside(**record)
