"""Requests of the stand-in's STAC API to CMR, over HTTP and with the caller's login."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, cast

import aiohttp
import orjson
from aiohttp import web

from earthdata_standin.stac_query import StacRefusal


class UpstreamCmr:
    """CMR, asked on behalf of one request and with its login."""

    def __init__(self, session: aiohttp.ClientSession, url: str, request: web.Request) -> None:
        self._session = session
        self._url = url
        self._headers = {"Client-Id": "cmr-stac"}
        if login := request.headers.get("Authorization"):
            self._headers["Authorization"] = login

    async def collections(self, provider: str | None) -> list[dict[str, Any]]:
        """Collections of a provider, or of all."""
        parameters = [("page_size", "2000")]
        if provider is not None:
            parameters.append(("provider", provider))
        body, _ = await self._get("collections", parameters, {})
        return cast("list[dict[str, Any]]", body["items"])

    async def granules(
        self, parameters: list[tuple[str, str]], limit: int, cursor: str | None
    ) -> tuple[int, list[dict[str, Any]], str | None]:
        """How many there are, those of one page, and the cursor of the next."""
        headers = {"CMR-Search-After": _after(cursor)} if cursor else {}
        body, after = await self._get(
            "granules", [*parameters, ("page_size", str(limit))], headers
        )
        return (
            body["hits"],
            body["items"],
            after and base64.urlsafe_b64encode(after.encode()).decode(),
        )

    async def _get(
        self, concept: str, parameters: list[tuple[str, str]], headers: Mapping[str, str]
    ) -> tuple[Any, str | None]:
        async with self._session.get(
            f"{self._url}/{concept}.umm_json",
            params=parameters,
            headers=self._headers | dict(headers),
        ) as answer:
            try:
                body = orjson.loads(await answer.read())
            except (aiohttp.ClientError, orjson.JSONDecodeError):
                body = {}
            if answer.status != 200 or "items" not in body:
                status = answer.status if 400 <= answer.status < 500 else 503
                raise StacRefusal(status, *body.get("errors", ["Oops! Something has gone wrong."]))
            return body, answer.headers.get("CMR-Search-After")


def _after(cursor: str) -> str:
    try:
        return base64.urlsafe_b64decode(cursor.encode()).decode()
    except ValueError:
        raise StacRefusal(400, "The cursor is not valid.") from None
