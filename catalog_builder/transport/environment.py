"""Proxies and certificates that the environment names, read here for every request.

``HTTP_PROXY``, ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` mean what they mean to requests;
what stays on this machine goes through no proxy. The variables are read at each request.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from catalog_builder.transport.hosts import is_loopback

CERTIFICATES_VARIABLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
"""Each names a file of the certificate authorities to trust; the first that is set counts."""


def environment_proxies(url: str) -> dict[str, str]:
    """The proxies for a URL, as requests takes them; empty where it is reached directly."""
    if is_loopback(url):
        return {}
    from requests.utils import get_environ_proxies

    return get_environ_proxies(url)


def environment_proxy(url: str) -> str | None:
    """The URL of the proxy that leads to a URL; None where it is reached directly."""
    from requests.utils import select_proxy

    return select_proxy(url, environment_proxies(url))


def environment_certificates() -> str | None:
    """Path of the certificate authorities to trust; None for those that requests comes with.

    Raises ``requests.exceptions.SSLError`` where a variable names what is not there.
    """
    for variable in CERTIFICATES_VARIABLES:
        if path := os.environ.get(variable):
            if not Path(path).exists():
                from requests.exceptions import SSLError

                raise SSLError(f"there is no {path}, which {variable} names")
            return path
    return None
