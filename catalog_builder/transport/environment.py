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
    """The proxies for a URL, as requests takes them; empty where it is reached directly.

    Raises ``requests.exceptions.InvalidProxyURL`` for one that is no address, here and not in a
    library, which would quote it: there may be a password in it.
    """
    if is_loopback(url):
        return {}
    from requests.exceptions import InvalidProxyURL
    from requests.utils import get_environ_proxies, select_proxy

    proxies = get_environ_proxies(url)
    proxy = select_proxy(url, proxies)
    if proxy and not _is_address(proxy):
        raise InvalidProxyURL(
            "the proxy that the environment names for it is no address such as http://host:port"
        )
    return proxies


def _is_address(proxy: str) -> bool:
    from requests.utils import prepend_scheme_if_needed
    from urllib3.exceptions import LocationParseError
    from urllib3.util import parse_url

    try:
        whole: str = prepend_scheme_if_needed(proxy, "http")  # type: ignore[no-untyped-call]
        return bool(parse_url(whole).host)
    except (LocationParseError, TypeError, ValueError):
        return False


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
