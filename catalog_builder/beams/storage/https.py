"""Reads a granule by range over HTTPS, from its data centre's web server.

A data centre answers the first request with a redirect to a signed URL, which is valid for about
an hour. It is used for every range until it expires.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin

import requests

from catalog_builder.auth.earthdata import LoginSession, refusal, send_token
from catalog_builder.auth.login import Login, earthdata_host
from catalog_builder.auth.trusted_hosts import is_trusted, require_trusted
from catalog_builder.beams.storage.byte_source import PIECE, read_exactly
from catalog_builder.errors import (
    AccessError,
    AddressError,
    CatalogBuilderError,
    EulaError,
    GranuleNotFoundError,
    LoginRejectedError,
)
from catalog_builder.forks import Lock
from catalog_builder.transport.hosts import advice, origin
from catalog_builder.transport.location import WEB, Location
from catalog_builder.transport.server_words import answer_words
from catalog_builder.transport.session import PlainSession

if TYPE_CHECKING:
    from collections.abc import Generator

    from catalog_builder.auth.login import Login
    from catalog_builder.beams.storage.links import GranuleLinks

_MOST_REDIRECTS: Final = 8
_REFUSED: Final = (400, 401, 403)
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18})", re.ASCII)


class _SignedUrl:
    """What a link was found to lead to."""

    def __init__(self) -> None:
        self.url: str | None = None
        self.version: tuple[int, str | None] | None = None
        self.lock = Lock()
        """Held while it is looked for: all others wait, and use what is found."""

    def is_of(self, size: int, etag: str | None) -> bool:
        """Whether it is known, and of this version as far as that is told."""
        if self.url is None or self.version is None or self.version[0] != size:
            return False
        return None in (etag, self.version[1]) or self.version[1] == etag


_signed_urls: Final[OrderedDict[str, _SignedUrl]] = OrderedDict()
_signed_urls_lock: Final = Lock()
_MOST_SIGNED: Final = 4096

_plain_session: Final[list[PlainSession]] = []
"""One for the process, whose connections to the hosts of signed URLs stay open."""


def _signed_url(link: str) -> _SignedUrl:
    with _signed_urls_lock:
        found = _signed_urls.setdefault(link, _SignedUrl())
        _signed_urls.move_to_end(link)
        while len(_signed_urls) > _MOST_SIGNED:
            _signed_urls.popitem(last=False)
        if not _plain_session:
            _plain_session.append(PlainSession(most_bytes=None))
    return found


class HttpsSource:
    """A granule over HTTPS, read by range; thread-safe.

    The login is sent to the host of the granule's link, if that is trusted, and never along a
    redirect to another host.
    """

    def __init__(self, links: GranuleLinks, version: tuple[int, str | None] | None = None) -> None:
        """Ask for the first byte; raises what :meth:`read` raises.

        Nothing is asked where this process knows the signed URL of that ``version``, size and
        ETag: it is found once a granule, and used while it lives.
        """
        self._link = links.https_url
        self.href = self._link.partition("?")[0]  # a query may sign
        self.size = -1
        self.etag: str | None = None
        self._signed: str | None = None
        self._takes_login = is_trusted(self._link)
        self._login_session = LoginSession(most_bytes=None)
        known = _signed_url(self._link)
        with known.lock:
            if version is not None and known.is_of(*version) and known.version is not None:
                self._signed, (self.size, self.etag) = known.url, known.version
                return
            try:
                read_exactly(self, 0, 1)
            except BaseException:
                self.close()
                raise

    def read(self, start: int, stop: int) -> bytes:
        """The bytes from ``start`` to before ``stop``, of the version that was first read.

        Raises an :class:`~catalog_builder.errors.EarthdataError` about the login, or an
        :class:`~catalog_builder.errors.AccessError`; returns too little where the body broke off.
        """
        return b"".join(self.pieces(start, stop, stop - start))

    def pieces(self, start: int, stop: int, length: int = PIECE) -> Generator[bytes, None, None]:
        """The same bytes as they arrive, ``length`` at a time, and the rest."""
        try:
            answer = self._ask({"Range": f"bytes={start}-{stop - 1}"})
        except requests.RequestException as error:
            reason = type(error).__name__
        else:
            with answer:
                self._check(answer, start)
                left = stop - start
                with suppress(requests.RequestException):
                    for piece in answer.iter_content(length):
                        left -= len(piece)
                        if left < 0:
                            raise AccessError(f"{self.href} sent more bytes than were asked for.")
                        yield piece
                return
        # Raised out here: the library's error quotes the signed URL.
        raise AccessError(f"{self.href} gave no answer ({reason}): {advice(self.href)}.")

    def close(self) -> None:
        """Close the connections."""
        self._login_session.close()

    def _ask(self, headers: dict[str, str]) -> requests.Response:
        """Send a request to the signed URL, or to the link where that has expired."""
        signed = self._signed
        answer = self._follow(signed or self._link, headers)
        if signed and (answer.status_code in _REFUSED or answer.is_redirect):
            answer.close()  # a signed URL ends after an hour
            answer = self._follow(self._link, headers)
        return answer

    def _follow(self, url: str, headers: dict[str, str]) -> requests.Response:
        """Send a request, follow redirects, and remember the URL they end at."""
        headers = {"Accept-Encoding": "identity"} | headers
        for _ in range(_MOST_REDIRECTS):
            if self._takes_login and origin(url) == origin(self._link):
                answer = send_token(url, partial(self._get_with_login, url, headers))
            else:
                answer = _plain_session[0].get(
                    url, headers=headers, stream=True, allow_redirects=False
                )
            if not answer.is_redirect:
                self._signed = url if answer.ok and url != self._link else None
                return answer
            target = self._target(url, answer)
            if origin(target) == earthdata_host():
                return answer
            answer.close()
            if url.startswith("https:") and not target.startswith("https:"):
                raise AccessError(f"{self.href} leads away from https, to {origin(target)}.")
            url = target
        raise AccessError(f"{self.href} leads from one redirect to the next.")

    def _target(self, url: str, answer: requests.Response) -> str:
        """Where a redirect leads."""
        try:
            return Location.parse(urljoin(url, answer.headers["Location"]), protocols=WEB).address
        except (AddressError, ValueError) as error:
            answer.close()
            problem = f"{self.href} leads to no web address: {error}"
        raise AccessError(problem)

    def _get_with_login(
        self, url: str, headers: dict[str, str], login: Login
    ) -> requests.Response:
        """Send the token too; raises where the host refuses it."""
        answer = self._login_session.get(
            url,
            headers=headers | {"Authorization": f"Bearer {login.token}"},
            stream=True,
            allow_redirects=False,
        )
        target = urljoin(url, answer.headers.get("Location", ""))
        to_login = answer.is_redirect and origin(target) == earthdata_host()
        web_page = answer.ok and answer.headers.get("Content-Type", "").startswith("text/html")
        if to_login or answer.status_code in (401, 403) or (web_page and not answer.is_redirect):
            with answer:
                problem = refusal(answer, login)
            if isinstance(problem, (EulaError, LoginRejectedError)):
                raise problem
        return answer

    def _check(self, answer: requests.Response, start: int) -> None:
        """Raise unless an answer holds bytes of the granule, from ``start`` on."""
        if answer.status_code != 206:
            raise self._problem(answer)
        match = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        if match is None or int(match[1]) != start:
            raise AccessError(f"{self.href}: asked for bytes from {start} on, got others.")
        version = int(match[2]), answer.headers.get("ETag")
        if self.size < 0:
            self.size, self.etag = version
        elif version != (self.size, self.etag):
            _signed_url(self._link).url = None
            raise AccessError(f"{self.href} was replaced while it was read: open it again.")
        known = _signed_url(self._link)
        known.url, known.version = self._signed, version

    def _problem(self, answer: requests.Response) -> CatalogBuilderError:
        status = answer.status_code
        asks_login = answer.is_redirect or status in (401, 403)
        if asks_login and not self._takes_login:
            require_trusted(self._link)
        if status in (404, 410):
            return GranuleNotFoundError(f"There is nothing at {self.href}.")
        if answer.ok:
            return AccessError(
                f"{self.href} cannot be read in parts (HTTP {status}): download the granule."
            )
        return AccessError(f"{self.href} answered {answer_words(answer)}.")
