"""Temporary S3 keys of a data centre, renewed before they expire."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import requests

from catalog_builder.auth.earthdata import LoginSession, refusal, send_token, unreachable
from catalog_builder.auth.login import Login, earthdata_host
from catalog_builder.auth.login_attempts import OneAtATime
from catalog_builder.auth.redaction import redact_logs
from catalog_builder.auth.trusted_hosts import require_trusted
from catalog_builder.errors import (
    CredentialsError,
    CredentialsExpiredError,
    EarthdataError,
    LoginRejectedError,
)
from catalog_builder.forks import in_forked_child
from catalog_builder.transport.hosts import origin

if TYPE_CHECKING:
    from aiobotocore.credentials import AioRefreshableCredentials
    from aiobotocore.session import AioSession
    from obstore.store import S3Credential

_RENEWED_BEFORE = timedelta(minutes=10)
"""How long before they expire keys are renewed; after three quarters of a shorter life."""

_NEVER = datetime.max.replace(tzinfo=UTC)

_NEXT_ATTEMPT = timedelta(seconds=30)
"""When renewing is tried again after a failure, while the old keys are still valid."""


class CredentialProvider:
    """Keys of one credentials endpoint for obstore, s3fs and any other client of S3.

    Call it for valid keys; it sends a request to the endpoint only where they are about to expire.
    It may be shared by threads. Its pickle holds the endpoint alone: a worker logs in itself.
    """

    def __init__(self, endpoint: str, login: Login | None = None) -> None:
        self.endpoint = endpoint
        self._login = login
        self._attempts = OneAtATime()
        self._begin()
        in_forked_child(self._begin)

    def _begin(self) -> None:
        """Without keys; a forked child too gets its own."""
        self._keys: S3Credential | None = None
        self._end = self._renew_at = _NEVER

    def __call__(self) -> S3Credential:
        """Valid keys: ``access_key_id``, ``secret_access_key``, ``token``, ``expires_at``.

        Raises :class:`~catalog_builder.errors.LoginMissingError`,
        :class:`~catalog_builder.errors.LoginRejectedError`,
        :class:`~catalog_builder.errors.EulaError`,
        :class:`~catalog_builder.errors.UntrustedHostError` or
        :class:`~catalog_builder.errors.CredentialsError`.
        """
        return self._attempts.run(self._find)

    def _find(self) -> S3Credential:
        now = datetime.now(UTC)
        if self._keys is None or now >= self._renew_at:
            try:
                self._renew()
            except EarthdataError:
                # An endpoint that is down for a while must not end a read whose keys are valid.
                if self._keys is None or self._end <= now:
                    raise
                self._renew_at = now + min(_NEXT_ATTEMPT, (self._end - now) / 4)
        assert self._keys is not None
        return self._keys

    def forget(self, access_key_id: str, reconnect: Callable[[], None] | None = None) -> None:
        """Drop keys that S3 says have expired, unless newer ones are here already.

        ``reconnect`` replaces the client that keeps them, before another thread gets new keys: it
        would think that the old client's refusal is of these.
        """
        with self._attempts.lock:
            if self._keys is not None and self._keys["access_key_id"] == access_key_id:
                self._keys = None
            if reconnect is not None:
                reconnect()

    def _renew(self) -> None:
        keys = self._fetch()
        now = datetime.now(UTC)
        end = keys["expires_at"] or _NEVER
        end = end if end.tzinfo else end.replace(tzinfo=UTC)
        if end <= now:
            raise CredentialsExpiredError(
                f"{self.endpoint} handed out keys that ended at {end:%Y-%m-%d %H:%M:%S} UTC: is "
                "this machine's clock right?"
            )
        self._keys = {**keys, "expires_at": end}
        self._end = end
        self._renew_at = end - min(_RENEWED_BEFORE, (end - now) / 4)

    def _fetch(self) -> S3Credential:
        require_trusted(self.endpoint)
        return send_token(self.endpoint, self._ask, self._login)

    def _ask(self, login: Login) -> S3Credential:
        from obstore.auth.earthdata import NasaEarthdataCredentialProvider

        with LoginSession() as session:
            # A token, never the password: that goes to Earthdata Login alone, to make the token.
            ask = NasaEarthdataCredentialProvider(self.endpoint, auth=login.token, session=session)
            try:
                return ask()
            except requests.HTTPError as error:
                problem = refusal(error.response, login)
            except requests.JSONDecodeError as error:
                problem = self._no_keys(login, web_page=error.doc.lstrip()[:1] == "<")
            except requests.RequestException as error:
                problem = unreachable(self.endpoint, error)
            except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
                problem = self._no_keys(login, web_page=False)
        # Raised out here, so that no request with the login in its headers is chained to it.
        raise problem

    def _no_keys(self, login: Login, *, web_page: bool) -> EarthdataError:
        if web_page:
            return LoginRejectedError(
                f"{origin(self.endpoint)} answered with a web page instead of keys, so the login "
                f"of {login.source} was not accepted: log in at {earthdata_host()} to see why.",
                certain=False,
            )
        return CredentialsError(f"{self.endpoint} gave an answer without S3 keys in it.")

    def botocore_session(self) -> AioSession:
        """A session for s3fs (``session=``) or aiobotocore, whose keys renew themselves.

        To botocore its keys are always about to end, so it asks at each request, and this
        provider alone decides when new ones are fetched.
        """
        from aiobotocore.credentials import AioRefreshableCredentials
        from aiobotocore.session import AioSession

        async def renew() -> dict[str, str | None]:
            try:
                keys = await asyncio.to_thread(self)
            except RuntimeError:  # the process ends, and its pool takes no new work
                keys = self()
            return {
                "access_key": keys["access_key_id"],
                "secret_key": keys["secret_access_key"],
                "token": keys.get("token"),
                "expiry_time": self._end.isoformat(),
            }

        credentials = AioRefreshableCredentials(
            access_key="",
            secret_key="",
            token="",
            expiry_time=datetime.now(UTC),
            refresh_using=renew,
            method="earthdata",
            advisory_timeout=float("inf"),
            mandatory_timeout=float("inf"),
        )
        redact_logs()
        session = AioSession()
        session.register_component("credential_provider", _Resolver(credentials))
        return session

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.endpoint!r})"

    def __reduce__(self) -> tuple[object, ...]:
        return find_credentials, (self.endpoint,)


class _Resolver:
    """What botocore asks for a session's credentials."""

    def __init__(self, credentials: AioRefreshableCredentials) -> None:
        self._credentials = credentials

    async def load_credentials(self) -> AioRefreshableCredentials:
        return self._credentials


_providers: dict[tuple[int, str, Login | None], CredentialProvider] = {}


def find_credentials(endpoint: str, login: Login | None = None) -> CredentialProvider:
    """The provider of an endpoint's keys; one in a process for each endpoint and login.

    Without ``login`` the provider finds it (:meth:`~catalog_builder.auth.login.Login.find`) when
    it first needs keys, and again each time it renews them.
    """
    # A forked child gets keys of its own. setdefault is atomic: two threads get one provider.
    known = os.getpid(), endpoint, login
    return _providers.get(known) or _providers.setdefault(
        known, CredentialProvider(endpoint, login)
    )
