"""A web server for a catalog on this machine, to view it before it is uploaded.

It serves byte ranges, which readers of the index need, and lets pages of other origins (STAC
Browser, notebooks) read (CORS). Any web server that does both can host a catalog.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from catalog_builder.catalog.stac.layout import CATALOG, PAGE
from catalog_builder.errors import CatalogError, CatalogNotFoundError, FolderError
from catalog_builder.safe_folder import SafeFolder

if TYPE_CHECKING:
    from aiohttp import web

_CORS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Expose-Headers": "Accept-Ranges, Content-Length, Content-Range, ETag",
    "Access-Control-Max-Age": "86400",
}

_MEDIA_TYPES: Final = {
    ".json": "application/json",
    ".parquet": "application/vnd.apache.parquet",
    ".yml": "application/yaml",
    ".h5": "application/x-hdf5",
    ".html": "text/html; charset=utf-8",
    ".zst": "application/zstd",
}


class Host:
    """A web server on 127.0.0.1 for one folder, in its own thread: ``with Host(dir) as host``.

    Port 0 chooses a free one. Raises :class:`~catalog_builder.errors.CatalogError` if the folder
    holds no catalog or the port is in use.
    """

    def __init__(self, folder: str | Path, *, port: int = 0) -> None:
        self.folder = Path(folder).resolve()
        self._files = SafeFolder(self.folder)
        if self._files.size(CATALOG) is None:
            raise CatalogNotFoundError(f"{self.folder} is not a catalog: it has no {CATALOG}.")
        self._port = port
        self._started = threading.Event()
        self._failure: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="catalog-host", daemon=True)

    @property
    def url(self) -> str:
        """URL of the folder, without a slash at the end."""
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            raise CatalogError(
                f"Port {self._port} cannot be used ({self._failure.strerror}): choose another, "
                "or 0 for any free one."
            ) from self._failure
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        from aiohttp import web

        app = web.Application()
        app.router.add_get("/{path:.*}", self._get)
        app.router.add_options("/{path:.*}", self._options)
        app.on_response_prepare.append(_allow_all_origins)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        try:
            self._loop.run_until_complete(self._start(runner))
        except OSError as error:
            self._failure = error
        self._started.set()
        if self._failure is None:
            self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    async def _start(self, runner: web.AppRunner) -> None:
        from aiohttp import web

        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self._port).start()
        self._port = runner.addresses[0][1]

    async def _get(self, request: web.Request) -> web.StreamResponse:
        from aiohttp import web

        path = request.match_info["path"]
        if not path:
            page = self._files.size(PAGE) is not None
            raise web.HTTPFound(f"/{PAGE if page else CATALOG}")
        # Names that start with a dot, such as the staging directory, are not published. Links are
        # not followed: they may lead to any file of this machine.
        with contextlib.suppress(ValueError, OSError, FolderError):
            file = self._files.checked(path)
            if file.is_file() and not any(part.startswith(".") for part in path.split("/")):
                media_type = _MEDIA_TYPES.get(file.suffix, "application/octet-stream")
                return web.FileResponse(file, headers={"Content-Type": media_type})
        raise web.HTTPNotFound(text=f"There is no {path} in this catalog.\n")

    async def _options(self, _: web.Request) -> web.StreamResponse:
        from aiohttp import web

        return web.Response(status=204)


async def _allow_all_origins(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_CORS)
