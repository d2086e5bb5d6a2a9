"""Connections whose answers end in time: head and body, whatever of it is read, and how.

requests and urllib3 limit the time between two bytes. A server that sends one byte a second, in
its headers, in a body, or in one that inflates to nothing, would hold its reader for ever.
"""

from __future__ import annotations

import io
import time
from http.client import HTTPResponse as StandardResponse
from typing import TYPE_CHECKING, Any, Final

from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from catalog_builder.transport.answer_limits import SlowServerError, require_pace

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class _PunctualReader(io.RawIOBase):
    """Reads one answer from a socket, and raises SlowServerError where it comes too slowly."""

    def __init__(self, raw: Any, sock: Any) -> None:
        super().__init__()
        self._raw = raw
        self._sock = sock
        self._silence: float | None = sock.gettimeout()
        self._count = 0
        self._waited = 0.0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int | None:
        if self._silence is None:
            found: int | None = self._raw.readinto(buffer)
            return found
        began = time.monotonic()
        try:
            found = self._raw.readinto(buffer)
        except TimeoutError as error:
            raise SlowServerError(f"it sent nothing for {self._silence:.3g} s") from error
        self._waited += time.monotonic() - began  # not what the reader does meanwhile
        self._count += found or 0
        require_pace(self._count, self._waited, self._silence)
        return found

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class _PunctualResponse(StandardResponse):
    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_PunctualReader(self.fp.detach(), sock))


class _Undrained(HTTPResponse):
    def drain_conn(self) -> None:
        """Close: before a request is repeated, urllib3 would read a body, however long it is."""
        self.close()


def _undrained(answer: HTTPResponse) -> HTTPResponse:
    answer.__class__ = _Undrained  # urllib3 makes its own class, wherever it is asked
    return answer


class _Connection(HTTPConnection):
    response_class = _PunctualResponse

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as in urllib3
        return _undrained(super().getresponse())


class _SecureConnection(HTTPSConnection):
    response_class = _PunctualResponse

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as in urllib3
        return _undrained(super().getresponse())


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


POOLS: Final = {"http": _Pool, "https": _SecurePool}
"""Connection pools by scheme, for a ``PoolManager`` of urllib3."""
