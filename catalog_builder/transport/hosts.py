"""What a URL says of its host: the origin, and whether that is this very machine."""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import urlsplit

_USUAL_PORTS: Final = {"https": ":443", "http": ":80"}


def is_loopback(url: str) -> bool:
    """Whether a URL points at this very machine."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def advice(url: str) -> str:
    """What to do where a host gave no answer."""
    if is_loopback(url):
        return (
            "nothing of this machine serves it now. If it is the cloud of a demo, "
            "`catalog-builder standin DIR` starts it again"
        )
    return "check the network and try again"


def origin(url: str) -> str:
    """Scheme, host and port of a URL: what may be shown of it, and what a login is bound to.

    The usual port of the scheme is left out: with and without it, it is the same.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an unreadable URL"
    place = parts.netloc.rpartition("@")[2].removesuffix(_USUAL_PORTS.get(parts.scheme, ""))
    return f"{parts.scheme}://{place}".lower()
