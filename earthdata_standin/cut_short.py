"""An answer whose body ends early."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from earthdata_standin.request_log import ENTRY


async def cut_short(
    request: web.Request, body: bytes, headers: Mapping[str, str]
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
