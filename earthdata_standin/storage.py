"""Stored files and how they are sent: ranges, conditions, ETags, latency, bandwidth.

S3 and the signed download links answer alike, so both are served from here.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from time import monotonic
from typing import BinaryIO, Final, Protocol
from xml.sax.saxutils import escape

from aiohttp import web

from earthdata_standin.faults import Faults
from earthdata_standin.request_log import ENTRY

_ERRORS: Final[dict[str, tuple[int, str]]] = {
    "AccessDenied": (403, "Access Denied"),
    "AuthorizationHeaderMalformed": (400, "The authorization header is malformed."),
    "ExpiredToken": (400, "The provided token has expired."),
    "InvalidAccessKeyId": (
        403,
        "The AWS Access Key Id you provided does not exist in our records.",
    ),
    "InvalidArgument": (400, "Only one auth mechanism allowed."),
    "InvalidRange": (416, "The requested range is not satisfiable"),
    "InvalidToken": (400, "The provided token is malformed or otherwise invalid."),
    "MethodNotAllowed": (405, "The specified method is not allowed against this resource."),
    "NoSuchKey": (404, "The specified key does not exist."),
    "PreconditionFailed": (412, "At least one of the pre-conditions you specified did not hold"),
    "RequestTimeTooSkewed": (
        403,
        "The difference between the request time and the current time is too large.",
    ),
    "SignatureDoesNotMatch": (
        403,
        "The request signature we calculated does not match the signature you provided. "
        "Check your key and signing method.",
    ),
    "SlowDown": (503, "Please reduce your request rate."),
}
_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")
_PART: Final = 256 * 1024
_TYPES: Final = {".h5": "application/x-hdf5", ".xml": "application/xml", ".jpg": "image/jpeg"}


class StorageError(Exception):
    """A refusal, by S3's error code."""

    def __init__(self, code: str, message: str | None = None) -> None:
        self.code = code
        self.status, default = _ERRORS[code]
        self.message = message or default
        super().__init__(f"{code}: {self.message}")

    def to_response(self, request: web.Request) -> web.Response:
        """S3's XML; to HEAD nothing but the status, as S3 does."""
        if request.method == "HEAD":
            return web.Response(status=self.status)
        text = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error><Code>{self.code}</Code><Message>{escape(self.message)}</Message>"
            f"<Resource>{escape(request.path)}</Resource></Error>"
        )
        return web.Response(status=self.status, text=text, content_type="application/xml")


class Objects(Protocol):
    """What is stored, by ``bucket/key``; made on first demand, perhaps."""

    def get(self, address: str) -> Path | None:
        """The file; None where there is none."""

    def __iter__(self) -> Iterator[str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """A file at rest."""

    key: str
    path: Path
    size: int
    modified: float
    """Seconds since 1970."""

    @property
    def etag(self) -> str:
        """In quotes; another one once the file changes."""
        stamp = f"{self.key} {self.size} {self.modified!r}"
        # The form of a multipart upload, whose ETag is no checksum of the content either.
        return f'"{hashlib.md5(stamp.encode()).hexdigest()}-2"'


class Storage:
    """All stored files, found once and remembered."""

    def __init__(self, objects: Objects, faults: Faults) -> None:
        self._faults = faults
        self.hold(objects)

    def hold(self, objects: Objects) -> None:
        """Serve these files from now on."""
        self._objects = objects
        self._found: dict[str, Path] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._objects)

    def keep(self, key: str, path: Path) -> None:
        """Serve this file too, as ``bucket/key``."""
        self._found[key] = path

    def file(self, key: str) -> Path | None:
        """Path of a file, made first if need be; None where there is none."""
        return self._found.get(key) or self._objects.get(key)

    async def find(self, key: str) -> StoredObject:
        """The file of this ``bucket/key``; raises ``NoSuchKey``."""
        path = self._found.get(key)
        if path is None or not path.is_file():
            # In a thread, as it may have to be made first.
            path = await asyncio.to_thread(self._objects.get, key)
            if path is None:
                raise StorageError("NoSuchKey")
            self._found[key] = path
        stat = path.stat()
        return StoredObject(key=key, path=path, size=stat.st_size, modified=stat.st_mtime)

    async def send(self, request: web.Request, key: str) -> web.StreamResponse:
        """Answer a GET or HEAD of a file: whole, a range of it, or not at all."""
        if self._faults.take("object_unavailable"):
            raise StorageError("SlowDown")
        stored = await self.find(key)
        headers = {
            "Accept-Ranges": "bytes",
            "ETag": stored.etag,
            "Last-Modified": formatdate(stored.modified, usegmt=True),
            "Content-Type": _TYPES.get(Path(key).suffix, "application/octet-stream"),
        }
        if not _matches(request.headers.get("If-Match", "*"), stored.etag):
            raise StorageError("PreconditionFailed")
        if _matches(request.headers.get("If-None-Match", ""), stored.etag):
            return web.Response(status=304, headers=headers)
        status, start, stop = 200, 0, stored.size
        wanted = _RANGE.fullmatch(request.headers.get("Range", ""))
        unchanged = _matches(request.headers.get("If-Range", "*"), stored.etag)
        if wanted and any(wanted.groups()) and unchanged:  # S3 ignores any other range
            status = 206
            start, stop = _window(wanted[1], wanted[2], stored.size)
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{stored.size}"
        response = web.StreamResponse(status=status, headers=headers)
        response.content_length = stop - start
        entry = request[ENTRY]
        entry.status = status
        if request.method == "HEAD":
            await response.prepare(request)
            return response
        entry.bytes = stop - start
        await response.prepare(request)
        with stored.path.open("rb") as file, suppress(ConnectionError):  # the client may hang up
            if self._faults.take("object_truncate"):
                await self._pump(response, file, start, start + (stop - start) // 2)
                assert request.transport is not None
                request.transport.close()
            elif self._faults.bandwidth is None:
                await self._sendfile(request, file, start, stop)
            else:
                await self._pump(response, file, start, stop)
        return response

    @staticmethod
    async def _sendfile(request: web.Request, file: BinaryIO, start: int, stop: int) -> None:
        # The kernel copies the file to the socket: next to no processor time is taken from the
        # client that is being measured.
        if request.transport is None or request.transport.is_closing():
            raise ConnectionResetError("The client has hung up.")
        if stop > start:
            loop = asyncio.get_running_loop()
            await loop.sendfile(request.transport, file, start, stop - start)

    async def _pump(
        self, response: web.StreamResponse, file: BinaryIO, start: int, stop: int
    ) -> None:
        began, sent = monotonic(), 0
        file.seek(start)
        rate = self._faults.bandwidth
        size = _PART if rate is None else min(_PART, max(1024, int(rate / 50)))
        while sent < stop - start:
            part = file.read(min(size, stop - start - sent))
            sent += len(part)
            if rate is not None:
                await asyncio.sleep(began + sent / rate - monotonic())
            await response.write(part)


def _matches(condition: str, etag: str) -> bool:
    """Whether a list of ETags (quoted or not) or ``*`` names this one."""
    names = {name.strip().removeprefix("W/").strip('"') for name in condition.split(",")}
    return bool(names & {"*", etag.strip('"')})


def _window(first: str, last: str, size: int) -> tuple[int, int]:
    """Start and end of the requested bytes; raises ``InvalidRange`` where there are none."""
    if first:
        start, stop = int(first), min(int(last) + 1, size) if last else size
    else:
        start, stop = max(size - int(last), 0), size
    if start >= stop:
        raise StorageError("InvalidRange")
    return start, stop
