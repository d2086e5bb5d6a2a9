"""Reads one answer of CMR: a page of records, or an error, transient or not."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Generic, NamedTuple, TypeVar

import orjson
import requests

from catalog_builder.catalog.cmr.damaged_page import salvage, split_records
from catalog_builder.errors import CmrError, CmrQueryError, CmrUnavailableError
from catalog_builder.transport.file_version import http_date
from catalog_builder.transport.retries import TransientError
from catalog_builder.transport.server_words import server_words
from catalog_builder.transport.session import AnswerTooLongError

_ID: Final = re.compile(r"<id>([A-Z]+\d+-\w+)</id>", re.ASCII)
_REVISION: Final = re.compile(r"<revision-id>(\d{1,18})</revision-id>", re.ASCII)

_MOST_REVISION: Final = 2**62
"""Larger revisions are read as this one."""

_OF_EACH_REFERENCE: Final = (b"<reference>", b"<id>", b"<revision-id>", b"</reference>")
"""Tags that occur once in each reference of a page."""

_PIECE: Final = 2**20
"""Bytes of a body that are read at a time."""

Content = TypeVar("Content")
Records = list[dict[str, Any]]
"""Records as dictionaries, ``{"meta": ..., "umm": ...}``."""


class References(NamedTuple):
    """Ids and revisions of records."""

    concept_ids: list[str]
    revision_ids: list[int]
    """Revision of each record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Content]):
    """One answer of CMR."""

    content: Content
    """Records, or the body itself. The last page is not the first with fewer records than
    requested: see ``search_after``."""
    hits: int
    """Records that the query matches at this moment."""
    search_after: str | None
    """Paging cursor for the next page; None if this is the last one."""
    answered: datetime | None
    """When CMR answered, by its own clock, in UTC; None if the answer has no date."""


def read_records(body: bytes) -> Records:
    """The records of a page in UMM JSON; raises ValueError, TypeError or KeyError."""
    try:
        items = orjson.loads(body)["items"]
    except ValueError:
        # One record is not JSON: the others can still be read.
        return [_loaded(raw) for raw in split_records(body)]
    if not isinstance(items, list):
        raise TypeError("items is not a list")
    return items


def _loaded(raw: bytes) -> dict[str, Any]:
    try:
        record = orjson.loads(raw)
    except ValueError:
        return salvage(raw)
    return record if isinstance(record, dict) else {}


def read_whole(body: bytes) -> bytes:
    """The body of a page, unread: page workers decode it.

    Raises ValueError if it does not look like a page of records.
    """
    if not (body.startswith(b"{") and body.endswith(b"}") and b'"items"' in body[:1000]):
        raise ValueError("not a page of records")
    return body


def read_listing(body: bytes) -> bytes:
    """The body of a page of references (XML), unread: it is parsed while the next one is fetched.

    Raises ValueError if it is incomplete, so that it is fetched again.
    """
    counts = {body.count(tag) for tag in _OF_EACH_REFERENCE}
    if len(counts) > 1 or not body.rstrip().endswith(b"</results>"):
        _parse_references(body)  # perhaps complete, though not formatted as by CMR
    return body


def read_references(body: bytes) -> References:
    """The records of a page of references; raises ValueError or TypeError.

    Regular expressions find them, since an XML parser takes three seconds for half a million. A
    page that is not formatted as CMR does is parsed.
    """
    text = body.decode()
    found = References(_ID.findall(text), list(map(int, _REVISION.findall(text))))
    counts = len(found.concept_ids), len(found.revision_ids), text.count("<reference>")
    return found if len(set(counts)) == 1 and counts[0] else _parse_references(body)


def _parse_references(body: bytes) -> References:
    try:
        page = ET.fromstring(body)
    except ET.ParseError as error:
        raise ValueError(str(error)) from error
    found = References(
        [str(one.text) for one in page.iter("id")],
        [min(int(one.text or ""), _MOST_REVISION) for one in page.iter("revision-id")],
    )
    counts = len(found.concept_ids), len(found.revision_ids), len(list(page.iter("reference")))
    if len(set(counts)) > 1:
        raise ValueError(f"{counts[2]} records with {counts[0]} ids and {counts[1]} revisions")
    return found


def read_answer(response: requests.Response, read: Callable[[bytes], Content]) -> Page[Content]:
    """Check an answer and read its page; ``read`` is one of the functions above.

    Raises :class:`~catalog_builder.transport.retries.TransientError` if a retry may help,
    else :class:`~catalog_builder.errors.CmrError`.
    """
    status, request_id = response.status_code, response.headers.get("CMR-Request-Id")
    tail = f" (HTTP {status}{f', request id {request_id}' if request_id else ''})"

    def fault(message: str) -> TransientError:
        pause = _retry_after(response)
        wait = "" if pause is None else f" It asks to wait {pause:.0f} s."
        error = CmrUnavailableError(
            f"{message}{tail}.{wait}", status=status, request_id=request_id
        )
        return TransientError(error, retry_after=pause)

    try:
        # In large pieces: response.content reads ten kilobytes at a time.
        body = b"".join(response.iter_content(_PIECE))
    except AnswerTooLongError as error:
        raise CmrError(f"CMR's answer is too long: {error}{tail}.", status=status) from error
    except requests.RequestException as error:
        raise fault("CMR's answer ended early") from error
    if status == 429 or status >= 500:
        raise fault(f"CMR cannot answer now: {_words(body)}")
    if status in (400, 413, 414):
        raise CmrQueryError(
            f"CMR refuses the query: {_words(body)}{tail}.",
            status=status,
            request_id=request_id,
        )
    if status == 401:
        raise CmrError(
            f"CMR refuses the token: {_words(body)}{tail}. Make a new one at "
            "https://urs.earthdata.nasa.gov, or send none: public collections need none.",
            status=status,
            request_id=request_id,
        )
    if status != 200:
        raise CmrError(f"CMR refuses: {_words(body)}{tail}.", status=status, request_id=request_id)
    # The first spelling is in CMR's source, the second in its documentation.
    if any(
        response.headers.get(name, "").lower() == "true"
        for name in ("CMR-Timed-Out", "CMR-Time-Out")
    ):
        raise fault("CMR ran out of time and gave only part of the page")
    try:
        hits = response.headers.get("CMR-Hits")
        return Page(
            content=read(body),
            hits=int(hits or orjson.loads(body)["hits"]),
            search_after=response.headers.get("CMR-Search-After"),
            answered=_date(response),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise fault(f"CMR's answer is not a page of records: {_words(body)}") from error


def _words(body: bytes) -> str:
    """CMR's error messages, ``{"errors": [...]}``; else the start of the body as text."""
    try:
        errors = orjson.loads(body)["errors"]
        texts = [error if isinstance(error, str) else str(error["errors"]) for error in errors]
        return " ".join(texts).rstrip(".")
    except (KeyError, TypeError, ValueError):
        words = server_words(body)
        return f"{words!r}" if words else "an empty body"


def _retry_after(response: requests.Response) -> float | None:
    """Seconds to wait, from ``Retry-After``: a number or an HTTP date."""
    value = response.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", value):
        return float(value)
    until = http_date(value)
    if until is None:
        return None
    # Compared with the server's own clock, if the answer has a date: ours may be off.
    now = _date(response) or datetime.now(UTC)
    return max(0.0, (until - now).total_seconds())


def _date(response: requests.Response) -> datetime | None:
    """When the server answered, by its own clock."""
    return http_date(response.headers.get("Date"))
