"""The stand-in's CMR: ``/search/collections`` and ``/search/granules``.

In UMM JSON, or, as ``.xml`` and where no format is named, as references in XML.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import threading
import uuid
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl

import numpy as np
import orjson
from aiohttp import web

from earthdata_standin.cmr_page import (
    XML_TYPE,
    Form,
    records_page,
    references_page,
    refusal_page,
)
from earthdata_standin.cmr_query import CmrQuery, CmrRefusal, Concept, parse_query
from earthdata_standin.columns import Rows
from earthdata_standin.cut_short import cut_short
from earthdata_standin.earthdata import Accounts
from earthdata_standin.faults import Faults
from earthdata_standin.holdings import Holdings, Mask

_ROUTE: Final = "/search/{concept:collections|granules}"
_FORMAT: Final = re.compile(r"umm_json(?:_v(\d+(?:_\d+)+))?")
_VERSIONS: Final[dict[Concept, str]] = {"granules": "1.6.6", "collections": "1.18.4"}
_MAINTENANCE: Final = "<html><body>Down for maintenance</body></html>"
_REMEMBERED: Final = 16
"""Results kept for further pages: the latest."""


class Records(Protocol):
    """What CMR holds: items of ``{"meta", "umm"}``."""

    @property
    def collections(self) -> Sequence[Mapping[str, Any]]:
        """UMM-C."""

    @property
    def granules(self) -> Sequence[Mapping[str, Any]]:
        """UMM-G."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """Records, and the latest results of searches, for their further pages."""

    collections: Holdings
    granules: Holdings
    results: OrderedDict[Any, Rows] = field(default_factory=OrderedDict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, world: Records) -> _Held:
        collections = Holdings.of_collections(world.collections)
        granules = Holdings.of_granules(world.granules, collections)
        return cls(collections=collections, granules=granules)

    def kind(self, concept: Concept) -> Holdings:
        return self.granules if concept == "granules" else self.collections

    def find(self, query: CmrQuery, hidden: AbstractSet[str], *, loose: bool) -> Rows:
        """Rows of what was found and may be shown."""
        key = (query.whole, frozenset(hidden), loose)
        with self.lock:
            rows = self.results.get(key)
        if rows is None:
            rows = self.kind(query.concept).search(query, loose=loose)
            rows = rows[self._shown(query, hidden)[rows]]
        with self.lock:
            self.results[key] = rows
            self.results.move_to_end(key)
            while len(self.results) > _REMEMBERED:
                self.results.popitem(last=False)
        return rows

    def _shown(self, query: CmrQuery, hidden: AbstractSet[str]) -> Mask:
        """Which records may be shown, by what holds for their collections."""
        shown = np.array(
            [c["meta"]["concept-id"] not in hidden for c in self.collections.records], dtype=bool
        )
        if query.concept == "granules":
            return shown[self.granules.collection]
        if query.has_granules is not None:
            shown &= (self.granules.granule_counts() > 0) == query.has_granules
        return shown


class Cmr:
    """The search service."""

    def __init__(self, world: Records, accounts: Accounts, faults: Faults) -> None:
        self._accounts = accounts
        self._faults = faults
        self.hold(world)

    def hold(self, world: Records) -> None:
        """Answer from these records from now on."""
        self._held = _Held.of(world)

    def routes(self) -> list[web.RouteDef]:
        """What CMR answers."""
        return [
            web.route(method, route, self._search)
            for route in (_ROUTE, f"{_ROUTE}.{{format}}")
            for method in ("GET", "POST")
        ]

    async def _search(self, request: web.Request) -> web.StreamResponse:
        request_id = str(uuid.uuid4())
        headers = {"CMR-Request-Id": request_id, "X-Request-Id": request_id}
        extension = request.match_info.get("format", "xml")
        form: Form = "references" if extension == "xml" else "umm_json"
        try:
            if self._faults.take("retry_after"):
                raise CmrRefusal(429, "Too many requests. Try again later.")
            if self._faults.take("unavailable"):
                raise CmrRefusal(503, "The service is temporarily unavailable.")
            if self._faults.take("not_json"):
                return web.Response(text=_MAINTENANCE, content_type="text/html")
            body = await self._page(request, extension, headers)
        except CmrRefusal as refusal:
            if refusal.status == 429:
                headers["Retry-After"] = str(self._faults.retry_after_seconds)
            body, headers["Content-Type"] = refusal_page(form, refusal.errors)
            return web.Response(body=body, status=refusal.status, headers=headers)
        if self._faults.take("truncate"):
            return await cut_short(request, body, headers)
        return web.Response(body=body, headers=headers)

    async def _page(self, request: web.Request, extension: str, headers: dict[str, str]) -> bytes:
        """The body of an answer; its headers are added to ``headers``."""
        began = monotonic()
        concept: Concept = (
            "granules" if request.match_info["concept"] == "granules" else "collections"
        )
        headers["Content-Type"] = _content_type(concept, extension)
        hidden = frozenset() if self._knows_token(request) else frozenset(self._faults.restricted)
        after = request.headers.get("CMR-Search-After")
        parameters = [*request.query.items()]
        if request.method == "POST":  # for what is too long for an address
            parameters += parse_qsl(await request.text())
        query = parse_query(concept, parameters, search_after=after is not None)
        held = self._held

        def write() -> bytes:
            rows = held.find(query, hidden, loose=self._faults.loose_search)
            holdings = held.kind(concept)
            start = query.offset if after is None else _position(after, holdings, rows, query)
            size = query.page_size
            if self._faults.short_pages:
                size = -(-size * 2 // 3)
            page = rows[start : start + size]
            if self._faults.take("timed_out"):
                page = page[: len(page) // 2]
                headers["CMR-Timed-Out"] = "true"
            if len(page):
                last = holdings.sort_values(int(page[-1]), query)
                headers["CMR-Search-After"] = orjson.dumps(last).decode()
            took = round((monotonic() - began) * 1000)
            headers["CMR-Hits"], headers["CMR-Took"] = str(len(rows)), str(took)
            counts = None
            if query.granule_counts:
                counts = held.granules.granule_counts()[page].tolist()
            if extension == "xml":
                base_url = f"{request.scheme}://{request.host}"
                found = holdings.references(page)
                body = references_page(len(rows), took, found, base_url, counts)
            else:
                lines = holdings.lines(page)
                if counts is not None:
                    lines = [_counted(*line) for line in zip(lines, counts, strict=True)]
                body = records_page(len(rows), took, lines)
            headers["Content-MD5"] = hashlib.md5(body).hexdigest()
            headers["Content-SHA1"] = hashlib.sha1(body).hexdigest()
            return body

        # In a thread, as the first search of half a million records takes a while.
        return await asyncio.to_thread(write)

    def _knows_token(self, request: web.Request) -> bool:
        """Whether the request comes with the user's token; 401 for one that does not exist."""
        text = request.headers.get("Authorization") or request.query.get("token")
        if text is None:
            return False
        if text.removeprefix("Bearer ").strip() != self._accounts.token:
            raise CmrRefusal(401, "Token does not exist")
        return True


