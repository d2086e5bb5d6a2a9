"""Splits a page into records when one of them is not JSON, so that only this one is lost."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Any, Final

_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{},]', re.DOTALL)
"""A string, a bracket, a brace or a comma: enough to find where records begin and end."""

_BEGIN: Final = re.compile(rb'\{\s*"meta"\s*:')
"""With what each record of CMR begins."""

_GRANULE_UR: Final = re.compile(rb'"GranuleUR"\s*:\s*"((?:[^"\\]|\\.){1,200})"')
_CONCEPT_ID: Final = re.compile(rb'"concept-id"\s*:\s*"(G\d{1,20}-\w{1,40})"')
_REVISION_ID: Final = re.compile(rb'"revision-id"\s*:\s*(\d{1,9})\b')
_REVISION_DATE: Final = re.compile(rb'"revision-date"\s*:\s*"([0-9TZ:.+-]{1,40})"')


def split_records(body: bytes) -> list[bytes]:
    """The bytes of each record in the list ``items`` of a page.

    A record whose own brackets or quotes are broken is parted from the next where that begins as
    CMR begins one. Raises ValueError for what has no such list, or one that does not end.
    """
    return [part for record in _records(body) for part in _parted(record)]


def _records(body: bytes) -> list[bytes]:
    """The members of the list, by the brackets of the page."""
    depth, key, start = 0, b"", -1
    inside = ended = False
    found = []
    for token in _TOKEN.finditer(body):
        text = token[0]
        if text in b"[{":
            depth += 1
            if depth == 2 and text == b"[" and key == b'"items"' and not ended:
                inside, start = True, token.end()
        elif text in b"]}":
            depth -= 1
            if inside and depth == 1:
                if text != b"]":
                    break
                if last := body[start : token.start()].strip():
                    found.append(last)
                # Not where it goes on: then this bracket is a broken record's own.
                inside, ended = False, _BEGIN.search(body, token.end()) is None
            elif depth < 0:
                break
        elif text == b"," and inside and depth == 2:
            found.append(body[start : token.start()].strip())
            start = token.end()
        elif depth == 1:
            key = text
    if depth or not ended:
        raise ValueError("the page has no list of items that ends")
    return found


def _parted(record: bytes) -> list[bytes]:
    """A record; or that and those that it swallowed, for it is no JSON."""
    begins = [begin.start() for begin in _BEGIN.finditer(record) if begin.start()]
    if not begins:
        return [record]
    try:
        json.loads(record)
    except (ValueError, RecursionError):
        cuts = pairwise([0, *begins, len(record)])
        return [record[start:stop].strip(b", \t\r\n") for start, stop in cuts]
    return [record]


def salvage(raw: bytes) -> dict[str, Any]:
    """The ids and dates in a record that is not JSON, in the form of a record."""
    try:
        record = json.loads(raw.decode("utf-8", "replace"), strict=False, parse_constant=str)
    except (ValueError, RecursionError):
        record = None
    if isinstance(record, dict):
        return record
    meta = {
        "concept-id": _first(_CONCEPT_ID, raw),
        "revision-id": int(_first(_REVISION_ID, raw) or 0),
        "revision-date": _first(_REVISION_DATE, raw),
    }
    return {"meta": meta, "umm": {"GranuleUR": _first(_GRANULE_UR, raw)}}


def _first(pattern: re.Pattern[bytes], raw: bytes) -> str:
    found = pattern.search(raw)
    return found[1].decode("utf-8", "replace") if found else ""
