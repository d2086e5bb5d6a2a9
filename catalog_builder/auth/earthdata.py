"""Sends a login to NASA's Earthdata services, and to no other host."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import replace
from math import inf
from typing import Any, Final, TypeVar

import orjson
import requests
from requests.auth import HTTPBasicAuth

from catalog_builder.auth.login import Login, earthdata_host
from catalog_builder.auth.login_attempts import OneAtATime, TokenAcceptance, without_traceback
from catalog_builder.auth.redaction import redact_logs
from catalog_builder.auth.trusted_hosts import require_trusted
from catalog_builder.errors import (
    CredentialsError,
    EarthdataError,
    EulaError,
    LoginExpiredError,
    LoginRejectedError,
    UntrustedHostError,
)
from catalog_builder.transport.answer_limits import LOGIN
from catalog_builder.transport.hosts import advice, origin
from catalog_builder.transport.server_words import server_words
from catalog_builder.transport.session import PlainSession

T = TypeVar("T")


class LoginSession(PlainSession):
    """Speaks to trusted hosts alone, and gives user name and password to Earthdata Login alone.

    Any other host, also one that a redirect leads to, gets no request at all:
    :class:`~catalog_builder.errors.UntrustedHostError`.
    """

    def __init__(self, *, most_bytes: int | None = LOGIN) -> None:
        redact_logs()
        super().__init__(most_bytes=most_bytes)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send one request, if its host may have it."""
        url = request.url or ""
        require_trusted(url)
        basic = request.headers.get("Authorization", "").startswith("Basic")
        if basic and origin(url) != earthdata_host():
            raise UntrustedHostError(
                f"{origin(url)} asked for an Earthdata password, which goes to {earthdata_host()} "
                "alone; nothing was sent."
            )
        return super().send(request, **kwargs)


_PASSWORD_REFUSED: Final = (400, 401, 403, 422, 423)
"""Answers to a password after which another attempt is useless, and might lock the account."""

_RENEWED_FOR: Final = 600.0
"""Seconds after a renewal in which no further token is made."""


class _Account:
    """The token that Earthdata Login gives for one user name and password, or its refusal."""

    def __init__(self, login: Login, host: str) -> None:
        self._login = login
        self._host = host
        self._attempts = OneAtATime()
        self._token: str | None = None
        self._refusal: LoginRejectedError | None = None
        self._renewed = -inf

    def token(self, instead_of: str | None) -> str:
        """The token, made on the first call, and once more ``instead_of`` one that is refused."""
        return self._attempts.run(lambda: self._find(instead_of))

    def _find(self, instead_of: str | None) -> str:
        if self._refusal is not None:
            raise without_traceback(self._refusal)
        now = time.monotonic()
        renews = self._token is not None and self._token == instead_of
        renews = renews and now - self._renewed > _RENEWED_FOR
        if self._token is None or renews:
            try:
                self._token = _find_or_create_token(self._login, self._host)
            except LoginRejectedError as error:
                self._refusal = without_traceback(error)
                raise
            self._renewed = now if renews else self._renewed
        return self._token


_accounts: dict[tuple[Login, str], _Account] = {}
_acceptances: dict[tuple[str, str], TokenAcceptance] = {}
"""By token and by origin of the host."""


def bearer_token(login: Login | None = None, *, instead_of: str | None = None) -> str:
    """The token of a login, made from user name and password where it has none.

    Earthdata Login is asked once in a process (``POST /api/users/find_or_create_token``), and once
    in ten minutes for another token ``instead_of`` one that a host refused; the same may come
    back. A password that is refused is not sent again: what :func:`refusal` tells is raised each
    time, until the login is another.
    """
    login = login or Login.find()
    if login.token:
        return login.token
    known = login, earthdata_host()
    # setdefault is atomic: two threads get the same account.
    account = _accounts.get(known) or _accounts.setdefault(known, _Account(*known))
    return account.token(instead_of)


def send_token(url: str, request: Callable[[Login], T], login: Login | None = None) -> T:
    """Send a login's token to the host of a URL, which the caller found to be a trusted one.

    ``request`` gets the login together with the token to send, and raises
    :class:`~catalog_builder.errors.LoginRejectedError` where that is refused. A token made from a
    password is made anew then, for it may have been revoked; any other is not sent to this host
    again. Until the host has answered once, requests are sent one at a time.
    """
    login = login or Login.find()
    token = bearer_token(login)
    try:
        return _send(url, request, replace(login, token=token))
    except LoginRejectedError as error:
        problem = error
    if login.token is None and (newer := bearer_token(login, instead_of=token)) != token:
        return _send(url, request, replace(login, token=newer))
    raise problem


def _send(url: str, request: Callable[[Login], T], login: Login) -> T:
    known = login.token or "", origin(url)
    acceptance = _acceptances.get(known) or _acceptances.setdefault(known, TokenAcceptance())
    return acceptance.send(lambda: request(login))


def _find_or_create_token(login: Login, host: str) -> str:
    with LoginSession() as session:
        try:
            answer = session.post(
                f"{host}/api/users/find_or_create_token",
                # As bytes: of text, requests would send Latin-1 (RFC 7617 has UTF-8).
                auth=HTTPBasicAuth(
                    (login.username or "").encode(), (login.password or "").encode()
                ),
                allow_redirects=False,
            )
        except requests.RequestException as error:
            problem: EarthdataError = unreachable(host, error)
        else:
            try:
                token = orjson.loads(answer.content)["access_token"] if answer.ok else None
            except (ValueError, KeyError, TypeError):
                token = None
            if isinstance(token, str) and token:
                return token
            problem = refusal(answer, login, refused=_PASSWORD_REFUSED)
    # Raised out here, so that no request with the login in its headers is chained to it.
    raise problem


def unreachable(url: str, error: Exception) -> CredentialsError:
    """The error for a host that gave no answer; without the query of its URL, which may sign."""
    return CredentialsError(
        f"{origin(url)} gave no answer ({type(error).__name__}): {advice(url)}."
    )


def refusal(
    answer: requests.Response, login: Login, *, refused: Collection[int] = (401,)
) -> EarthdataError:
    """The error for an answer that refuses a login, or is not the expected one.

    ``refused`` are the statuses by which a host says that it does not take the login.
    """
    where = origin(answer.url)
    body: Any = None
    try:
        body = orjson.loads(answer.content)  # unlike json, it ends at any depth
    except ValueError:
        web_page = answer.content.lstrip()[:1] == b"<"  # its charset may be none
    else:
        web_page = False
    body = body if isinstance(body, dict) else {}
    said = b"" if answer.is_redirect else answer.content
    words = server_words(said, hide=(login.token, login.password)).rstrip(".") or answer.reason
    if url := body.get("resolution_url"):
        return EulaError(
            f"An agreement must be accepted first: log in at {url} and accept it. ({words})",
            resolution_url=str(url),
        )
    certain = answer.status_code in refused or answer.is_redirect
    if certain or (answer.ok and web_page):
        if login.has_ended:
            return LoginExpiredError(
                f"The token of {login.source} ended on {login.expires:%Y-%m-%d}: make a new one "
                f"at {earthdata_host()}/profile.",
                certain=certain,
            )
        return LoginRejectedError(
            f"{where} refused the login of {login.source} ({answer.status_code} {words}): log in "
            f"at {earthdata_host()} to see whether it still holds. Until it is another one, this "
            "process does not send it again.",
            certain=certain,
        )
    return CredentialsError(f"{where} answered {answer.status_code} {words}, not what was asked.")
