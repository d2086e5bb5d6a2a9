"""The stand-in's STAC API: a provider's collections and items, as CMR-STAC gives them.

Like CMR-STAC it holds nothing itself but asks CMR, and pages with a cursor that is CMR's
Search-After. Its ways are those of the real one: pages of at most 100 items, whatever the limit;
a next link is a GET, also after a POST; a box whose west is greater than its east is refused; it
conforms to the fields extension and gives whole items all the same; the last page that holds
anything leads to one more. Source: https://github.com/nasa/cmr-stac.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, cast

import aiohttp
import orjson
from aiohttp import web

from earthdata_standin.cut_short import cut_short
from earthdata_standin.faults import Faults
from earthdata_standin.stac_items import (
    STAC_VERSION,
    Link,
    entry_id,
    to_collection,
    to_item,
)
from earthdata_standin.stac_query import (
    DEFAULT_LIMIT,
    Query,
    StacRefusal,
    check,
    read_query,
    spellings,
    temporal,
    texts,
    written,
)
from earthdata_standin.stac_upstream import UpstreamCmr

MAX_PAGE: Final = 100
"""Items in a page at most; a greater limit is taken for this one."""

_MAINTENANCE: Final = "<html><body>Down for maintenance</body></html>"
_CONFORMS_TO: Final = [
    *(
        f"https://api.stacspec.org/v1.0.0/{what}"
        for what in (
            *("core", "item-search", "ogcapi-features", "item-search#fields"),
            *("item-search#features", "item-search#query", "item-search#sort"),
            *("item-search#context", "collection-search"),
        )
    ),
    *(
        f"http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/{what}"
        for what in ("core", "oas30", "geojson")
    ),
]


class Stac:
    """The STAC API of every provider."""

    def __init__(self, origin: str, faults: Faults) -> None:
        """``origin`` is where CMR is, and this too: scheme, host and port."""
        self._root = f"{origin}/stac"
        self._cmr = f"{origin}/search"
        self._faults = faults

    def routes(self) -> list[web.RouteDef]:
        """What the API answers."""
        routes = [web.get("/stac", self._answer), web.get("/stac/{provider}", self._answer)]
        for tail in ("search", "collections"):
            path = f"/stac/{{provider}}/{{what:{tail}}}"
            routes += [web.get(path, self._answer), web.post(path, self._answer)]
        collection = "/stac/{provider}/collections/{collection}"
        for path in (collection, f"{collection}/items", f"{collection}/items/{{item}}"):
            routes.append(web.get(path, self._answer))
        return routes

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if self._faults.take("stac_not_json"):
            return web.Response(text=_MAINTENANCE, content_type="text/html")
        try:
            if self._faults.take("stac_unavailable"):
                raise StacRefusal(503, "Oops! A problem occurred upstream.")
            async with aiohttp.ClientSession() as session:
                answer = await self._ask(request, UpstreamCmr(session, self._cmr, request))
        except StacRefusal as refusal:
            return web.json_response({"errors": refusal.errors}, status=refusal.status)
        body = orjson.dumps(answer)
        geojson = answer.get("type") in {"Feature", "FeatureCollection"}
        kind = "application/geo+json" if geojson else "application/json"
        if self._faults.take("stac_truncate"):
            return await cut_short(request, body, {"Content-Type": kind})
        return web.Response(body=body, content_type=kind)

    async def _ask(self, request: web.Request, cmr: UpstreamCmr) -> dict[str, Any]:
        provider = request.match_info.get("provider")
        collections = await cmr.collections(provider)
        if provider is None:
            return self._landing(sorted({one["meta"]["provider-id"] for one in collections}))
        if not collections:
            raise StacRefusal(404, f"Provider [{provider}] not found.")
        name, item = request.match_info.get("collection"), request.match_info.get("item")
        if name is not None:
            collections = [one for one in collections if entry_id(one) in spellings(name)]
            if not collections:
                raise StacRefusal(
                    404, f"Collection with ID [{name}] in provider [{provider}] not found."
                )
            if not request.path.endswith("/items") and item is None:
                return to_collection(collections[0], root=self._root, cmr=self._cmr)
        elif request.match_info.get("what") == "collections":
            return self._collection_list(provider, collections)
        elif "what" not in request.match_info:
            return self._provider(provider, collections)
        query = await read_query(request)
        if name is not None:
            query["collections"] = [name]
        if item is not None:
            query["ids"] = [item]
        page = await self._search(request, provider, query, collections, cmr)
        if item is None:
            return page
        if not page["features"]:
            raise StacRefusal(404, f"Could not find item with ID [{item}] in collection [{name}]")
        return cast("dict[str, Any]", page["features"][0])

    async def _search(
        self,
        request: web.Request,
        provider: str,
        query: Query,
        collections: list[dict[str, Any]],
        cmr: UpstreamCmr,
    ) -> dict[str, Any]:
        check(query)
        names = {one["meta"]["concept-id"]: entry_id(one) for one in collections}
        wanted = texts(query, "collections")
        searched = [
            concept_id
            for concept_id, name in names.items()
            if not wanted or any(name in spellings(one) for one in wanted)
        ]
        limit = min(int(query.get("limit") or DEFAULT_LIMIT), MAX_PAGE)
        hits, cursor = 0, None
        granules: list[dict[str, Any]] = []
        if searched:
            parameters = [("collection_concept_id[]", one) for one in searched]
            parameters += [("readable_granule_name[]", one) for one in texts(query, "ids")]
            if bbox := texts(query, "bbox"):
                parameters.append(("bounding_box", ",".join(bbox)))
            if times := query.get("datetime"):
                parameters.append(("temporal", temporal(times)))
            hits, granules, cursor = await cmr.granules(parameters, limit, query.get("cursor"))
        features = [
            to_item(
                one,
                names[one["meta"]["collection-concept-id"]],
                root=self._root,
                provider=provider,
                cmr=self._cmr,
            )
            for one in granules
        ]
        here = f"{self._root}/{provider}/search"
        first = {key: value for key, value in query.items() if key != "cursor"}
        links = [
            _link("self", str(request.url), "This search"),
            _link("root", self._root, "Root Catalog"),
            _link("parent", f"{self._root}/{provider}", "Provider Catalog"),
            _link("first", f"{here}?{written(first)}", "First page of results"),
        ]
        if cursor is not None:
            follows = written(query | {"cursor": cursor})
            links.append(_link("next", f"{here}?{follows}", "Next page of results"))
        return {
            "type": "FeatureCollection",
            "features": features,
            "links": links,
            "context": {"returned": len(features), "limit": limit, "matched": hits},
        }

    def _landing(self, providers: Iterable[str]) -> dict[str, Any]:
        """The root: it conforms to item search, but only its children can search."""
        return {
            "type": "Catalog",
            "id": "CMR-STAC",
            "stac_version": STAC_VERSION,
            "conformsTo": _CONFORMS_TO,
            "title": "NASA Common Metadata Repository CMR-STAC API",
            "description": "This is the landing page for CMR-STAC. Each provider link contains a "
            "STAC endpoint.",
            "links": [
                _link("self", self._root),
                _link("root", self._root),
                *(_link("child", f"{self._root}/{one}", one) for one in providers),
            ],
        }

    def _provider(self, provider: str, collections: Iterable[dict[str, Any]]) -> dict[str, Any]:
        here = f"{self._root}/{provider}"
        both = [
            _link(rel, f"{here}/{what}", f"Provider {what}") | {"method": method}
            for rel, what in (("data", "collections"), ("search", "search"))
            for method in ("GET", "POST")
        ]
        return {
            "type": "Catalog",
            "id": provider,
            "title": f"{provider} STAC Catalog",
            "stac_version": STAC_VERSION,
            "description": f"Root STAC catalog for {provider}",
            "conformsTo": _CONFORMS_TO,
            "links": [
                _link("self", here),
                _link("root", self._root),
                _link("parent", self._root),
                *both,
                *(
                    _link("child", f"{here}/collections/{entry_id(one)}", one["umm"]["EntryTitle"])
                    for one in collections
                ),
            ],
        }

    def _collection_list(
        self, provider: str, collections: Iterable[dict[str, Any]]
    ) -> dict[str, Any]:
        here = f"{self._root}/{provider}/collections"
        return {
            "description": f"All collections provided by {provider}",
            "links": [_link("self", here), _link("root", self._root)],
            "collections": [
                to_collection(one, root=self._root, cmr=self._cmr) for one in collections
            ],
        }


def _link(rel: str, href: str, title: str | None = None) -> Link:
    geojson = rel in {"first", "next", "search"}
    link: Link = {
        "rel": rel,
        "href": href,
        "type": "application/geo+json" if geojson else "application/json",
    }
    return link if title is None else link | {"title": title}