def _position(header: str, held: Holdings, rows: Rows, query: CmrQuery) -> int:
    """Where in the result the page begins that follows a Search-After header."""
    try:
        values = orjson.loads(header)
    except orjson.JSONDecodeError:
        values = None
    if not isinstance(values, list):
        raise CmrRefusal(
            400, "search-after header value is invalid, must be in the form of a JSON array."
        )
    expected = len(query.sort_keys or (0, 0)) + 1
    try:
        if len(values) == expected:
            return held.position_after(rows, values, query)
        reason = f"search_after has {len(values)} value(s) but sort has {expected}."
    except TypeError:
        reason = "search_after has a value of another type than sort."
    raise CmrRefusal(
        400,
        'The search failed with error: [{:type "illegal_argument_exception", :reason '
        f'"{reason}"}}]. Please double check your search_after header.',
    )


def _content_type(concept: Concept, extension: str) -> str:
    """Of a page in the format that a URL's extension names."""
    if extension == "xml":
        return XML_TYPE
    version = _FORMAT.fullmatch(extension)
    if version is None:
        raise CmrRefusal(400, f"The URL extension [{extension}] is not supported.")
    umm_version = version[1].replace("_", ".") if version[1] else _VERSIONS[concept]
    return f"application/vnd.nasa.cmr.umm_results+json;version={umm_version}; charset=utf-8"


def _counted(line: bytes, count: int) -> bytes:
    item = orjson.loads(line)
    item["meta"]["granule-count"] = count
    return orjson.dumps(item)
