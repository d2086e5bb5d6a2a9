"""Splits a page into records when one of them is not JSON, so that only this one is lost."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{},]', re.DOTALL)
"""A string, a bracket, a brace or a comma: enough to find where records begin and end."""

_GRANULE_UR: Final = re.compile(rb'"GranuleUR"\s*:\s*"((?:[^"\\]|\\.){1,200})"')
_CONCEPT_ID: Final = re.compile(rb'"concept-id"\s*:\s*"(G\d{1,20}-\w{1,40})"')
_REVISION_ID: Final = re.compile(rb'"revision-id"\s*:\s*(\d{1,9})\b')
_REVISION_DATE: Final = re.compile(rb'"revision-date"\s*:\s*"([0-9TZ:.+-]{1,40})"')


def split_records(body: bytes) -> list[bytes]:
    """The bytes of each record in the list ``items`` of a page.

    Raises ValueError if there is no such list, or it does not end.
    """
    return list(_records(body))


def _records(body: bytes) -> Iterator[bytes]:
    depth, key, start = 0, b"", -1
    inside = False
    for token in _TOKEN.finditer(body):
        text = token[0]
        if text in b"[{":
            depth += 1
            if depth == 2 and text == b"[" and key == b'"items"':
                inside, start = True, token.end()
        elif text in b"]}":
            depth -= 1
            if inside and depth == 1:
                if text != b"]":
                    break
                if last := body[start : token.start()].strip():
                    yield last
                return
        elif text == b"," and inside and depth == 2:
            yield body[start : token.start()].strip()
            start = token.end()
        elif depth == 1:
            key = text
    raise ValueError("the page has no list of items that ends")


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
