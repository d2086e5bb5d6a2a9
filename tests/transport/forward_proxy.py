"""A forward proxy on this machine that alone knows some hosts, and TLS in front of a server."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseRequestHandler, ThreadingTCPServer
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

HERE = "127.0.0.1"


def relay(one: socket.socket, other: socket.socket) -> None:
    """Pass on what either side sends, until one of them ends."""

    def pump(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    back = threading.Thread(target=pump, args=(other, one))
    back.start()
    pump(one, other)
    back.join()


class _Serving:
    """A server in a thread while the ``with`` lasts."""

    _server: ThreadingTCPServer | ThreadingHTTPServer

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class ForwardProxy(_Serving):
    """Leads to the ports of this machine that names stand for; any other name is a 502."""

    def __init__(self, ports: Mapping[str, int]) -> None:
        """``ports`` by ``host:port``."""
        self.asked: list[str] = []
        """``METHOD host:port`` of each request."""
        self.logins: list[str | None] = []
        """What each request showed the proxy."""
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_CONNECT(self) -> None:
                port = self._find(self.path)
                if port is None:
                    return
                with socket.create_connection((HERE, port)) as there:
                    self.send_response(200)
                    self.end_headers()
                    relay(self.connection, there)
                self.close_connection = True

            def _forward(self) -> None:
                parts = urlsplit(self.path)
                port = self._find(f"{parts.hostname}:{parts.port or 80}")
                if port is None:
                    return
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                path = f"{parts.path}?{parts.query}" if parts.query else parts.path
                there = HTTPConnection(HERE, port)
                there.request(self.command, path or "/", body, dict(self.headers))
                answer = there.getresponse()
                found = answer.read()
                self.send_response(answer.status, answer.reason)
                hop = {"transfer-encoding", "connection", "server", "date"}
                for name, value in answer.getheaders():
                    if name.lower() not in hop:
                        self.send_header(name, value)
                if "Content-Length" not in answer.headers:
                    self.send_header("Content-Length", str(len(found)))
                self.end_headers()
                self.wfile.write(found)
                there.close()

            do_GET = do_HEAD = do_POST = _forward  # noqa: N815

            def _find(self, host: str) -> int | None:
                proxy.asked.append(f"{self.command} {host}")
                proxy.logins.append(self.headers["Proxy-Authorization"])
                del self.headers["Proxy-Authorization"]
                if host not in ports:
                    self.send_error(502)
                return ports.get(host)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer((HERE, 0), Handler)

    @property
    def url(self) -> str:
        return f"http://{HERE}:{self.port}"


class TlsFront(_Serving):
    """Takes TLS off what comes, and passes it on to a port of this machine."""

    def __init__(self, configure: Callable[[ssl.SSLContext], None], port: int) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        configure(context)

        class Handler(BaseRequestHandler):
            def handle(self) -> None:
                with (
                    suppress(OSError),  # the client does not trust the certificate
                    context.wrap_socket(self.request, server_side=True) as here,
                    socket.create_connection((HERE, port)) as there,
                ):
                    relay(here, there)

        self._server = ThreadingTCPServer((HERE, 0), Handler)
