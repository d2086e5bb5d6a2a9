"""The log of requests: one entry each, for counting."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic
from typing import Literal

from aiohttp import web

Service = Literal["cmr", "earthdata", "data", "s3", "download", "harmony"]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True, kw_only=True)
class Request:
    """A request and what it was answered; entered when it arrives."""

    service: Service
    method: str
    path: str
    """Decoded, without the query."""
    query: str
    """As sent, without the question mark."""
    headers: tuple[str, ...]
    """Names of the headers, lower case."""
    range: str | None
    """The Range header as sent."""
    authorization: str | None
    """Scheme of the Authorization header (``Bearer``, ``Basic``, ...); never what follows it."""
    status: int = 0
    """0 until it is answered."""
    bytes: int = 0
    """Length of the body: as sent, or where the connection broke, as begun."""
    began: float = 0.0
    """Seconds on the monotonic clock, when it arrived."""
    ended: float = 0.0
    """The same when its answer was made, but not sent; 0 until then."""


ENTRY: web.RequestKey[Request] = web.RequestKey("entry", Request)
"""Where a handler finds the entry of its request."""


def logging(
    service: Service, log: list[Request] | None
) -> Callable[..., Awaitable[web.StreamResponse]]:
    """A middleware that enters each request of a service in the log, if there is one.

    Status and length of an answer are entered before it is sent, so that a client that has its
    answer finds them there.
    """

    @web.middleware
    async def enter(request: web.Request, handler: Handler) -> web.StreamResponse:
        authorization = request.headers.get("Authorization")
        entry = Request(
            service=service,
            method=request.method,
            path=request.path,
            query=request.raw_path.partition("?")[2],
            headers=tuple(name.lower() for name in request.headers),
            range=request.headers.get("Range"),
            authorization=authorization.partition(" ")[0] if authorization else None,
            began=monotonic(),
        )
        if log is not None:
            log.append(entry)
        request[ENTRY] = entry
        try:
            response = await handler(request)
        except web.HTTPException as refusal:
            entry.status = refusal.status
            raise
        finally:
            entry.ended = monotonic()
        entry.status = response.status
        if isinstance(response, web.Response) and isinstance(response.body, bytes):
            entry.bytes = len(response.body)
        return response

    return enter
