"""Stored chunks of granules kept in a folder, so that an area is read from the network once.

A file holds one chunk as it is stored in the granule, under a digest of the granule's address, its
version (size and ETag) and the chunk's range: neither addresses nor keys can be read from the
folder. It appears by rename, so several processes may share a folder without locks, and it begins
with a checksum of what it is and holds: whatever else lies there is not used. Files used least
recently are removed first.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
import struct
import zlib
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Self

from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.errors import FolderError
from catalog_builder.forks import Lock
from catalog_builder.system_files import NO_LINK, PLAIN, read_at

FOLDER: Final = "CATALOG_BUILDER_CACHE"
"""Environment variable: the folder."""

CAPACITY: Final = "CATALOG_BUILDER_CACHE_BYTES"
"""Environment variable: the most bytes kept."""

DEFAULT_CAPACITY: Final = 10 * 2**30

_HEADER: Final = struct.Struct("<4sI")
_MAGIC: Final = b"CBC1"
_SHARE: Final = 16
"""Files are counted anew after a process wrote this part of the capacity."""


@dataclass(slots=True, kw_only=True, eq=False)
class _Written:
    """What this process wrote since it counted the files; the first write counts them."""

    written: int | None = None
    lock: Lock = field(default_factory=Lock)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkCache:
    """A folder of chunks. Made by :meth:`of`; safe for several threads and processes."""

    folder: Path
    capacity: int
    """The most bytes kept; each process that writes may add a sixteenth of it for a while."""
    _written: _Written = field(default_factory=_Written, repr=False, compare=False)

    @classmethod
    def of(cls, cache: CacheOption, capacity: int | None = None) -> Self | None:
        """The cache that an argument names: None for the environment's, False for none.

        Makes the folder. Raises :class:`~catalog_builder.errors.FolderError` where that cannot
        be, and for a capacity that is no number of bytes.
        """
        if cache is False:
            return None
        if isinstance(cache, cls):
            return cache
        path = os.environ.get(FOLDER) if cache is None else os.fspath(cache)  # type: ignore[arg-type]
        if not path:
            return None
        text = os.environ.get(CAPACITY) or f"{DEFAULT_CAPACITY}"
        if capacity is None:
            if not text.isdecimal():
                raise FolderError(f"{CAPACITY} is {text!r}: expected a number of bytes.")
            capacity = int(text)
        try:
            folder = Path(path).expanduser().absolute()
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except (OSError, RuntimeError, ValueError) as error:
            # RuntimeError: "~", and no home folder; ValueError: a NUL in the name
            why = getattr(error, "strerror", None) or str(error).rstrip(".")
            raise FolderError(f"No cache can be kept in {path}: {why}.") from error
        return cls.shared(folder, capacity)

    @classmethod
    def shared(cls, folder: Path, capacity: int) -> Self:
        """The one of this process, which knows what it wrote."""
        found = _shared.setdefault((folder, capacity), cls(folder=folder, capacity=capacity))
        assert isinstance(found, cls)
        return found

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles as a folder and a capacity."""
        return ChunkCache.shared, (self.folder, self.capacity)

    def version(self, links: GranuleLinks, size: int, etag: str | None) -> CachedVersion:
        """The chunks of one version of a granule."""
        address = links.s3 or (links.https or "").partition("?")[0] or links.local or ""
        return CachedVersion(cache=self, key=f"{address}\0{size}\0{etag or ''}")

    def get(self, key: str, size: int) -> bytes | None:
        """A chunk of so many bytes; None where there is none that is whole."""
        path = self._path(key)
        if not _is_folder(path.parent):
            return None
        try:
            handle = os.open(path, os.O_RDONLY | NO_LINK | PLAIN)
        except OSError:
            return None
        try:
            known = os.fstat(handle)
            if not stat.S_ISREG(known.st_mode) or known.st_size != _HEADER.size + size:
                return None
            body = read_at(handle, known.st_size, 0)
            os.utime(handle if os.utime in os.supports_fd else path)  # used now
        except OSError:
            return None
        finally:
            os.close(handle)
        data = body[_HEADER.size :]
        if body[: _HEADER.size] != _header(key, data) or len(data) != size:
            self.drop(key)
            return None
        return data

    def put(self, key: str, data: bytes | memoryview) -> None:
        """Keep a chunk; where it cannot be written it is not kept."""
        path = self._path(key)
        part = path.with_name(f".{secrets.token_hex(8)}.part")
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            if not _is_folder(path.parent):
                return
            with part.open("xb", buffering=0) as file:
                file.write(_header(key, data) + bytes(data))
            part.replace(path)
        except OSError:
            with suppress(OSError):
                part.unlink()
            return
        self._bound(_HEADER.size + len(data))

    def drop(self, key: str) -> None:
        """Forget a chunk."""
        path = self._path(key)
        with suppress(OSError):
            if _is_folder(path.parent):
                path.unlink()

    def _path(self, key: str) -> Path:
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
        return self.folder / digest[:2] / digest[2:42]

    def _bound(self, written: int) -> None:
        """Remove what was not used for the longest time, where too much may be kept."""
        known = self._written
        with known.lock:
            if known.written is not None:
                known.written += written
                if known.written * _SHARE < self.capacity:
                    return
            known.written = 0
            files = sorted(self._files())
            most, used = self.capacity - self.capacity // _SHARE, sum(size for _, size, _ in files)
            for _, size, path in files:
                if used <= most:
                    return
                with suppress(OSError):
                    path.unlink()
                used -= size

    def _files(self) -> list[tuple[int, int, Path]]:
        """When each file was used, its bytes and its path."""
        found = []
        for below in self._entries(self.folder):
            if len(below.name) != 2 or not below.is_dir(follow_symlinks=False):
                continue
            for entry in self._entries(Path(below.path)):
                with suppress(OSError):
                    known = entry.stat(follow_symlinks=False)
                    if stat.S_ISREG(known.st_mode):
                        found.append((known.st_mtime_ns, known.st_size, Path(entry.path)))
        return found

    @staticmethod
    def _entries(folder: Path) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as entries:
                return list(entries)
        except OSError:
            return []


CacheOption = ChunkCache | str | os.PathLike[str] | Literal[False] | None
"""A cache or its folder; None for the environment's, False for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedVersion:
    """The chunks of one version of a granule."""

    cache: ChunkCache
    key: str

    def get(self, offset: int, size: int) -> bytes | None:
        """The bytes of a range; None where they are not kept."""
        return self.cache.get(f"{self.key}\0{offset}\0{size}", size)

    def put(self, offset: int, data: bytes | memoryview) -> None:
        """Keep the bytes of a range."""
        self.cache.put(f"{self.key}\0{offset}\0{len(data)}", data)

    def drop(self, offset: int, size: int) -> None:
        """Forget a range, which is no chunk."""
        self.cache.drop(f"{self.key}\0{offset}\0{size}")


def _is_folder(path: Path) -> bool:
    """Whether it is one, and no link to one elsewhere."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


_shared: Final[dict[tuple[Path, int], ChunkCache]] = {}


def _header(key: str, data: bytes | memoryview) -> bytes:
    start = zlib.crc32(key.encode("utf-8", "surrogatepass"))
    return _HEADER.pack(_MAGIC, zlib.crc32(data, start))
