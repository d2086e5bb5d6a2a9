"""A CMR that gives set answers, one after another, and notes what it was asked."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from catalog_builder.catalog.cmr.client import CmrClient
from catalog_builder.catalog.cmr.query import GranuleQuery

QUERY = GranuleQuery(collection_concept_id="C1-X")


@dataclasses.dataclass
class Asked:
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]


@dataclasses.dataclass
class Answer:
    items: list[Any] | None = None
    cursor: str | None = None
    hits: int = 0
    status: int = 200
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    body: bytes | None = None
    length: int | None = None
    """Content-Length, where it lies."""

    def send(self, handler: BaseHTTPRequestHandler) -> None:
        body = self.body
        if body is None:
            body = json.dumps({"hits": self.hits, "took": 1, "items": self.items or []}).encode()
        handler.send_response(self.status)
        handler.send_header("Content-Length", str(self.length or len(body)))
        if self.items is not None:
            handler.send_header("CMR-Hits", str(self.hits))
        if self.cursor is not None:
            handler.send_header("CMR-Search-After", self.cursor)
        for name, value in self.headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = self.length is not None


class Script:
    """A CMR that gives set answers, one after another, and remembers what it was asked."""

    def __init__(self, answer: Callable[[Asked], Answer]) -> None:
        self.answer = answer
        self.asked: list[Asked] = []
        self.url = ""


@contextmanager
def serving(answer: Callable[[Asked], Answer]) -> Iterator[Script]:
    script = Script(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            asked = Asked(parts.path, parse_qs(parts.query), dict(self.headers.items()))
            script.asked.append(asked)
            with suppress(BrokenPipeError):  # the client may have had enough
                script.answer(asked).send(self)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    script.url = f"http://127.0.0.1:{server.server_port}/search"
    try:
        yield script
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def answering(*answers: Answer) -> Iterator[Script]:
    """Each answer once; the last one again and again."""
    left = list(answers)
    with serving(lambda _: left.pop(0) if len(left) > 1 else left[0]) as script:
        yield script


@contextmanager
def connected(script: Script, **arguments: Any) -> Iterator[tuple[CmrClient, list[float]]]:
    pauses: list[float] = []
    with CmrClient(script.url, sleep=pauses.append, **arguments) as client:
        yield client, pauses


def record(number: int, revision: int = 1) -> dict[str, Any]:
    return {"meta": {"concept-id": f"G{number}-X", "revision-id": revision}, "umm": {}}


def numbers(listing: Any) -> list[tuple[str, int]]:
    return [(one["meta"]["concept-id"], one["meta"]["revision-id"]) for one in listing]
