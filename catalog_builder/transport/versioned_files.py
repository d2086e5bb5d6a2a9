"""Parts of remote files over http(s) and s3, each answer with the version of the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Final

from catalog_builder.transport.answer_limits import DOCUMENT
from catalog_builder.transport.file_version import FileChangedError, FileVersion
from catalog_builder.transport.location import WEB, Location
from catalog_builder.transport.stored_files import StoredFiles
from catalog_builder.transport.web_files import (
    AT_ONCE,
    NO_SUFFIX,
    WebFiles,
    body_encoding,
    read_beginning,
    read_range,
    read_span,
    read_whole,
    web_files,
)

if TYPE_CHECKING:
    import requests

_NOT_MODIFIED: Final = 304


class WebParts:
    """Parts of one file over http(s)."""

    def __init__(self, files: WebFiles, url: str, most: int = DOCUMENT) -> None:
        """``most`` is the bytes that the whole file may have."""
        self._files = files
        self._url = url
        self._most = most

    def read(self) -> tuple[bytes, FileVersion]:
        """The whole file."""
        return self._files.ask(self._url, self._whole)

    def read_end(self, count: int) -> tuple[bytes, FileVersion]:
        """The last bytes; all of them where the file is shorter, or its host knows no ranges.

        One request, where the host takes one for the end.
        """

        def read(answer: requests.Response) -> tuple[bytes, FileVersion] | None:
            if answer.status_code in NO_SUFFIX:
                return None
            if answer.status_code != 206:
                return self._whole(answer)
            if body_encoding(answer):
                return None
            return read_range(answer, count), FileVersion.of_headers(answer.headers)

        ranged = {"Range": f"bytes=-{count}"}
        found = self._files.ask(self._url, read, ranged, taken=NO_SUFFIX)
        if found is not None:
            return found
        size = self._files.size(self._url)
        if size is None:
            return self.read()
        if not size:
            return b"", FileVersion(size=0)
        body, version = self._read_span(max(size - count, 0), size)
        return body, replace(version, size=version.size or size)

    def read_spans(
        self, spans: Sequence[tuple[int, int]], version: FileVersion | None
    ) -> list[bytes]:
        """Bytes from one place to before another, a request for each.

        Raises FileChangedError where an answer is of another version than ``version``.
        """

        def read(span: tuple[int, int]) -> bytes:
            found, other = self._read_span(*span)
            _require_same(version, other)
            return found

        return _few_at_a_time(read, spans)

    def read_part(self, start: int, stop: int) -> bytes:
        """Bytes from one place to before another, in one request.

        A host that knows no ranges sends the file from its beginning: the rest is not read.
        """

        def read(answer: requests.Response) -> bytes:
            if answer.status_code == 206:
                return read_span(answer, start, stop)
            return read_beginning(answer, stop, most=self._most)[start:]

        return self._files.ask(self._url, read, {"Range": f"bytes={start}-{stop - 1}"})

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

        def read(answer: requests.Response) -> bool | None:
            if answer.status_code in NO_SUFFIX:
                return None
            if answer.status_code == _NOT_MODIFIED:
                return True
            if not version.is_certain:
                whole = answer.status_code != 206
                found = self._whole(answer)[0] if whole else read_range(answer, count)
                if found[-count:] != end[-count:]:
                    return False
            return version.agrees_with(FileVersion.of_headers(answer.headers))

        ranged = headers | {"Range": f"bytes=-{count}"}
        same = self._files.ask(self._url, read, ranged, taken=NO_SUFFIX)
        if same is not None:
            return same
        return version.agrees_with(FileVersion(size=self._files.size(self._url)))

    def _whole(self, answer: requests.Response) -> tuple[bytes, FileVersion]:
        return read_whole(answer, most=self._most), FileVersion.of_headers(answer.headers)

    def _read_span(self, start: int, stop: int) -> tuple[bytes, FileVersion]:
        if stop > self._most:
            raise OSError(f"no such file has bytes {start} to {stop}")

        def read(answer: requests.Response) -> tuple[bytes, FileVersion]:
            return read_span(answer, start, stop), FileVersion.of_headers(answer.headers)

        return self._files.ask(self._url, read, {"Range": f"bytes={start}-{stop - 1}"})


class StoredParts:
    """Parts of one object in S3."""

    def __init__(self, files: StoredFiles, url: str, most: int = DOCUMENT) -> None:
        """``most`` is the bytes that the whole file may have."""
        self._files = files
        self._url = url
        self._most = most

    def read(self) -> tuple[bytes, FileVersion]:
        """As :meth:`WebParts.read`."""
        return self._get(self._most)

    def read_end(self, count: int) -> tuple[bytes, FileVersion]:
        """As :meth:`WebParts.read_end`."""
        return self._get(count, f"bytes=-{count}")

    def read_spans(
        self, spans: Sequence[tuple[int, int]], version: FileVersion | None
    ) -> list[bytes]:
        """As :meth:`WebParts.read_spans`."""

        def read(span: tuple[int, int]) -> bytes:
            found, other = self._get(span[1] - span[0], f"bytes={span[0]}-{span[1] - 1}")
            _require_same(version, other)
            return found

        return _few_at_a_time(read, spans)

    def read_part(self, start: int, stop: int) -> bytes:
        """As :meth:`WebParts.read_part`."""
        return self._get(stop - start, f"bytes={start}-{stop - 1}")[0]

    def is_unchanged(self, version: FileVersion, end: bytes) -> bool:
        """As :meth:`WebParts.is_unchanged`."""
        count = 8 if version.is_certain else len(end)
        found, other = self._get(count, f"bytes=-{count}")
        return found[-count:] == end[-count:] and version.agrees_with(other)

    def _get(self, most: int, wanted: str | None = None) -> tuple[bytes, FileVersion]:
        found, headers = self._files.get(
            self._url, most, {} if wanted is None else {"Range": wanted}
        )
        return found, FileVersion.of_headers(headers)


def parts_of(url: str, options: Mapping[str, Any], most: int = DOCUMENT) -> WebParts | StoredParts:
    """What reads parts of the file at a URL; ``options`` are fsspec's, and the user's own.

    ``most`` is the bytes that the whole file may have.
    """
    location = Location.parse(url)
    if location.protocol in WEB:
        return WebParts(web_files(location.address, options), location.address, most)
    return StoredParts(StoredFiles(options), location.address, most)


def _few_at_a_time(
    read: Callable[[tuple[int, int]], bytes], spans: Sequence[tuple[int, int]]
) -> list[bytes]:
    if len(spans) < 2:
        return list(map(read, spans))
    with ThreadPoolExecutor(min(AT_ONCE, len(spans)), "file-parts") as pool:
        return list(pool.map(read, spans))


def _require_same(version: FileVersion | None, other: FileVersion) -> None:
    if version is not None and not version.agrees_with(other):
        raise FileChangedError("it was replaced while it was read")
