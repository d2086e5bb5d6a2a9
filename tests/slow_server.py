"""Servers on this machine whose answers never end, never begin, or come a byte at a time."""

from __future__ import annotations

import gzip
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Script = Callable[[socket.socket, threading.Event], None]

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"


@contextmanager
def slow_server(script: Script) -> Iterator[str]:
    """A server that plays a script on each connection, until the ``with`` ends; its URL."""
    ended = threading.Event()
    threads = []

    def play(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(65536)
            script(connection, ended)

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            while not ended.is_set():
                threads.append(
                    threading.Thread(target=play, args=(listener.accept()[0],), daemon=True)
                )
                threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener,), daemon=True)
        server.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            ended.set()
            listener.shutdown(socket.SHUT_RDWR)


def says(head: bytes) -> Script:
    """Sends something, and then nothing more."""

    def play(connection: socket.socket, ended: threading.Event) -> None:
        connection.sendall(head)
        ended.wait()

    return play


def drips(head: bytes, piece: bytes = b"x", pause: float = 0.02) -> Script:
    """Sends something, and then a piece after each pause, for ever; without pause: endless."""

    def play(connection: socket.socket, ended: threading.Event) -> None:
        connection.sendall(head)
        while not ended.wait(pause):
            connection.sendall(piece)

    return play


def zipped(times: int, megabytes: int = 512) -> bytes:
    """Some kilobytes of gzip that inflate to many megabytes; gzip of gzip where ``times`` is 2."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    data = b"".join(packer.compress(bytes(2**20)) for _ in range(megabytes)) + packer.flush()
    for _ in range(times - 1):
        data = gzip.compress(data)
    return data
