"""Sending a login to NASA's Earthdata services, and to nobody else."""

from __future__ import annotations

import os
from collections import OrderedDict
from copy import copy
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urljoin

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies
from urllib3.util.retry import Retry

from catalog_builder.errors import (
    AddressError,
    CredentialsError,
    EarthdataError,
    EulaError,
    LoginExpiredError,
    LoginRejectedError,
    UntrustedHostError,
)
from catalog_builder.forks import in_forked_child, keep
from catalog_builder.location import WEB, Location
from catalog_builder.login import Login, earthdata_host
from catalog_builder.redaction import redact_logs
from catalog_builder.trust import is_loopback, origin, require_trusted

TIMEOUT: Final = (10.0, 60.0)
"""Seconds to connect, and between two bytes of an answer."""

_RETRIES: Final = Retry(
    total=4,
    connect=2,
    backoff_factor=0.3,
    status_forcelist=(429, 500, 502, 503, 504),
    allowed_methods=None,
    raise_on_status=False,
    retry_after_max=60,
)


class PlainSession(requests.Session):
    """Sends what it is given and adds no login of its own.

    requests left alone reads netrc and puts what it finds over an Authorization header, so
    ``trust_env`` is off; proxies and certificates still come from the environment, but what stays
    on this machine goes through no proxy.
    """

    def __init__(self) -> None:
        super().__init__()
        redact_logs()
        self.trust_env = False
        for scheme in ("http://", "https://"):
            self.mount(scheme, HTTPAdapter(max_retries=_RETRIES))
        in_forked_child(self._connect_anew)

    def _connect_anew(self) -> None:
        """In a forked child: connect anew, for an answer must never reach the other process."""
        keep((self.adapters, self.cookies))  # closed here, their locks might be waited for
        self.adapters = OrderedDict((url, copy(each)) for url, each in self.adapters.items())
        self.cookies = self.cookies.copy()

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send one request; every hop of a redirect passes here."""
        url = request.url or ""
        kwargs["timeout"] = kwargs.get("timeout") or TIMEOUT
        kwargs["proxies"] = {} if is_loopback(url) else get_environ_proxies(url)
        kwargs["verify"] = (
            os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
        )
        return super().send(request, **kwargs)

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Where a redirect leads; None, and the answer stands, where that is no web address."""
        target = super().get_redirect_target(resp)
        try:
            if target is not None:
                Location.parse(urljoin(resp.url, target), protocols=WEB)
        except (AddressError, ValueError):
            return None
        return target


class LoginSession(PlainSession):
    """Speaks to trusted hosts alone, and gives user name and password to Earthdata Login alone.

    Any other host, also one that a redirect leads to, gets no request at all:
    :class:`~catalog_builder.errors.UntrustedHostError`.
    """

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


_tokens: dict[tuple[Login, str], str] = {}


def bearer_token(login: Login | None = None, *, renew: bool = False) -> str:
    """The token of a login, made from user name and password where it has none.

    Earthdata Login is asked once in a process (``POST /api/users/find_or_create_token``), and
    again with ``renew``. Raises what :func:`refusal` tells.
    """
    login = login or Login.find()
    if login.token:
        return login.token
    host = earthdata_host()
    if renew or (login, host) not in _tokens:
        _tokens[login, host] = _find_or_create_token(login, host)
    return _tokens[login, host]


def _find_or_create_token(login: Login, host: str) -> str:
    with LoginSession() as session:
        try:
            answer = session.post(
                f"{host}/api/users/find_or_create_token",
                auth=(login.username or "", login.password or ""),
                allow_redirects=False,
            )
        except requests.RequestException as error:
            problem: EarthdataError = unreachable(host, error)
        else:
            try:
                token = answer.json()["access_token"] if answer.ok else None
            except (ValueError, KeyError, TypeError):
                token = None
            if isinstance(token, str) and token:
                return token
            problem = refusal(answer, login)
    # Raised out here, so that no request with the login in its headers is chained to it.
    raise problem


def unreachable(url: str, error: Exception) -> CredentialsError:
    """What to raise where a host gave no answer. Query strings are left out: they may sign."""
    return CredentialsError(
        f"{origin(url)} gave no answer ({type(error).__name__}): check the network and try again."
    )


def refusal(answer: requests.Response, login: Login) -> EarthdataError:
    """What to raise for an answer that is not what the login should have got."""
    where = origin(answer.url)
    told: Any = None
    try:
        told = answer.json()
    except ValueError:
        web_page = answer.text.lstrip()[:1] == "<"
    else:
        web_page = False
    told = told if isinstance(told, dict) else {}
    words = login.hide(str(told.get("error_description") or told.get("error") or answer.reason))
    if url := told.get("resolution_url"):
        return EulaError(
            f"An agreement must be accepted first: log in at {url} and accept it. ({words})",
            resolution_url=str(url),
        )
    if answer.status_code == 401 or answer.is_redirect or (answer.ok and web_page):
        ended = login.expires
        if ended is not None and ended < datetime.now(UTC):
            return LoginExpiredError(
                f"The token of {login.source} ended on {ended:%Y-%m-%d}: make a new one at "
                f"{earthdata_host()}/profile."
            )
        return LoginRejectedError(
            f"{where} refused the login of {login.source} ({answer.status_code} {words}): log in "
            f"at {earthdata_host()} to see whether it still holds."
        )
    return CredentialsError(f"{where} answered {answer.status_code} {words}, not what was asked.")
