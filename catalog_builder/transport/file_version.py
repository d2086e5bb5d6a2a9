"""The version of a remote file, as the headers of an answer give it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final, Self

_TOTAL: Final = re.compile(r"bytes (?:\d+-\d+|\*)/(\d+)")


class FileChangedError(OSError):
    """An answer came from another version of the file than the answers before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileVersion:
    """What the headers of an answer say about the version of a file; each may be unknown."""

    etag: str | None = None
    """Entity tag without its quotes; starts with ``W/`` where it is weak."""
    modified: datetime | None = None
    """Time of the last change, to the second."""
    settled: bool = False
    """Whether the answer came a second or more after ``modified``, so that a later change has a
    later date (RFC 9110, section 8.8.2.2)."""
    size: int | None = None
    """Bytes of the whole file."""

    @classmethod
    def of_headers(cls, headers: Mapping[str, str]) -> Self:
        """The version that an HTTP answer tells of; ``headers`` take names in any case.

        The size comes from ``Content-Range``, else, of an answer that is not compressed, from
        ``Content-Length``: only pass headers of a 200, 206 or 304.
        """
        modified, now = (http_date(headers.get(name)) for name in ("Last-Modified", "Date"))
        size = None
        if (content_range := headers.get("Content-Range")) is not None:
            total = _TOTAL.match(content_range)
            size = int(total[1]) if total else None
        elif headers.get("Content-Encoding", "identity").strip().lower() in ("", "identity"):
            length = headers.get("Content-Length", "")
            size = int(length) if length.isdecimal() else None
        tag = headers.get("ETag", "").strip()
        weak = "W/" if tag.startswith("W/") else ""
        name = tag.removeprefix("W/").strip('"')
        return cls(
            etag=f"{weak}{name}" if name else None,
            modified=modified,
            settled=bool(modified and now and now - modified >= timedelta(seconds=1)),
            size=size,
        )

    @property
    def is_certain(self) -> bool:
        """Whether every other version of the file can be told from this one."""
        return self.settled or (self.etag is not None and not self.etag.startswith("W/"))

    def agrees_with(self, other: FileVersion) -> bool:
        """Whether a later answer, with this ``other`` version, may be of the same file.

        ETags that differ are those of two replicas where date and size are the same. A host that
        tells nothing always agrees.
        """
        if _differ(self.size, other.size):
            return False
        if self.etag is not None and other.etag is not None:
            if self.etag.removeprefix("W/") != other.etag.removeprefix("W/"):
                return self.settled and self.modified == other.modified
            if not self.etag.startswith("W/"):
                return True  # the same bytes, uploaded once more, have a later date
        return not _differ(self.modified, other.modified)


def _differ(one: object, other: object) -> bool:
    return one is not None and other is not None and one != other


def http_date(text: str | None) -> datetime | None:
    """The time of a header, in UTC where it names no zone; None for what is no time."""
    try:
        date = None if text is None else parsedate_to_datetime(text)
    except (OverflowError, TypeError, ValueError):
        return None
    return date if date is None or date.tzinfo else date.replace(tzinfo=UTC)
