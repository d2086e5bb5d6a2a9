"""Files behind http(s), whole or by range, with a user's headers and login for their host alone.

A host that compresses would shift ranges, so none is asked to (``Accept-Encoding: identity``),
and a range of compressed bytes is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, Final, TypeVar

import requests
from requests.auth import HTTPBasicAuth

from catalog_builder.errors import AccessError, AddressError
from catalog_builder.transport.answer_limits import DOCUMENT
from catalog_builder.transport.hosts import origin
from catalog_builder.transport.http_error import reason
from catalog_builder.transport.location import shown
from catalog_builder.transport.retries import REPEATS, TransientError, repeat, retries
from catalog_builder.transport.server_words import answer_words
from catalog_builder.transport.session import AnswerTooLongError, PlainSession

T = TypeVar("T")

AT_ONCE: Final = 8
"""Requests at a time: a burst of more new connections may find a small server's queue full, and
then wait a second."""

NO_SUFFIX: Final = {400, 416, 501}
"""Answers of hosts that serve ranges, but none that counts from the end; or of an empty file."""

_ERRORS: Final[dict[int, type[OSError]]] = {
    403: PermissionError,
    404: FileNotFoundError,
    410: FileNotFoundError,
}

_PIECE: Final = 2**20
"""Bytes of a body that are read at a time."""

_IDENTITY: Final = {"Accept-Encoding": "identity"}
_CONTENT_RANGE: Final = re.compile(r"bytes (\d+)-")
_BROKEN: Final = (requests.exceptions.ChunkedEncodingError, requests.ConnectionError)

_NOT_TAKEN: Final = {
    *("anon", "asynchronous", "block_size", "cache_options", "cache_type", "encoded", "loop"),
    *("same_scheme", "simple_links", "size_policy", "skip_instance_cache", "use_listings_cache"),
    *("timeout", "trust_env"),
}
"""Options of fsspec's http without which files are read the same."""

Authentication = tuple[bytes, bytes] | Callable[[requests.PreparedRequest], Any]


class WebFiles:
    """Files of one host, read from several threads at once; get it from :func:`web_files`.

    All methods raise FileNotFoundError where there is no such file, PermissionError where the host
    says 403, or another OSError: a ``requests.RequestException`` where there is no answer.
    """

    def __init__(self, session: PlainSession) -> None:
        self._session = session

    def read(self, url: str, most: int = DOCUMENT) -> bytes:
        """All bytes of a file, in one request; raises OSError for more than ``most``."""
        return self.ask(url, partial(read_whole, most=most))

    def size(self, url: str) -> int | None:
        """Bytes of a file; None where its host does not say."""
        with self._session.head(url, headers=_IDENTITY, allow_redirects=True) as answer:
            size = _length(answer) if answer.ok else None
        return self.ask(url, _length) if size is None else size

    def ask(
        self,
        url: str,
        read: Callable[[requests.Response], T],
        headers: Mapping[str, str] | None = None,
        *,
        taken: set[int] | None = None,
    ) -> T:
        """What ``read`` makes of the answer; the request is repeated where the body ends early.

        ``taken`` are error statuses that ``read`` takes too.
        """

        def attempt() -> T:
            with self._session.get(
                url, headers=_IDENTITY | dict(headers or {}), stream=True
            ) as answer:
                if not answer.ok and answer.status_code not in (taken or ()):
                    kind = _ERRORS.get(answer.status_code, OSError)
                    raise kind(f"its host answered {answer_words(answer)}")
                try:
                    return read(answer)
                except _BROKEN as error:
                    raise TransientError(error) from error

        return repeat(attempt, most=REPEATS)


def web_files(url: str, options: Mapping[str, Any] | None = None) -> WebFiles:
    """The files of a URL's host; its connections are kept for the next call.

    ``options`` are a user's ``storage_options``, as fsspec's http takes them: ``headers``,
    ``auth`` (a pair of user name and password, or what requests or aiohttp have for it) and
    ``cookies``, also in ``client_kwargs``. They go to the host, and port, of the URL alone, along
    no redirect to another. Raises :class:`~catalog_builder.errors.AddressError` for options that
    are not understood.
    """
    outer = dict(options or {})
    inner = outer.pop("client_kwargs", None) or {}
    merged = {**inner, **outer}
    headers = {**(inner.get("headers") or {}), **(merged.pop("headers", None) or {})}
    if cookies := merged.pop("cookies", None):
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    auth = merged.pop("auth", None)
    if isinstance(auth, (tuple, list)):  # aiohttp's BasicAuth is a tuple too
        user, password = auth[:2]
        auth = user.encode(), password.encode()  # RFC 7617
    if unknown := sorted(set(merged) - _NOT_TAKEN):
        raise AddressError(
            f"storage_options for {origin(url)} may have headers, auth and cookies, not "
            f"{', '.join(unknown)}. Proxies and certificates come from the environment: "
            "HTTPS_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE, SSL_CERT_FILE."
        )
    own = tuple(sorted((str(name), str(value)) for name, value in headers.items()))
    return _files_of(origin(url), own, auth)


