"""Which hosts a login may be sent to.

A catalog names hosts: the endpoint that hands out keys, the server that holds a granule. A catalog
is written by someone else, so it does not decide where a login goes; this module does.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Final

from catalog_builder.errors import UntrustedHostError
from catalog_builder.transport.hosts import is_loopback, origin

NASA_HOSTS: Final = ("*.earthdata.nasa.gov", "*.earthdatacloud.nasa.gov")
"""Hosts that are always trusted: Earthdata Login and the data centres in the cloud."""

TRUSTED_HOSTS_VARIABLE: Final = "CATALOG_BUILDER_TRUSTED_HOSTS"
"""Environment variable that adds to them: host patterns, comma between.

``data.example.org`` is that host on port 443, ``data.example.org:8443`` on another; a host that is
this very machine is trusted on all its ports, unless one is named."""

_HTTPS_PORT: Final = 443

_PATTERN = re.compile(r"(?P<host>\[[^\]]*\]|[^:]*)(?::(?P<port>[0-9]{1,5}))?")

# What two URL parsers could read differently is no URL to send a login to.
_PLAIN_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9][a-z0-9_.-]*|\[[0-9a-f:.]+\])(?P<port>:[0-9]{1,5})?(?=[/?#]|\Z)",
    re.IGNORECASE | re.ASCII,
)


def trusted_patterns(environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The host patterns that are trusted: NASA's, and those of the environment."""
    added = (os.environ if environ is None else environ).get(TRUSTED_HOSTS_VARIABLE, "")
    return (*NASA_HOSTS, *(part.strip().lower() for part in added.split(",") if part.strip()))


def is_trusted(url: str, environ: Mapping[str, str] | None = None) -> bool:
    """Whether a login may be sent to a URL.

    It must be https, to a host that matches a trusted pattern, on the port of https unless the
    pattern names another. Plain http will do only where it does not leave this machine, on any
    port, and there too the host must be among the trusted ones.
    """
    match = _PLAIN_URL.match(url)
    if match is None or "\\" in url or not url.isprintable():
        return False
    here, secure = is_loopback(url), match["scheme"].lower() == "https"
    if not (secure or here):
        return False
    host = match["host"].strip("[]").lower()
    port = int((match["port"] or "").lstrip(":") or (_HTTPS_PORT if secure else 80))
    return any(_allows(pattern, host, port, here) for pattern in trusted_patterns(environ))


def _allows(pattern: str, host: str, port: int, here: bool) -> bool:
    """Whether a pattern means a host, on a port; ``here``: the host is this very machine."""
    parts = _PATTERN.fullmatch(pattern)
    name, named = (parts["host"], parts["port"]) if parts else (pattern, None)
    fits = port == int(named) if named else here or port == _HTTPS_PORT
    return fits and fnmatchcase(host, name.strip("[]"))


def require_trusted(url: str, environ: Mapping[str, str] | None = None) -> None:
    """Raise :class:`~catalog_builder.errors.UntrustedHostError` unless a login may go to a URL."""
    if not is_trusted(url, environ):
        raise UntrustedHostError(
            f"{origin(url)} is not trusted with an Earthdata login, so nothing was sent. A login "
            f"goes by https, port 443, to {', '.join(NASA_HOSTS)}; if you trust another host, add "
            f"it (host, or host:port) to {TRUSTED_HOSTS_VARIABLE}."
        )
