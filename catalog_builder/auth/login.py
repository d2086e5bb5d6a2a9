"""A user's login to NASA's Earthdata Login: a token, or a user name and password.

It is found in the environment or in netrc, and shows in no repr, log, pickle or error.
"""

from __future__ import annotations

import base64
import binascii
import os
import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.context import assert_spawning
from typing import Final, NoReturn
from urllib.parse import urlsplit

import orjson

from catalog_builder.auth.netrc_file import netrc_path, read_netrc
from catalog_builder.errors import LoginMissingError, LoginRejectedError, LoginWarning
from catalog_builder.transport.hosts import is_loopback, origin

_EARTHACCESS: Final = "earthaccess"
"""A module that may have been imported, and hold a login; it is not imported here."""

DEFAULT_HOST: Final = "urs.earthdata.nasa.gov"
"""Earthdata Login in operation."""


def earthdata_host(environ: Mapping[str, str] | None = None) -> str:
    """Where Earthdata Login is, as ``https://host``: from ``EARTHDATA_HOST``, or NASA's.

    The variable holds a host name, as other tools expect it; for a stand-in on this machine also
    ``host:port`` or a whole ``http://`` URL.
    """
    named = (os.environ if environ is None else environ).get("EARTHDATA_HOST", "").strip()
    if "://" in named:
        return origin(named)
    url = f"https://{named or DEFAULT_HOST}"
    return origin(url.replace("https", "http", 1) if is_loopback(url) else url)


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A token, or a user name and password. Never pickled: a worker finds its own.

    Wherever it was found, the same one is equal.
    """

    source: str = field(compare=False)
    """Where it was found: a variable's name, or the path of a netrc file."""
    token: str | None = field(default=None, repr=False)
    """What goes into ``Authorization: Bearer``."""
    username: str | None = field(default=None, repr=False)
    """Together with the password, what the token is made from where there is none."""
    password: str | None = field(default=None, repr=False)
    """In clear."""

    @classmethod
    def find(cls, environ: Mapping[str, str] | None = None) -> Login:
        """The login of this machine's user.

        Looks at ``EARTHDATA_TOKEN``, then at ``EARTHDATA_USERNAME`` and ``EARTHDATA_PASSWORD``,
        then in the netrc file (``NETRC``, else ``~/.netrc``) for the machine of
        :func:`earthdata_host`; last, who called ``earthaccess.login()`` in this process is logged
        in. A token that has ended is passed over, with a
        :class:`~catalog_builder.errors.LoginWarning`, where another login is found. Raises
        :class:`~catalog_builder.errors.LoginMissingError` where there is none, and
        :class:`~catalog_builder.errors.LoginRejectedError` for a token that cannot be sent. In a
        worker process that was handed a token (:class:`HandedToken`), that is the login.
        """
        if environ is None and _handed is not None:
            return _handed
        environ = os.environ if environ is None else environ
        by_token = cls._by_token(environ)
        if by_token is None or not by_token.has_ended:
            return by_token or cls._by_password(environ)
        try:
            other = cls._by_password(environ)
        except LoginMissingError:
            return by_token  # Earthdata Login says that it has ended
        warnings.warn(
            f"The token of {by_token.source} ended on {by_token.expires:%Y-%m-%d}: the login of "
            f"{other.source} is used. Unset the variable, or make a new token at "
            f"{earthdata_host(environ)}/profile.",
            LoginWarning,
            stacklevel=1,  # this line, so that a process is told once
        )
        return other

    @classmethod
    def _by_token(cls, environ: Mapping[str, str]) -> Login | None:
        token = environ.get("EARTHDATA_TOKEN", "").strip()
        if not token:
            return None
        # An HTTP library quotes a header that it cannot send in its error.
        if not (token.isascii() and token.isprintable()) or set(token) & set(" \"'`"):
            raise LoginRejectedError(
                "EARTHDATA_TOKEN holds characters that no token has: copy it again from "
                f"{earthdata_host(environ)}, without quotes, spaces or 'Bearer'."
            )
        return cls(source="EARTHDATA_TOKEN", token=token)

    @classmethod
    def _by_password(cls, environ: Mapping[str, str]) -> Login:
        username, password = (
            environ.get(f"EARTHDATA_{part}") for part in ("USERNAME", "PASSWORD")
        )
        if username and password:
            return cls(source="EARTHDATA_USERNAME", username=username, password=password)
        host = urlsplit(earthdata_host(environ)).hostname or DEFAULT_HOST
        path = netrc_path(environ)
        if path is not None:
            username, password = read_netrc(path, host)
            if username and password:
                return cls(source=str(path), username=username, password=password)
        if environ is os.environ and (known := cls._by_earthaccess(host)) is not None:
            return known
        where = path or "the file that NETRC names (this process has no home folder)"
        raise LoginMissingError(
            "No Earthdata login was found: set EARTHDATA_TOKEN, or EARTHDATA_USERNAME and "
            f"EARTHDATA_PASSWORD, or write a line for machine {host} into {where}. An account "
            f"is free: https://{DEFAULT_HOST}."
        )

    @classmethod
    def _by_earthaccess(cls, host: str) -> Login | None:
        """The login of earthaccess for this host, if that was imported and has one.

        Its own ``__auth__`` would log in: what it keeps is looked at.
        """
        module = sys.modules.get(_EARTHACCESS)
        known = None if module is None else vars(module).get("_auth")
        system = getattr(known, "system", None)
        if not getattr(known, "authenticated", False) or (
            getattr(system, "edl_hostname", None) != host
        ):
            return None
        token = getattr(known, "token", None)
        text = token.get("access_token") if isinstance(token, Mapping) else None
        if isinstance(text, str) and text.isascii() and text.isprintable():
            return cls(source="earthaccess.login()", token=text)
        username, password = getattr(known, "username", None), getattr(known, "password", None)
        if username and password:
            return cls(source="earthaccess.login()", username=username, password=password)
        return None

    @property
    def expires(self) -> datetime | None:
        """When the token expires, as it says itself (``exp`` of a JSON Web Token, RFC 7519).

        None where it does not say, or where there is no token.
        """
        try:
            encoded = (self.token or "").split(".")[1]
            claims = orjson.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
            return datetime.fromtimestamp(claims["exp"], UTC)
        except (IndexError, KeyError, TypeError, ValueError, OverflowError, binascii.Error):
            return None

    @property
    def has_ended(self) -> bool:
        """Whether the token's time is over, as it says itself."""
        return self.expires is not None and self.expires < datetime.now(UTC)

    def hide(self, text: str) -> str:
        """A server's message, with the token and the password replaced by ``***``."""
        for secret in (self.token, self.password):
            text = text.replace(secret, "***") if secret else text
        return text

    def __reduce__(self) -> NoReturn:
        raise TypeError("A login is not pickled or copied: each process finds its own.")


_handed: Login | None = None
"""In a worker process, the login that its parent handed over."""


class HandedToken:
    """A token on its way from a process to one that it starts, in an argument of its start.

    So it goes through the pipe between the two and nowhere else: not into the environment, which
    other programs inherit and the user's other processes can read, and into no file or task.
    Pickled at any other time it raises RuntimeError, as a lock does.
    """

    def __init__(self, token: str, source: str) -> None:
        """``source`` is where the login of this token was found."""
        self._login = Login(source=source, token=token)

    def take_up(self) -> None:
        """Use this as the only login of this process from now on."""
        global _handed
        _handed = self._login

    def __reduce__(self) -> tuple[object, ...]:
        assert_spawning(self)
        return HandedToken, (self._login.token, self._login.source)
