"""The stand-in's CMR: ``/search/collections`` and ``/search/granules`` in UMM JSON."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import uuid
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final, Protocol

import numpy as np
import orjson
from aiohttp import web

from catalog_builder.local_cloud.cmr_query import CmrQuery, CmrRefusal, Concept, parse_query
from catalog_builder.local_cloud.earthdata import Accounts
from catalog_builder.local_cloud.faults import Faults
from catalog_builder.local_cloud.holdings import Holdings, Mask, Record, Rows
from catalog_builder.local_cloud.request_log import ENTRY

_ROUTE: Final = "/search/{concept:collections|granules}.{format}"
_FORMAT: Final = re.compile(r"umm_json(?:_v(\d+(?:_\d+)+))?")
_VERSIONS: Final[dict[Concept, str]] = {"granules": "1.6.6", "collections": "1.18.4"}
_MAINTENANCE: Final = "<html><body>Down for maintenance</body></html>"
_REMEMBERED: Final = 8
"""Results kept for the pages still to be asked for."""


class Records(Protocol):
    """What CMR is to hold: items of ``{"meta", "umm"}``."""

    @property
    def collections(self) -> Sequence[Mapping[str, Any]]:
        """UMM-C."""

    @property
    def granules(self) -> Sequence[Mapping[str, Any]]:
        """UMM-G."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """Records, and the results found in them that pages are still being asked for of."""

    collections: Holdings
    granules: Holdings
    results: OrderedDict[Any, Rows]

    @classmethod
    def of(cls, world: Records) -> _Held:
        collections = Holdings.of_collections(world.collections)
        granules = Holdings.of_granules(world.granules, collections)
        return cls(collections=collections, granules=granules, results=OrderedDict())

    def kind(self, concept: Concept) -> Holdings:
        return self.granules if concept == "granules" else self.collections

    def find(self, query: CmrQuery, hidden: AbstractSet[str], *, loose: bool) -> Rows:
        """Rows of what was found and may be shown."""
        asked = (query.whole, frozenset(hidden), loose)
        rows = self.results.get(asked)
        if rows is None:
            rows = self.kind(query.concept).search(query, loose=loose)
            rows = rows[self._shown(query, hidden)[rows]]
            self.results[asked] = rows
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
        return [web.get(_ROUTE, self._search)]

    async def _search(self, request: web.Request) -> web.StreamResponse:
        request_id = str(uuid.uuid4())
        headers = {"CMR-Request-Id": request_id, "X-Request-Id": request_id}
        try:
            if self._faults.take("retry_after"):
                raise CmrRefusal(429, "Too many requests. Try again later.")
            if self._faults.take("unavailable"):
                raise CmrRefusal(503, "The service is temporarily unavailable.")
            if self._faults.take("not_json"):
                return web.Response(text=_MAINTENANCE, content_type="text/html")
            body = await self._page(request, headers)
        except CmrRefusal as refusal:
            if refusal.status == 429:
                headers["Retry-After"] = str(self._faults.retry_after_seconds)
            return web.json_response(
                {"errors": refusal.errors}, status=refusal.status, headers=headers
            )
        if self._faults.take("truncate"):
            return await _cut_short(request, body, headers)
        return web.Response(body=body, headers=headers)

    async def _page(self, request: web.Request, headers: dict[str, str]) -> bytes:
        """The body of an answer; its headers are added to those given."""
        began = monotonic()
        concept: Concept = (
            "granules" if request.match_info["concept"] == "granules" else "collections"
        )
        version = _FORMAT.fullmatch(request.match_info["format"])
        if version is None:
            raise CmrRefusal(
                400, f"The URL extension [{request.match_info['format']}] is not supported."
            )
        hidden = frozenset() if self._knows_token(request) else frozenset(self._faults.restricted)
        after = request.headers.get("CMR-Search-After")
        query = parse_query(concept, request.query.items(), search_after=after is not None)
        held = self._held
        # In a thread, as the first search of half a million records takes a while.
        rows = await asyncio.to_thread(held.find, query, hidden, loose=self._faults.loose_search)
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
        items = [holdings.records[row] for row in page]
        if query.granule_counts:
            counts = held.granules.granule_counts()[page].tolist()
            items = [_counted(item, count) for item, count in zip(items, counts, strict=True)]
        took = round((monotonic() - began) * 1000)
        body = orjson.dumps({"hits": len(rows), "took": took, "items": items})
        umm_version = version[1].replace("_", ".") if version[1] else _VERSIONS[concept]
        headers |= {
            "CMR-Hits": str(len(rows)),
            "CMR-Took": str(took),
            "Content-MD5": base64.b64encode(hashlib.md5(body).digest()).decode(),
            "Content-Type": "application/vnd.nasa.cmr.umm_results+json; "
            f"version={umm_version}; charset=utf-8",
        }
        return body

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


def _counted(item: Record, count: int) -> Mapping[str, Any]:
    return {**item, "meta": {**item["meta"], "granule-count": count}}


async def _cut_short(
    request: web.Request, body: bytes, headers: dict[str, str]
) -> web.StreamResponse:
    """Send half of a body and hang up."""
    response = web.StreamResponse(headers=headers)
    response.content_length = len(body)
    request[ENTRY].status, request[ENTRY].bytes = response.status, len(body) // 2
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    assert request.transport is not None
    request.transport.close()
    return response
