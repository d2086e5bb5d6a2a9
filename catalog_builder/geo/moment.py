"""A time as people give it: ISO 8601 text, dates and times of Python, NumPy and pandas.

What was written with less than a second's precision stands for all of the year, month, week, day,
hour or minute that it names. Python's own ``fromisoformat`` cannot read this: it does not tell how
precisely a time was written, and takes neither years, months, weeks nor ordinal dates.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any, Final, TypeAlias

from catalog_builder.errors import WindowError

Interval: TypeAlias = tuple[datetime | None, datetime | None]
"""First and last instant, both inside, UTC; None is open."""

Moment: TypeAlias = Any
"""Text, a date or datetime, a ``numpy.datetime64``, a pandas ``Timestamp`` or ``Period``; None or
``..`` for an open end."""

FORMS: Final = (
    "2019, 2019-01, 2019-01-31, 20190131, 2019-W05, 2019-W05-4, 2019-031, each with a time of day "
    "after T if it is a day (12, 12:30, 123015, 12:30:15.5Z, 12:30+02:00), or an interval A/B, "
    "A/.. or ../B"
)

_TICK: Final = timedelta(microseconds=1)

_DATE: Final = re.compile(
    r"(?P<year>\d{4})(?:"
    r"-(?P<month>\d\d)(?:-(?P<day>\d\d))?"
    r"|(?P<month2>\d\d)(?P<day2>\d\d)"
    r"|-W(?P<week>\d\d)(?:-(?P<weekday>\d))?"
    r"|W(?P<week2>\d\d)(?P<weekday2>\d)?"
    r"|-?(?P<ordinal>\d{3})"
    r")?",
    re.ASCII,
)
_TIME: Final = re.compile(
    r"(?P<hour>\d\d)(?:"
    r":(?P<minute>\d\d)(?::(?P<second>\d\d))?"
    r"|(?P<minute2>\d\d)(?P<second2>\d\d)?"
    r")?(?:[.,](?P<fraction>\d{1,18}))?"
    r"(?P<zone>Z|[+-]\d\d(?::?\d\d)?)?",
    re.ASCII,
)

_WHOLE_UNITS: Final = ("Y", "M", "W", "D", "h", "m")


def read_moment(moment: Moment) -> Interval:
    """First and last instant that a time stands for; (None, None) for an open end.

    A time without a zone is UTC. Raises :class:`~catalog_builder.errors.WindowError` for what is
    none of the forms, or no time that there is.
    """
    if moment is None or (isinstance(moment, str) and moment.strip() in ("", "..")):
        return None, None
    try:
        if isinstance(moment, str):
            return _read_text(moment.strip())
        if isinstance(moment, date) and not isinstance(moment, datetime):
            return _whole(datetime.combine(moment, time(), UTC), timedelta(days=1))
        if type(moment).__module__ == "numpy":
            return _read_numpy(moment)
        if moment == moment and hasattr(moment, "start_time"):  # a Period of pandas
            return _instant(moment.start_time), _instant(moment.end_time)
        if isinstance(moment, datetime) and moment == moment:  # NaT is not equal to itself
            return (_instant(moment),) * 2
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        raise _no_time(moment) from error
    raise _no_time(moment)


def _read_text(text: str) -> Interval:
    day, mark, clock = (
        re.split(r"([Tt ])", text, maxsplit=1)
        if re.search("[Tt ]", text)
        else (
            text,
            "",
            "",
        )
    )
    found = _DATE.fullmatch(day.upper())
    if found is None:
        raise ValueError(text)
    part = {name: int(value) for name, value in found.groupdict().items() if value}
    start, length = _read_date(part)
    if not mark:
        return _whole(start, length)
    if length != timedelta(days=1):
        raise ValueError(text)
    return _read_time(start, clock.upper())


def _read_date(part: dict[str, int]) -> tuple[datetime, timedelta]:
    """Start and length of what the numbers of a date name."""
    year = part["year"]
    month, day = part.get("month", part.get("month2")), part.get("day", part.get("day2"))
    week, weekday = part.get("week", part.get("week2")), part.get("weekday", part.get("weekday2"))
    one_day = timedelta(days=1)
    if week is not None:
        start = date.fromisocalendar(year, week, 1 if weekday is None else weekday)
        return datetime.combine(start, time(), UTC), one_day * (7 if weekday is None else 1)
    start_of_year = datetime(year, 1, 1, tzinfo=UTC)
    if (number := part.get("ordinal")) is not None:
        start_of_day = start_of_year + timedelta(days=number - 1)
        if number < 1 or start_of_day.year != year:
            raise ValueError(number)
        return start_of_day, one_day
    first = datetime(year, month or 1, day or 1, tzinfo=UTC)
    if day is not None:
        return first, one_day
    if month is not None:
        return first, (first + timedelta(days=31)).replace(day=1) - first
    return first, first.replace(year=year + 1) - first


def _read_time(day: datetime, clock: str) -> Interval:
    found = _TIME.fullmatch(clock)
    if found is None:
        raise ValueError(clock)
    minute = found["minute"] or found["minute2"]
    second = found["second"] or found["second2"]
    fraction = found["fraction"]
    if fraction and second is None:
        raise ValueError(clock)
    start = day.replace(
        hour=int(found["hour"]),
        minute=int(minute or 0),
        second=int(second or 0),
        microsecond=int((fraction or "0").ljust(6, "0")[:6]),
    ) - _offset(found["zone"])
    if second is not None:
        return start, start
    return _whole(start, timedelta(minutes=1) if minute else timedelta(hours=1))


def _offset(zone: str | None) -> timedelta:
    if zone is None or zone == "Z":
        return timedelta()
    digits = zone[1:].replace(":", "")
    minutes = int(digits[2:] or 0)
    if minutes > 59:
        raise ValueError(zone)
    offset = timedelta(hours=int(digits[:2]), minutes=minutes)
    timezone(offset)  # less than a day
    return -offset if zone[0] == "-" else offset


def _read_numpy(moment: Any) -> Interval:
    import numpy as np

    if not isinstance(moment, np.datetime64) or np.isnat(moment):
        raise ValueError(moment)
    unit, count = np.datetime_data(moment.dtype)
    start = moment.astype("datetime64[us]").item()
    if not isinstance(start, datetime):  # out of the years that Python has
        raise ValueError(moment)
    first = start.replace(tzinfo=UTC)
    if unit not in _WHOLE_UNITS:
        return first, first
    length: Any = np.timedelta64
    after = (moment + length(count, unit)).astype("datetime64[us]").item()
    return first, after.replace(tzinfo=UTC) - _TICK


def _instant(moment: datetime) -> datetime:
    """As Python's own datetime, in UTC, whole microseconds."""
    plain = datetime(
        *(moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second),
        moment.microsecond,
        tzinfo=moment.tzinfo or UTC,
        fold=moment.fold,
    )
    return plain.astimezone(UTC)


def _whole(start: datetime, length: timedelta) -> Interval:
    return start, start + (length - _TICK)


def _no_time(moment: Moment) -> WindowError:
    return WindowError(f"{repr(moment)[:80]} is no time. Times are {FORMS}.")
