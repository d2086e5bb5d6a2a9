"""A headless Chromium of this machine, driven over its DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import itertools
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import aiohttp

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def find_chromium() -> str | None:
    """Path of the browser; None where there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class BrowserError(Exception):
    """The browser or a script in it failed."""


class Tab:
    """One page of the browser; what it asks the network for, and what it complains about."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, loop: Any) -> None:
        self._socket, self._loop = socket, loop
        self._numbers = itertools.count(1)
        self.requested: list[str] = []
        self.received = 0
        self.complaints: list[str] = []
        self.started = 0.0

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The result of a command."""
        return self._loop.run_until_complete(self._call(method, parameters))

    async def _call(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            message = await self._socket.receive_json(timeout=60)
            if message.get("id") == number:
                if "error" in message:
                    raise BrowserError(f"{method}: {message['error']}")
                return message["result"]
            self._note(message.get("method"), message.get("params", {}))

    def _note(self, event: str | None, what: dict[str, Any]) -> None:
        if event == "Network.requestWillBeSent":
            if not what["request"]["url"].startswith("data:"):  # also the browser's own icons
                self.requested.append(what["request"]["url"])
        elif event == "Network.loadingFinished":
            self.received += int(what["encodedDataLength"])
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(str(what["exceptionDetails"]))
        elif event == "Log.entryAdded" and what["entry"]["level"] == "error":
            self.complaints.append(f"{what['entry']['text']} {what['entry'].get('url', '')}")

    def open(self, url: str) -> None:
        """Open an address; :meth:`wait` for what it shows."""
        self.requested.clear()
        self.complaints.clear()
        self.received, self.started = 0, time.monotonic()
        self.call("Page.navigate", url=url)

    def evaluate(self, script: str) -> Any:
        """The value of an expression in the page."""
        found = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in found:
            raise BrowserError(f"{script}: {found['exceptionDetails']}")
        return found["result"].get("value")

    def wait(self, script: str, seconds: float = 30) -> float:
        """Wait until an expression is true; returns the seconds since the page was opened."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with suppress(BrowserError):
                if self.evaluate(script):
                    return time.monotonic() - self.started
            self._loop.run_until_complete(asyncio.sleep(0.02))
        said = self.evaluate("document.body.innerText.slice(0, 2000)")
        raise BrowserError(f"{script} did not become true; complaints: {self.complaints}; {said}")

    def size(self, width: int, height: int) -> None:
        """Take a size in CSS pixels; a narrow one is a phone's."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )

    def colours(self, scheme: str) -> None:
        """Prefer ``light`` or ``dark``."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", features=features)

    def link(self, *, latency_ms: float, bits: float) -> None:
        """Be behind a network of this latency and this many bits a second."""
        self.call(
            "Network.emulateNetworkConditions",
            offline=False,
            latency=latency_ms,
            downloadThroughput=bits / 8,
            uploadThroughput=bits / 8,
        )

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """Save what is seen as PNG; ``whole``: all of the page."""
        found = self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(found["data"]))


class Chromium:
    """A browser with an empty profile: ``with Chromium.start() as browser``."""

    def __init__(self, port: int, loop: Any, session: aiohttp.ClientSession) -> None:
        self._address, self._loop, self._session = f"http://127.0.0.1:{port}", loop, session

    @classmethod
    @contextmanager
    def start(cls) -> Iterator[Self]:
        """Start it, and end it afterwards."""
        found = find_chromium()
        assert found is not None
        with TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
            process = subprocess.Popen(
                [
                    *(found, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
                    *("--disable-background-networking", "--disable-component-update"),
                    *("--disable-dev-shm-usage", "--disable-sync", "--disable-extensions"),
                    *("--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank"),
                ],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            loop = asyncio.new_event_loop()
            session = loop.run_until_complete(_session())
            try:
                yield cls(_port(Path(profile) / "DevToolsActivePort", process), loop, session)
            finally:
                loop.run_until_complete(session.close())
                process.terminate()
                process.wait(timeout=20)
                loop.run_until_complete(loop.shutdown_asyncgens())
                loop.close()

    def tab(self, *, width: int = 1280, height: int = 900) -> Tab:
        """A new tab with a cache of its own, empty."""
        tab = self._loop.run_until_complete(self._tab())
        for domain in ("Page", "Runtime", "Network", "Log"):
            tab.call(f"{domain}.enable")
        tab.call("Network.setCacheDisabled", cacheDisabled=True)
        tab.size(width, height)
        return tab

    async def _tab(self) -> Tab:
        async with self._session.put(f"{self._address}/json/new?about:blank") as answer:
            address = (await answer.json())["webSocketDebuggerUrl"]
        return Tab(await self._session.ws_connect(address, max_msg_size=0), self._loop)


async def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession()


def _port(file: Path, process: subprocess.Popen[bytes]) -> int:
    """The port that a browser writes down when it is ready."""
    end = time.monotonic() + 30
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError, ValueError, IndexError):
            return int(file.read_text().split()[0])
        time.sleep(0.05)
    raise BrowserError(f"{process.args} did not start")
