"""A user's login to NASA's Earthdata Login: a token, or a user name and password.

It is found in the environment or in netrc, and shows in no repr, log, pickle or error.
"""

from __future__ import annotations

import base64
import binascii
import json
import netrc
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.context import assert_spawning
from pathlib import Path
from typing import Final, NoReturn
from urllib.parse import urlsplit

from catalog_builder.errors import LoginMissingError, LoginRejectedError
from catalog_builder.transport.hosts import is_loopback, origin

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
        :func:`earthdata_host`. Raises :class:`~catalog_builder.errors.LoginMissingError` where
        there is none. In a worker process that was handed a token (:class:`HandedToken`), that is
        the login.
        """
        if environ is None and _handed is not None:
            return _handed
        environ = os.environ if environ is None else environ
        if token := environ.get("EARTHDATA_TOKEN", "").strip():
            # An HTTP library quotes a header that it cannot send in its error.
            if not (token.isascii() and token.isprintable()) or " " in token:
                raise LoginRejectedError(
                    "EARTHDATA_TOKEN holds characters that no token has: copy it again from "
                    f"https://{DEFAULT_HOST}, without quotes, spaces or 'Bearer'."
                )
            return cls(source="EARTHDATA_TOKEN", token=token)
        username, password = (
            environ.get(f"EARTHDATA_{part}") for part in ("USERNAME", "PASSWORD")
        )
        if username and password:
            return cls(source="EARTHDATA_USERNAME", username=username, password=password)
        host = urlsplit(earthdata_host(environ)).hostname or DEFAULT_HOST
        path = Path(environ["NETRC"] if environ.get("NETRC") else Path.home() / ".netrc")
        username, password = _read_netrc(path, host)
        if not (username and password):
            raise LoginMissingError(
                "No Earthdata login was found: set EARTHDATA_TOKEN, or EARTHDATA_USERNAME and "
                f"EARTHDATA_PASSWORD, or write a line for machine {host} into {path}. An account "
                f"is free: https://{DEFAULT_HOST}."
            )
        return cls(source=str(path), username=username, password=password)

    @property
    def expires(self) -> datetime | None:
        """When the token expires, as it says itself (``exp`` of a JSON Web Token, RFC 7519).

        None where it does not say, or where there is no token.
        """
        try:
            encoded = (self.token or "").split(".")[1]
            claims = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
            return datetime.fromtimestamp(claims["exp"], UTC)
        except (IndexError, KeyError, TypeError, ValueError, OverflowError, binascii.Error):
            return None

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


def _read_netrc(path: Path, host: str) -> tuple[str | None, str | None]:
    """User name and password for a host; raised outside ``except``, so that nothing is chained.

    The parser's own error quotes the word it stumbled on, which may be a password.
    """
    try:
        # Not authenticators(): that takes the entry "default" for any host.
        entry = netrc.netrc(str(path)).hosts.get(host)
    except FileNotFoundError:
        return None, None
    except netrc.NetrcParseError as error:
        where = f"line {error.lineno}"
    except (OSError, ValueError) as error:
        where = type(error).__name__
    else:
        return (entry[0], entry[2]) if entry else (None, None)
    raise LoginMissingError(f"The netrc file {path} cannot be read ({where}).")
