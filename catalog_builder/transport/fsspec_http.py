"""fsspec's http with the proxies and certificates of the environment, for what intake reads.

``intake.open_catalog(url)`` reads the catalog's YAML by fsspec and aiohttp before anything of this
package is asked. aiohttp takes proxies from the environment only together with logins from netrc
(``trust_env``), and does not know ``REQUESTS_CA_BUNDLE``. So ``import intake`` imports
:mod:`~catalog_builder.transport.fsspec_hook` (entry point ``intake.imports``), which makes this
fsspec's file system for http(s).
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

import aiohttp
from aiohttp.client_middlewares import ClientHandlerType
from fsspec.implementations.http import HTTPFileSystem
from yarl import URL

from catalog_builder.transport.environment import environment_certificates, environment_proxy


async def environment_client(**options: Any) -> aiohttp.ClientSession:
    """A session as fsspec's own, with the proxies and certificates of the environment.

    Where a user gives a ``connector``, ``proxy``, ``trust_env`` or ``middlewares``, these count.
    """
    if not {"connector", "proxy", "trust_env", "middlewares"} & options.keys():
        options["middlewares"] = (_through_proxy,)
        if certificates := environment_certificates():
            context = ssl.create_default_context(cafile=certificates)
            options["connector"] = aiohttp.TCPConnector(ssl=context)
    return aiohttp.ClientSession(**options)


async def _through_proxy(
    request: aiohttp.ClientRequest, send: ClientHandlerType
) -> aiohttp.ClientResponse:
    """Send a request, and each hop of its redirects, through the proxy for its URL."""
    if proxy := environment_proxy(str(request.url)):
        url = URL(proxy)
        login = {}
        if url.user:
            login["Proxy-Authorization"] = aiohttp.encode_basic_auth(url.user, url.password or "")
        request.update_proxy(url.with_user(None), None, login)  # sent where a tunnel is opened
        if not request.is_ssl():
            request.headers.update(login)
    return await send(request)


class EnvironmentHttp(HTTPFileSystem):  # type: ignore[misc]  # fsspec has no types
    """fsspec's http(s), which reaches what requests reaches."""

    def __init__(
        self, *args: Any, get_client: Callable[..., Any] = environment_client, **options: Any
    ) -> None:
        super().__init__(*args, get_client=get_client, **options)
