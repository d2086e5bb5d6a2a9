"""A server thread: web applications, each on a listening socket of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Sequence
from typing import Final

from aiohttp import web

_LONGEST_URL: Final = 500_000
"""Characters, as CMR allows; what is longer is to be sent as a form."""


class Server:
    """Serves applications from a daemon thread with an event loop of its own."""

    def __init__(self, served: Sequence[tuple[web.Application, socket.socket]]) -> None:
        """``served`` are applications and the sockets that listen for them."""
        self._served = served
        self._thread = threading.Thread(target=self._run, name="earthdata-standin", daemon=True)
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._failure: BaseException | None = None

    def start(self) -> None:
        """Return once all applications answer; raises :class:`RuntimeError` where one fails."""
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            self._thread.join()
            raise RuntimeError("The stand-in did not start.") from self._failure

    def stop(self) -> None:
        """Hang up and wait for the thread to end."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        runners = []
        try:
            for application, listener in self._served:
                runner = web.AppRunner(
                    application,
                    access_log=None,
                    shutdown_timeout=0.1,
                    max_line_size=_LONGEST_URL,
                )
                runners.append(runner)
                await runner.setup()
                await web.SockSite(runner, listener).start()
            self._ready.set()
            await self._stopping.wait()
        finally:
            await asyncio.gather(*(runner.cleanup() for runner in runners))
