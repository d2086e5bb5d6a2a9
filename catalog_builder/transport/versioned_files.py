"""Parts of remote files over http(s) and s3, each answer with the version of the file."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from email.utils import format_datetime
from typing import Any, Final, TypeVar

from catalog_builder.transport.file_version import FileChangedError, FileVersion
from catalog_builder.transport.location import WEB, Location

T = TypeVar("T")

AT_ONCE: Final = 8
"""Requests at a time: a burst of more new connections may find a small server's queue full, and
then wait a second."""

_NO_SUFFIX: Final = {400, 416, 501}
"""Answers of hosts that serve ranges, but none that counts from the end; or of an empty file."""

_NOT_MODIFIED: Final = 304


class WebParts:
    """Parts of one file over http(s)."""

    def __init__(self, system: Any, url: str) -> None:
        """``system`` is fsspec's file system for http, with the user's options."""
        self._system = system
        self._url = url

    def read(self) -> tuple[bytes, FileVersion]:
        """The whole file."""
        _, found, version = self._run(self._get(None))
        return found, version

    def read_end(self, count: int) -> tuple[bytes, FileVersion]:
        """The last bytes; all of them where the file is shorter, or its host knows no ranges.

        One request, where the host takes one for the end.
        """
        status, found, version = self._run(self._get(f"bytes=-{count}", count))
        if status not in _NO_SUFFIX:
            return found, version
        size = int(self._system.info(self._url)["size"])
        if not size:
            return b"", version
        first = max(size - count, 0)
        _, found, version = self._run(self._get(f"bytes={first}-{size - 1}", count))
        return found, replace(version, size=version.size or size)

    def read_spans(
        self, spans: Sequence[tuple[int, int]], version: FileVersion | None
    ) -> list[bytes]:
        """Bytes from one place to before another, a request for each.

        Raises FileChangedError where an answer is of another version than ``version``.
        """

        async def read_all() -> list[bytes]:
            few = asyncio.Semaphore(AT_ONCE)

            async def read(start: int, stop: int) -> bytes:
                async with few:
                    _, found, other = await self._get(f"bytes={start}-{stop - 1}", stop - start)
                    _require_same(version, other)
                    return found

            tasks = [asyncio.ensure_future(read(start, stop)) for start, stop in spans]
            try:
                return await asyncio.gather(*tasks)
            finally:
                for task in tasks:
                    task.cancel()

        return self._run(read_all())

    def is_unchanged(self, version: FileVersion, end: bytes) -> bool:
        """Whether the file still is of this version, in one small request.

        ``end`` is the end of the file as it was read: where the host's answers do not tell
        versions apart, it is read again and compared.
        """
        headers = {}
        if version.etag is not None and version.is_certain:
            headers["If-None-Match"] = f'"{version.etag}"'
        elif version.modified is not None and version.settled:
            headers["If-Modified-Since"] = format_datetime(version.modified, usegmt=True)
        count = 8 if version.is_certain else len(end)
        status, found, other = self._run(
            self._get(f"bytes=-{count}", count, headers, part_alone=version.is_certain)
        )
        if status == _NOT_MODIFIED:
            return True
        if status in _NO_SUFFIX:
            other = FileVersion(size=int(self._system.info(self._url)["size"]))
        elif not version.is_certain and found[-count:] != end[-count:]:
            return False
        return version.agrees_with(other)

    def _run(self, coroutine: Awaitable[T]) -> T:
        from fsspec.asyn import sync

        async def wait() -> T:
            return await coroutine

        result: T = sync(self._system.loop, wait)
        return result

    async def _get(
        self,
        wanted: str | None,
        most: int = 0,
        headers: Mapping[str, str] | None = None,
        *,
        part_alone: bool = False,
    ) -> tuple[int, bytes, FileVersion]:
        """Status, body and version of an answer; ``wanted`` is a range of at most ``most`` bytes.

        ``part_alone``: the body of a whole file is not read.
        """
        options = dict(self._system.kwargs)
        own = {} if wanted is None else {"Range": wanted}
        options["headers"] = {**(options.get("headers") or {}), **own, **(headers or {})}
        session = await self._system.set_session()
        async with session.get(self._system.encode_url(self._url), **options) as answer:
            if answer.status == 404:
                raise FileNotFoundError(self._url)
            if answer.status in _NO_SUFFIX and wanted is not None:
                return answer.status, b"", FileVersion()
            answer.raise_for_status()
            whole = answer.status == 200
            if whole and part_alone:
                return answer.status, b"", FileVersion.of_headers(answer.headers)
            body = await answer.read()
            if not whole and len(body) > most:
                raise OSError(f"{len(body)} bytes came for {wanted}")
            return answer.status, body, FileVersion.of_headers(answer.headers)


class StoredParts:
    """Parts of one object in S3."""

    def __init__(self, system: Any, path: str) -> None:
        """``system`` is s3fs's file system, with the user's options."""
        self._system = system
        self._bucket, self._key, self._id = system.split_path(path)

    def read(self) -> tuple[bytes, FileVersion]:
        """As :meth:`WebParts.read`."""
        return self._get(None)

    def read_end(self, count: int) -> tuple[bytes, FileVersion]:
        """As :meth:`WebParts.read_end`."""
        return self._get(f"bytes=-{count}")

    def read_spans(
        self, spans: Sequence[tuple[int, int]], version: FileVersion | None
    ) -> list[bytes]:
        """As :meth:`WebParts.read_spans`."""

        def read(span: tuple[int, int]) -> bytes:
            found, other = self._get(f"bytes={span[0]}-{span[1] - 1}")
            _require_same(version, other)
            return found

        if len(spans) < 2:
            return list(map(read, spans))
        with ThreadPoolExecutor(min(AT_ONCE, len(spans)), "index-parts") as pool:
            return list(pool.map(read, spans))

    def is_unchanged(self, version: FileVersion, end: bytes) -> bool:
        """As :meth:`WebParts.is_unchanged`."""
        count = 8 if version.is_certain else len(end)
        found, other = self._get(f"bytes=-{count}")
        return found[-count:] == end[-count:] and version.agrees_with(other)

    def _get(self, wanted: str | None) -> tuple[bytes, FileVersion]:
        from fsspec.asyn import sync

        which = {} if self._id is None else {"VersionId": self._id}
        if wanted is not None:
            which["Range"] = wanted
        answer = self._system.call_s3("get_object", Bucket=self._bucket, Key=self._key, **which)

        async def read() -> bytes:
            async with answer["Body"] as body:
                return bytes(await body.read())

        found = sync(self._system.loop, read)
        return found, FileVersion.of_headers(_Headers(answer["ResponseMetadata"]["HTTPHeaders"]))


class _Headers(dict[str, str]):
    """The headers of an answer as botocore gives them: names in lower case."""

    def get(self, key: str, default: Any = None) -> Any:
        return super().get(key.lower(), default)


def parts_of(url: str, options: Mapping[str, Any]) -> WebParts | StoredParts:
    """What reads parts of the file at a URL; ``options`` are fsspec's, and the user's own."""
    location = Location.parse(url)
    system, path = location.file_system(options)
    return WebParts(system, path) if location.protocol in WEB else StoredParts(system, path)


def _require_same(version: FileVersion | None, other: FileVersion) -> None:
    if version is not None and not version.agrees_with(other):
        raise FileChangedError("it was replaced while it was read")
