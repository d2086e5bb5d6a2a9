"""A search of the stand-in's STAC API: its parameters, read and refused as CMR-STAC does.

Source of limits and messages: https://github.com/nasa/cmr-stac, ``src/middleware``.
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import urlencode

import orjson
from aiohttp import web

DEFAULT_LIMIT: Final = 10
"""Items in a page unless the request says otherwise."""

_MAX_LIMIT: Final = 5000
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")

Query = dict[str, Any]


class StacRefusal(Exception):  # noqa: N818 - an answer, not a fault of the program
    """What CMR-STAC answers instead of a result."""

    def __init__(self, status: int, *errors: str) -> None:
        self.status = status
        self.errors = errors
        super().__init__("; ".join(errors))


async def read_query(request: web.Request) -> Query:
    """The parameters of a request, from its address and its body, which has the last word.

    Lists may be written as ``a,b``, as ``bbox[0]=1&bbox[1]=2`` (so are those of next links), or
    in a body as JSON has them.
    """
    query: Query = {}
    for key, value in request.query.items():
        name, bracket, _ = key.partition("[")
        if bracket:
            query.setdefault(name, []).append(value)
        else:
            query[name] = value
    if request.method == "POST" and request.can_read_body:
        try:
            body = orjson.loads(await request.read())
        except orjson.JSONDecodeError:
            body = None
        if not isinstance(body, dict):
            raise StacRefusal(400, "The body is not valid JSON.")
        query |= {key: value for key, value in body.items() if value not in (None, "", [])}
    return query


def check(query: Query) -> None:
    """Refuse what CMR-STAC refuses."""
    limit = str(query.get("limit", DEFAULT_LIMIT))
    if not limit.isdigit() or int(limit) > _MAX_LIMIT:
        raise StacRefusal(400, f"Limit must be between 0 and {_MAX_LIMIT}")
    if bbox := texts(query, "bbox"):
        try:
            west, south, east, north = map(
                float, bbox if len(bbox) == 4 else bbox[0:2] + bbox[3:5]
            )
            valid = -180 <= west <= east <= 180 and -90 <= south <= north <= 90
        except ValueError:
            valid = False
        if not valid:
            raise StacRefusal(
                400,
                "BBOX must be in the form of 'bbox=swLon,swLat,neLon,neLat' with valid latitude "
                "and longitude.",
            )
    if times := query.get("datetime"):
        parts = str(times).split("/")
        known = [part for part in parts if part not in ("", "..")]
        if len(parts) > 2 or not known or not all(map(_TIME.fullmatch, known)):
            raise StacRefusal(400, "Query param datetime does not match a valid date format.")


def texts(query: Query, name: str) -> list[str]:
    """A parameter that is a list, however it was written."""
    value = query.get(name) or []
    return value.split(",") if isinstance(value, str) else [str(one) for one in value]


def temporal(times: str) -> str:
    """An interval as CMR has it."""
    first, _, last = times.partition("/")
    if "/" not in times:
        last = first
    return ",".join("" if part == ".." else part for part in (first, last))


def spellings(name: str) -> set[str]:
    """Ids that a name may stand for: ``ATL03.v007`` is an older way to write ``ATL03_007``."""
    return {name, name.replace(".v", "_")}


def written(query: Query) -> str:
    """A query as part of a URL, lists as ``bbox[0]=1&bbox[1]=2``."""
    pairs: list[tuple[str, Any]] = []

    def write(key: str, value: Any) -> None:
        if isinstance(value, dict):
            for name, part in value.items():
                write(f"{key}[{name}]", part)
        elif isinstance(value, list):
            for number, part in enumerate(value):
                write(f"{key}[{number}]", part)
        else:
            pairs.append((key, value))

    for key, value in query.items():
        write(key, value)
    return urlencode(pairs)
