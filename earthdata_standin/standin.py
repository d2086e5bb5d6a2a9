"""The stand-in as a whole: NASA's services, each on a port of its own."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Final, Self, get_args

from aiohttp import web

from earthdata_standin.cmr import Cmr
from earthdata_standin.data import SignedLinks, data_service, download_service
from earthdata_standin.earthdata import Accounts, Gate, earthdata_login
from earthdata_standin.faults import Faults
from earthdata_standin.harmony import Harmony
from earthdata_standin.request_log import Handler, Request, Service, logging
from earthdata_standin.s3 import s3_service
from earthdata_standin.s3_keys import KeyRing
from earthdata_standin.server import Server
from earthdata_standin.stac import Stac
from earthdata_standin.storage import Storage, StorageError
from earthdata_standin.world import World

_HOST: Final = "127.0.0.1"
_DOWNLOAD_HOST: Final = "localhost"
"""The same machine by another name: a login sent on to here has left for another host."""


class EarthdataStandin:
    """CMR and its STAC API, Earthdata Login, data, downloads, and S3, on the loopback interface.

    A context manager; :meth:`start` and :meth:`stop` do the same by hand. Nothing of it reaches
    beyond this machine, and the login it knows is good for nothing else.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        world: World | None = None,
        records: Path | str | Sequence[dict[str, Any]] | None = None,
        objects: Path | str | Mapping[str, Path] | None = None,
        granules: int = 40,
        seed: int = 0,
        rewrite_links: bool = False,
        faults: Faults | None = None,
        key_lifetime: float | None = None,
        in_region: bool | None = None,
        username: str = "icesat",
        password: str | None = None,
        token: str | None = None,
        keep_requests: bool = True,
    ) -> None:
        """Say what to serve; nothing runs yet.

        ``port`` is the first of six in a row (CMR, Earthdata Login, data, S3, downloads,
        Harmony), 0 for any free ones. What is served is ``world``, or ``records`` (items, or the
        path of JSON lines) with files from ``objects`` (a folder, or files by ``bucket/key``):
        as they are, or with their https links leading here (``rewrite_links``). Else it is a
        simulated world of so many ``granules``. A server that runs for long had better not
        ``keep_requests``.
        """
        self.faults = faults or Faults()
        if key_lifetime is not None:
            self.faults.key_lifetime = key_lifetime
        if in_region is not None:
            self.faults.in_region = in_region
        self.requests: list[Request] = []
        """All requests so far, in the order in which they came; may be cleared."""
        self._keep_requests = keep_requests
        self._accounts = Accounts(
            username, password or secrets.token_urlsafe(12), token or secrets.token_urlsafe(24)
        )
        self._port = port
        self._chosen = world
        self._records = records
        self._objects = objects
        self._granules = granules
        self._seed = seed
        self._rewrite_links = rewrite_links
        self._sockets: dict[Service, socket.socket] = {}
        self._ports: dict[Service, int] = {}
        self._resources = ExitStack()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen, make the world, serve from a thread of its own.

        Raises :class:`OSError` where a port is taken.
        """
        with ExitStack() as resources:
            for place, service in enumerate(get_args(Service)):
                port = self._port + place if self._port else 0
                listener = socket.create_server((_HOST, port), backlog=512)
                self._sockets[service] = resources.enter_context(listener)
                self._ports[service] = listener.getsockname()[1]
            self._world = self._make_world(resources)
            applications = self._applications(resources)
            server = Server([(applications[name], self._sockets[name]) for name in applications])
            server.start()
            resources.callback(server.stop)
            self._resources = resources.pop_all()

    def stop(self) -> None:
        """Hang up, and remove what was made."""
        self._resources.close()

    @property
    def world(self) -> World:
        """What is served; set it to serve something else from then on."""
        return self._world

    @world.setter
    def world(self, world: World) -> None:
        self._world = world
        self._cmr.hold(world)
        self._storage.hold(world.objects)
        self._harmony.hold(world.collections, world.granules)

    @property
    def username(self) -> str:
        """The user whom Earthdata Login knows."""
        return self._accounts.username

    @property
    def password(self) -> str:
        """The user's password."""
        return self._accounts.password

    @property
    def token(self) -> str:
        """The user's token."""
        return self._accounts.token

    @property
    def cmr_url(self) -> str:
        """What ``CMR_URL`` is to be."""
        return f"{self._origin('cmr')}/search"

    @property
    def stac_url(self) -> str:
        """The root of the STAC API; a provider's landing page is one step below."""
        return f"{self._origin('cmr')}/stac"

    @property
    def earthdata_url(self) -> str:
        """Earthdata Login."""
        return self._origin("earthdata")

    @property
    def data_url(self) -> str:
        """The data service: ``s3credentials`` and downloads."""
        return self._origin("data")

    @property
    def credentials_endpoint(self) -> str:
        """Where S3 keys are issued."""
        return f"{self.data_url}/s3credentials"

    @property
    def download_url(self) -> str:
        """Where downloads are sent on to: another host, for which no login is meant."""
        return self._origin("download", _DOWNLOAD_HOST)

    @property
    def s3_url(self) -> str:
        """S3, path style."""
        return self._origin("s3")

    @property
    def harmony_url(self) -> str:
        """Harmony; harmony-py goes there by the environment variable ``ROOT_URL``."""
        return self._origin("harmony")

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables by which a client finds this stand-in, logged in by token."""
        return {
            "CMR_URL": self.cmr_url,
            "EARTHDATA_HOST": f"{_HOST}:{self._ports['earthdata']}",
            "EARTHDATA_TOKEN": self.token,
            "AWS_ENDPOINT_URL_S3": self.s3_url,
            "CATALOG_BUILDER_TRUSTED_HOSTS": _HOST,
        }

    def _origin(self, service: Service, host: str = _HOST) -> str:
        return f"http://{host}:{self._ports[service]}"

    def _make_world(self, resources: ExitStack) -> World:
        if self._chosen is not None:
            return self._chosen.relinked(self.data_url) if self._rewrite_links else self._chosen
        if self._records is not None or self._objects is not None:
            return World.from_records(
                self._records or [],
                objects=self._objects,
                data_url=self.data_url,
                rewrite_links=self._rewrite_links,
            )
        folder = resources.enter_context(TemporaryDirectory(prefix="earthdata-standin-"))
        return World.simulate(
            granules=self._granules, seed=self._seed, data_url=self.data_url, folder=Path(folder)
        )

    def _applications(self, resources: ExitStack) -> dict[Service, web.Application]:
        faults, keys = self.faults, KeyRing()
        self._storage = storage = Storage(self._world.objects, faults)
        links = SignedLinks(self.download_url)
        gate = Gate(
            self._accounts, faults, earthdata_url=self.earthdata_url, data_url=self.data_url
        )
        self._cmr = Cmr(self._world, self._accounts, faults)
        self._harmony = Harmony(
            self.harmony_url,
            Gate(
                self._accounts,
                faults,
                earthdata_url=self.earthdata_url,
                data_url=self.harmony_url,
            ),
            keys,
            links,
            storage,
            faults,
            self.username,
            Path(resources.enter_context(TemporaryDirectory(prefix="harmony-standin-"))),
        )
        self._harmony.hold(self._world.collections, self._world.granules)
        routes: dict[Service, list[web.RouteDef]] = {
            "cmr": [*self._cmr.routes(), *Stac(self._origin("cmr"), faults).routes()],
            "earthdata": earthdata_login(self._accounts, faults),
            "data": data_service(gate, keys, links, storage, faults),
            "s3": s3_service(keys, storage, faults),
            "download": download_service(links, storage),
            "harmony": self._harmony.routes(),
        }
        applications = {}
        for service, table in routes.items():
            application = web.Application(
                middlewares=[
                    logging(service, self.requests if self._keep_requests else None),
                    _slowed(service, faults),
                    _refusing,
                ]
            )
            application.add_routes(table)
            applications[service] = application
        return applications


def _slowed(service: Service, faults: Faults) -> Callable[..., Awaitable[web.StreamResponse]]:
    """A middleware that takes the time the faults ask for."""

    @web.middleware
    async def wait(request: web.Request, handler: Handler) -> web.StreamResponse:
        delay = faults.latency if service in {"s3", "download"} else faults.slow
        if delay > 0:
            await asyncio.sleep(delay)
        return await handler(request)

    return wait


@web.middleware
async def _refusing(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn S3's refusals into its XML."""
    try:
        return await handler(request)
    except StorageError as refusal:
        return refusal.to_response(request)
