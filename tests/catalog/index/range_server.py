"""Web servers with and without byte ranges, which note the size of each answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Whole(SimpleHTTPRequestHandler):
    """Python's own web server, which knows no ranges."""

    protocol_version = "HTTP/1.1"
    seen: list[int]

    def log_message(self, *_: object) -> None:
        pass


class Ranges(Whole):
    """One that serves ranges, and keeps the size of each answer."""

    def do_GET(self) -> None:
        body = Path(self.translate_path(self.path)).read_bytes()
        first, last = self.headers["Range"][6:].split("-")
        begin = int(first) if first else max(len(body) - int(last), 0)
        part = body[begin : int(last) + 1 if first else None]
        self.seen.append(len(part))
        self.send_response(206)
        self.send_header("Content-Length", str(len(part)))
        self.send_header("Content-Range", f"bytes {begin}-{begin + len(part) - 1}/{len(body)}")
        self.end_headers()
        self.wfile.write(part)


@contextmanager
def serve(handler: type[Whole], folder: Path) -> Iterator[tuple[str, list[int]]]:
    handler.seen = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", handler.seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
