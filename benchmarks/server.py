"""A far store for the benchmark: a folder over HTTP, as S3 in path style and as a plain web host.

Every answer waits for the latency, every connection has its bandwidth, and all of them share one
link. The kernel copies files to sockets, so that little processor time is taken from the client
that is measured. Signatures are not looked at: clients sign, as they would for S3.

Run in a process of its own: ``python -m benchmarks.server FOLDER`` prints its address. Three paths
belong to the benchmark and have no latency: ``/-/log`` tells the requests since the last
``/-/reset``, and ``/-/cpu`` the processor time of this process.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import socket
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from email.utils import formatdate
from io import IOBase
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import unquote

LATENCY: Final = 0.030
"""Seconds before the first byte of every answer."""

BANDWIDTH: Final = 90e6
"""Bytes per second of one connection."""

LINK: Final = 1.25e9
"""Bytes per second of all connections together: 10 Gbit/s."""

_SLICE: Final = 256 * 1024
_LATE: Final = 0.01
"""Seconds by which a connection that fell behind may catch up."""

_MISSING: Final = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b"<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>"
)


@dataclass(slots=True, kw_only=True)
class Served:
    """One request that was answered."""

    method: str
    path: str
    status: int
    start: int = 0
    """First byte that was asked for."""
    bytes: int = 0
    """Bytes of the body that were sent."""
    began: float
    """Seconds on a clock of the server's, when the request was read."""
    ended: float = 0.0


class Link:
    """What all connections share."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._lock = threading.Lock()
        self._free = 0.0

    def take(self, size: int) -> float:
        """When these bytes may begin to be sent."""
        with self._lock:
            begin = max(self._free, time.monotonic())
            self._free = begin + size / self._rate
            return begin


@dataclass(slots=True, kw_only=True)
class Store:
    """The folder, its limits, and what was asked of it."""

    folder: Path
    latency: float = LATENCY
    bandwidth: float = BANDWIDTH
    link: Link = field(default_factory=lambda: Link(LINK))
    served: list[Served] = field(default_factory=list)

    def serve(self, listener: socket.socket) -> None:
        """Answer connections until the listener is closed, each in a thread."""
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:  # it was closed: the end
                return
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection, connection.makefile("rb", 65536) as lines:
            try:
                while (line := lines.readline().decode("latin-1").split()) and len(line) == 3:
                    self._answer(connection, line[0], line[1].partition("?")[0], _headers(lines))
            except (ConnectionError, TimeoutError):
                return  # the client hung up, as it may

    def _answer(
        self, connection: socket.socket, method: str, path: str, headers: dict[str, str]
    ) -> None:
        if path.startswith("/-/"):
            told: object = [asdict(entry) for entry in self.served] if path == "/-/log" else []
            if path == "/-/cpu":
                told = time.process_time()
            if path == "/-/reset":
                self.served.clear()
            _send_head(connection, 200, {}, body=json.dumps(told).encode())
            return
        entry = Served(method=method, path=unquote(path), status=0, began=time.monotonic())
        self.served.append(entry)
        time.sleep(self.latency)
        try:
            self._answer_file(connection, entry, headers)
        finally:
            entry.ended = time.monotonic()

    def _answer_file(
        self, connection: socket.socket, entry: Served, headers: dict[str, str]
    ) -> None:
        path = (self.folder / entry.path.lstrip("/")).resolve()
        if entry.method not in ("GET", "HEAD"):
            entry.status = 405
            return _send_head(connection, 405, {}, body=b"")
        if not path.is_relative_to(self.folder) or not path.is_file():
            entry.status = 404
            return _send_head(
                connection, 404, {}, body=b"" if entry.method == "HEAD" else _MISSING
            )
        with path.open("rb", buffering=0) as file:
            stat = os.fstat(file.fileno())
            etag = hashlib.md5(f"{path} {stat.st_size} {stat.st_mtime_ns}".encode())
            about = {
                "Accept-Ranges": "bytes",
                "ETag": f'"{etag.hexdigest()}"',
                "Last-Modified": formatdate(stat.st_mtime, usegmt=True),
                "Content-Type": "application/octet-stream",
            }
            if headers.get("if-match", about["ETag"]).strip('"') != about["ETag"].strip('"'):
                entry.status = 412
                return _send_head(connection, 412, about, body=b"")
            entry.status, start, stop = _window(headers.get("range"), stat.st_size)
            entry.start = start
            if entry.status == 206:
                about["Content-Range"] = f"bytes {start}-{stop - 1}/{stat.st_size}"
            _send_head(connection, entry.status, about, length=stop - start)
            if entry.method == "GET":
                self._send_file(connection, file, start, stop, entry)
        return None

    def _send_file(
        self, connection: socket.socket, file: BinaryIO, start: int, stop: int, entry: Served
    ) -> None:
        due = time.monotonic()
        while start < stop:
            size = min(_SLICE, stop - start)
            now = time.monotonic()
            wait = max(due, self.link.take(size)) - now
            if wait > 0:
                time.sleep(wait)
            due = max(due, now - _LATE) + size / self.bandwidth
            end = start + size
            while start < end:
                sent = os.sendfile(connection.fileno(), file.fileno(), start, end - start)
                start += sent
                entry.bytes += sent


def _headers(lines: IOBase) -> dict[str, str]:
    headers = {}
    while (line := lines.readline()) not in (b"\r\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    return headers


def _window(asked: str | None, size: int) -> tuple[int, int, int]:
    """Status, first byte and end of what a Range header asks for."""
    if asked is None or not asked.startswith("bytes="):
        return 200, 0, size
    first, _, last = asked.removeprefix("bytes=").partition("-")
    if not first:
        return 206, max(0, size - int(last)), size
    return 206, int(first), min(size, int(last) + 1) if last else size


def _send_head(
    connection: socket.socket,
    status: int,
    headers: dict[str, str],
    *,
    body: bytes = b"",
    length: int | None = None,
) -> None:
    head = [f"HTTP/1.1 {status} .", *(f"{name}: {value}" for name, value in headers.items())]
    head.append(f"Content-Length: {len(body) if length is None else length}")
    connection.sendall("\r\n".join([*head, "", ""]).encode("latin-1") + body)


def main() -> None:
    """Serve a folder until the process is ended, or its standard input closes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--latency", type=float, default=LATENCY)
    parser.add_argument("--bandwidth", type=float, default=BANDWIDTH)
    parser.add_argument("--link", type=float, default=LINK)
    arguments = parser.parse_args()
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    store = Store(
        folder=arguments.folder.resolve(),
        latency=arguments.latency,
        bandwidth=arguments.bandwidth,
        link=Link(arguments.link),
    )
    threading.Thread(target=store.serve, args=(listener,), daemon=True).start()
    sys.stdout.write(f"http://127.0.0.1:{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    sys.stdin.read()  # ends with the process that started this one


if __name__ == "__main__":
    main()
