"""The files behind the stand-in's S3 and HTTPS: made on first access."""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

Maker = Callable[[Path], None]
"""Writes the whole object to the path it is given."""


class Objects:
    """Stored objects by ``bucket/key``; safe to use from several threads and processes."""

    def __init__(self, stored: Mapping[str, Path], makers: Mapping[str, Maker]) -> None:
        """``stored`` are files that may exist already; those in ``makers`` can be made."""
        self._stored = dict(stored)
        self._makers = dict(makers)
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def get(self, address: str) -> Path | None:
        """The object's file, made now if need be; None where there is no such object."""
        path = self._stored.get(address)
        if path is None or path.is_file():
            return path
        maker = self._makers.get(address)
        if maker is None:
            return None
        with self._locks[address]:
            if not path.is_file():
                path.parent.mkdir(parents=True, exist_ok=True)
                whole = path.with_name(f".{path.name}.{os.getpid()}")
                try:
                    maker(whole)
                    whole.replace(path)
                finally:
                    whole.unlink(missing_ok=True)
        return path

    def place(self, address: str) -> Path | None:
        """Path of the object's file, which may have to be made still; None for no such object."""
        return self._stored.get(address)

    def joined(self, others: Objects) -> Objects:
        """These objects and others."""
        return Objects(self._stored | others._stored, self._makers | others._makers)

    def existing(self, address: str) -> Path | None:
        """The object's file if it is there already; nothing is made."""
        path = self._stored.get(address)
        return path if path is not None and path.is_file() else None

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored)

    def __len__(self) -> int:
        return len(self._stored)
