"""fsspec's http with the proxies and certificates of the environment, for what intake reads.

``intake.open_catalog(url)`` reads the catalog's YAML by fsspec and aiohttp before anything of this
package is asked. aiohttp takes proxies from the environment only together with logins from netrc
(``trust_env``), and does not know ``REQUESTS_CA_BUNDLE``. So ``import intake`` imports
:mod:`~catalog_builder.transport.fsspec_hook` (entry point ``intake.imports``), which makes this
fsspec's file system for http(s).
"""

from __future__ import annotations

import asyncio
import io
import ssl
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp.client_middlewares import ClientHandlerType
from fsspec.implementations.http import HTTPFileSystem
from yarl import URL

from catalog_builder.errors import AccessError
from catalog_builder.transport.answer_limits import seconds_of_silence, timeouts
from catalog_builder.transport.environment import environment_certificates, environment_proxy
from catalog_builder.transport.location import shown
from catalog_builder.transport.web_files import read_document

_CATALOGS: Final = (".yml", ".yaml")
"""What intake reads: this has limits, unlike other files that a user reads by fsspec."""


async def environment_client(**options: Any) -> aiohttp.ClientSession:
    """A session as fsspec's own, with the proxies and certificates of the environment.

    Where a user gives a ``connector``, ``proxy``, ``trust_env`` or ``middlewares``, these count.
    """
    if not {"connector", "proxy", "trust_env", "middlewares"} & options.keys():
        options["middlewares"] = (_in_time, _through_proxy)
        options.setdefault(
            "timeout", aiohttp.ClientTimeout(sock_connect=timeouts()[0], sock_read=timeouts()[1])
        )
        if certificates := environment_certificates():
            context = ssl.create_default_context(cafile=certificates)
            options["connector"] = aiohttp.TCPConnector(ssl=context)
    return aiohttp.ClientSession(**options)


async def _in_time(
    request: aiohttp.ClientRequest, send: ClientHandlerType
) -> aiohttp.ClientResponse:
    """Give up a host that does not begin to answer."""
    try:
        async with asyncio.timeout(seconds_of_silence()):
            return await send(request)
    except TimeoutError as error:
        raise AccessError(
            f"{shown(request.url)} gave no answer in {seconds_of_silence():.3g} s: check the "
            "network and HTTPS_PROXY, then try again."
        ) from error


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

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        """A file; a YAML is read at once, within the limits of a file of a catalog."""
        own = self.get_client is environment_client and urlsplit(path).path.endswith(_CATALOGS)
        if not own or mode != "rb":
            return super()._open(path, mode, **options)
        known = {**self.kwargs, "client_kwargs": self.client_kwargs}
        return io.BytesIO(read_document(path, known))
