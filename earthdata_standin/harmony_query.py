"""Reads requests to the stand-in's Harmony, as strictly as Harmony does.

Source: ``frontends/ogc-coverages`` and ``util/variables.ts`` of https://github.com/nasa/harmony.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import shapely

from earthdata_standin.subset import Wanted

Form = Mapping[str, list[str]]
"""Parameters by their names in lower case."""

_RANGE: Final = re.compile(
    r"(?P<name>lat|lon)\((?P<first>[^:()]*):(?P<last>[^:()]*)\)"
    r'|time\((?P<start>\*|"[^"]*"):(?P<end>\*|"[^"]*")\)'
)
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?(e-?\d+)?")
_EPOCH: Final = datetime(2018, 1, 1, tzinfo=UTC)


class HarmonyRefusal(Exception):  # noqa: N818 - it is an answer
    """A refusal, in Harmony's words."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, f"harmony.{kind}"


def parse_coverages(form: Form) -> Wanted:
    """What a request by OGC API Coverages wants; raises :class:`HarmonyRefusal`."""
    ranges = _ranges(form.get("subset", []))
    return Wanted(
        boxes=_boxes(ranges),
        seconds=_seconds(*ranges["time"]) if "time" in ranges else None,
        variables=frozenset(_variables(form.get("variable", []))),
    )


def parse_edr(form: Form) -> Wanted:
    """What a request by OGC API EDR wants; raises :class:`HarmonyRefusal`."""
    try:
        shape = shapely.from_wkt(form["coords"][0])
    except (KeyError, shapely.GEOSException):
        raise HarmonyRefusal(
            400, "RequestValidationError", 'query parameter "coords" is no valid WKT'
        ) from None
    start, slash, end = form.get("datetime", [""])[0].partition("/")
    return Wanted(
        shape=shape,
        seconds=_seconds(start, end) if slash else None,
        variables=frozenset(_variables(form.get("parameter-name", []))),
    )


def _variables(texts: Sequence[str]) -> list[str]:
    names = [name for text in texts for name in text.split(",")]
    if "all" in names and len(names) > 1:
        raise HarmonyRefusal(
            400,
            "RequestValidationError",
            '"all" cannot be specified alongside other variables',
        )
    return [] if names == ["all"] else names


def _ranges(texts: Sequence[str]) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for text in texts:
        match = _RANGE.fullmatch(text)
        if match is None:
            raise _parse_refusal(f'unable to parse subset dimension from value "{text}"')
        name = match["name"] or "time"
        if name in found:
            raise _parse_refusal(f'subset dimension "{name}" was specified multiple times')
        if name == "time":
            found[name] = match["start"].strip('"'), match["end"].strip('"')
        else:
            found[name] = match["first"], match["last"]
    return found


def _parse_refusal(message: str) -> HarmonyRefusal:
    return HarmonyRefusal(400, "RequestValidationError", f'query parameter "subset" {message}')


def _boxes(ranges: Mapping[str, tuple[str, str]]) -> tuple[tuple[float, float, float, float], ...]:
    if not {"lat", "lon"} & set(ranges):
        return ()
    numbers: dict[str, tuple[float, float]] = {}
    for name, limit in (("lat", 90.0), ("lon", 180.0)):
        texts = ranges.get(name, ("*", "*"))
        for text in texts:
            if text != "*" and not _NUMBER.fullmatch(text):
                raise _parse_refusal(
                    f'subset dimension "{name}" has an invalid numeric value "{text}"'
                )
        first, last = (
            edge if text == "*" else float(text)
            for text, edge in zip(texts, (-limit, limit), strict=True)
        )
        numbers[name] = first, last
    (south, north), (west, east) = numbers["lat"], numbers["lon"]
    if south > north:
        raise _parse_refusal('subset dimension "lat" values must be ordered from low to high')
    if west > east:
        return (west, south, 180.0, north), (-180.0, south, east, north)
    return ((west, south, east, north),)


def _seconds(first: str, last: str) -> tuple[float, float]:
    def of(text: str, otherwise: float) -> float:
        if text in ("*", ".."):
            return otherwise
        try:
            time = datetime.fromisoformat(text)
        except ValueError:
            raise _parse_refusal(
                f'subset dimension "time" has an invalid date time "{text}"'
            ) from None
        return ((time if time.tzinfo else time.replace(tzinfo=UTC)) - _EPOCH).total_seconds()

    return of(first, float("-inf")), of(last, float("inf"))
