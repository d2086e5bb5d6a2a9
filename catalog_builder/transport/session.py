"""The session that sends every request of the package, apart from those of the S3 libraries."""

from __future__ import annotations

import base64
from collections import OrderedDict
from collections.abc import Iterator
from copy import copy
from math import inf
from typing import Any, Final
from urllib.parse import urljoin

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_auth_from_url
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import DecodeError
from urllib3.util.retry import Retry

from catalog_builder._version import __version__
from catalog_builder.errors import AddressError
from catalog_builder.forks import in_forked_child, keep
from catalog_builder.transport.answer_limits import DOCUMENT, timeouts
from catalog_builder.transport.environment import environment_certificates, environment_proxies
from catalog_builder.transport.location import WEB, Location
from catalog_builder.transport.punctual_connection import POOLS
from catalog_builder.transport.retries import retries as usual_retries

_MOST_REDIRECTS: Final = 8

_CONNECTIONS: Final = 32
"""Kept open to a host: as many as ranges are fetched at a time."""


class AnswerTooLongError(requests.RequestException):
    """An answer has more bytes than one of its kind can have; the rest was not read."""


class PlainSession(requests.Session):
    """Sends requests, and adds no login of its own.

    requests left alone reads netrc and puts what it finds over an Authorization header, so
    ``trust_env`` is off; proxies and certificates still come from the environment
    (:mod:`~catalog_builder.transport.environment`). May be shared by threads, and in a forked
    child connects anew.
    """

    def __init__(self, retries: Retry | None = None, *, most_bytes: int | None = DOCUMENT) -> None:
        """``retries`` is how urllib3 repeats requests, by default :func:`~.retries.retries`.

        An answer of more than ``most_bytes``, inflated, is an :class:`AnswerTooLongError` where
        its body is read; None where the reader counts them himself. Those of each kind are in
        :mod:`~catalog_builder.transport.answer_limits`, with how slowly an answer may come.
        """
        super().__init__()
        self.trust_env = False
        self.auth = _add_login_of_url
        self.max_redirects = _MOST_REDIRECTS
        self.headers["User-Agent"] = f"catalog-builder/{__version__}"
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter(retries or usual_retries(), most_bytes))
        in_forked_child(self._connect_anew)

    def _connect_anew(self) -> None:
        """In a forked child: connect anew, for an answer must never reach the other process."""
        keep((self.adapters, self.cookies))  # closed here, their locks might be waited for
        self.adapters = OrderedDict((url, copy(each)) for url, each in self.adapters.items())
        self.cookies = self.cookies.copy()

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send one request; every hop of a redirect passes here."""
        kwargs["timeout"] = kwargs.get("timeout") or timeouts()
        kwargs["proxies"] = environment_proxies(request.url or "")
        kwargs["verify"] = environment_certificates() or True
        return super().send(request, **kwargs)

    def rebuild_proxies(self, *_: Any) -> dict[str, str]:
        """No proxies, when a redirect is followed: :meth:`send` finds those of each request."""
        return {}

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Where a redirect leads; None, and the answer stands, where that is no web address."""
        target = super().get_redirect_target(resp)
        try:
            if target is not None:
                Location.parse(urljoin(resp.url, target), protocols=WEB)
        except (AddressError, ValueError):
            return None
        return target


class _Adapter(HTTPAdapter):
    """Sets limits to the bodies of answers."""

    __attrs__ = [*HTTPAdapter.__attrs__, "most_bytes"]  # noqa: RUF012 (as in HTTPAdapter)

    def __init__(self, retries: Retry, most_bytes: int | None) -> None:
        self.most_bytes = most_bytes
        super().__init__(max_retries=retries, pool_maxsize=_CONNECTIONS)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """The pools of connections, whose answers end in time."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """The pools of connections through a proxy."""
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = POOLS
        return manager

    def proxy_headers(self, proxy: str) -> dict[str, str]:
        """The login of a proxy's URL, for that proxy."""
        login = _login_of_url(proxy)
        return {} if login is None else {"Proxy-Authorization": login}

    def build_response(
        self, req: requests.PreparedRequest, resp: BaseHTTPResponse
    ) -> requests.Response:
        answer = super().build_response(req, resp)
        answer.raw = _Limited(resp, self.most_bytes)
        return answer


def _login_of_url(url: str) -> str | None:
    """The login that stands in a URL, as HTTP Basic; in UTF-8 (RFC 7617), not in Latin-1."""
    user, password = get_auth_from_url(url)
    if not (user or password):
        return None
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode('ascii')}"


def _add_login_of_url(request: requests.PreparedRequest) -> requests.PreparedRequest:
    if login := _login_of_url(request.url or ""):
        request.headers["Authorization"] = login
    return request


class _Limited:
    """urllib3's answer, whose body ends with an error once it is too long."""

    def __init__(self, answer: BaseHTTPResponse, most_bytes: int | None) -> None:
        self._answer = answer
        self._most = inf if most_bytes is None else most_bytes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._answer, name)

    def read(self, *_: Any, **__: Any) -> bytes:
        """Nothing: requests reads so what is left of a redirect's body, which may be endless."""
        self._answer.close()
        return b""

    def _read1(self, most: int, decode_content: bool | None) -> bytes:
        try:
            return self._answer.read1(most, decode_content)
        except DecodeError:
            self._answer.close()  # urllib3 leaves it open
            raise

    def stream(self, amt: int, decode_content: bool | None = None) -> Iterator[bytes]:
        """The body in pieces of ``amt`` bytes, and the rest, as requests reads it."""
        read = 0
        held: list[bytes] = []
        length = 0
        # What is there: to wait for all of a piece could take for ever.
        while piece := self._read1(amt - length, decode_content):
            held.append(piece)
            length += len(piece)
            read += len(piece)
            if read > self._most:
                self._answer.close()
                raise AnswerTooLongError(f"it has more than {self._most:,} bytes")
            if length == amt:
                yield held[0] if len(held) == 1 else b"".join(held)
                held, length = [], 0
        if held:
            yield b"".join(held)