def read_document(url: str, options: Mapping[str, Any]) -> bytes:
    """A file of a catalog, for libraries that read one by fsspec.

    Raises FileNotFoundError where there is none, else
    :class:`~catalog_builder.errors.AccessError`.
    """
    try:
        return web_files(url, options).read(url)
    except FileNotFoundError as error:
        problem: Exception = FileNotFoundError(f"{shown(url)}: {error}")
    except OSError as error:
        why = reason(error) if isinstance(error, requests.RequestException) else str(error)
        problem = AccessError(f"{shown(url)} cannot be read: {why}.")
    raise problem  # out here: the library's error quotes the query


@lru_cache(maxsize=64)
def _files_of(
    host: str, headers: tuple[tuple[str, str], ...], auth: Authentication | None
) -> WebFiles:
    return WebFiles(_HostSession(host, dict(headers), auth))


class _HostSession(PlainSession):
    """Sends a user's headers and login to one host, and nothing of them to any other."""

    def __init__(self, host: str, headers: Mapping[str, str], auth: Authentication | None) -> None:
        super().__init__(retries(3), most_bytes=None)  # readers count
        self._host = host
        own = {"accept-encoding", "range"}  # what is read depends on them
        self._own = {name: value for name, value in headers.items() if name.lower() not in own}
        self._authenticate = HTTPBasicAuth(*auth) if isinstance(auth, tuple) else auth

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send one request; every hop of a redirect passes here."""
        if origin(request.url or "") == self._host:
            request.headers.update(self._own)
            if self._authenticate is not None:
                request = self._authenticate(request)
        else:
            for name in (*self._own, "Authorization"):
                request.headers.pop(name, None)
        return super().send(request, **kwargs)


def read_whole(answer: requests.Response, *, most: int) -> bytes:
    """All of a body; raises AnswerTooLongError for more than ``most`` bytes, inflated."""
    pieces, count = [], 0
    for piece in answer.iter_content(_PIECE):
        pieces.append(piece)
        count += len(piece)
        if count > most:
            raise AnswerTooLongError(f"it has more than {most:,} bytes")
    return b"".join(pieces)


def read_beginning(answer: requests.Response, count: int, *, most: int) -> bytes:
    """The first bytes of a body; all of a shorter one. Raises as :func:`read_whole` does."""
    body = bytearray()
    if count > most:
        raise AnswerTooLongError(f"it has more than {most:,} bytes")
    for piece in answer.iter_content(_PIECE):
        body += piece
        if len(body) >= count:
            break
    return bytes(body[:count])


def read_span(answer: requests.Response, start: int, stop: int) -> bytes:
    """The body of an answer to a request for these bytes; raises OSError for any other."""
    if answer.status_code != 206:
        raise OSError("its host serves whole files only, no parts")
    if encoding := body_encoding(answer):
        raise OSError(f"its host compresses parts of files ({encoding})")
    begin = _CONTENT_RANGE.match(answer.headers.get("Content-Range", ""))
    if begin is not None and int(begin[1]) != start:
        raise OSError(f"bytes from {begin[1]} on came for bytes {start} to {stop}")
    body = read_range(answer, stop - start)
    if len(body) < stop - start:
        raise OSError(f"{len(body)} bytes came for bytes {start} to {stop}")
    return body


def body_encoding(answer: requests.Response) -> str | None:
    """How a body is compressed; None where it is not."""
    encoding = answer.headers.get("Content-Encoding", "identity").strip().lower()
    return None if encoding in ("", "identity") else encoding


def _length(answer: requests.Response) -> int | None:
    """Bytes of the whole file, as an answer to a request for all of it says."""
    length = answer.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() and not body_encoding(answer) else None


def read_range(answer: requests.Response, most: int) -> bytes:
    """The body, which may have ``most`` bytes."""
    body = bytearray()
    for piece in answer.iter_content(_PIECE):
        body += piece
        if len(body) > most:
            raise OSError(f"more than the {most} bytes came that were asked for")
    return bytes(body)
