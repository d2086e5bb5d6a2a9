"""The rate limit of CMR: if CMR makes one client wait, all clients wait."""

from __future__ import annotations

import time
from collections.abc import Callable

from catalog_builder.forks import Lock


class RateLimit:
    """Lets requests pass, or holds them until some time. Shared between threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._until = 0.0

    def close_for(self, seconds: float) -> None:
        """Hold all requests for some seconds, unless they are held for longer already."""
        with self._lock:
            self._until = max(self._until, time.monotonic() + seconds)

    def wait(self, sleep: Callable[[float], None]) -> None:
        """Wait until requests may pass; ``sleep`` is called to wait."""
        with self._lock:
            until = self._until
        left = until - time.monotonic()
        if left <= 0:
            return
        sleep(left)
        with self._lock:
            if self._until == until:
                self._until = 0.0
