"""Where a published catalog lies, in a folder or behind a URL, and how its files are read."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

from catalog_builder.catalog.stac.layout import CARD, CATALOG, INDEX
from catalog_builder.errors import AddressError, CatalogError, CatalogNotFoundError
from catalog_builder.plain_folder import PlainFolder
from catalog_builder.transport.location import Location

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_NO_SUFFIX = {400, 416, 501}
"""Answers of hosts that serve ranges, but none that counts from the end; or of an empty file."""

_AT_ONCE = 8
"""Requests at a time: a burst of more new connections may find a small server's queue full, and
then wait a second."""

Found = TypeVar("Found")

_QUERY = re.compile(r"\?[^\s'\"]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogLocation:
    """A catalog's folder. Plain values: it pickles, and opens nothing until it is asked to."""

    folder: str
    """Absolute path, or URL, without a slash at its end."""
    query: str = ""
    """What follows ``?`` in every URL, such as a signature; never shown."""
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Options of fsspec's file system for the URL (``storage_options``)."""

    @classmethod
    def parse(
        cls, address: str | Path | CatalogLocation, options: Mapping[str, Any] | None = None
    ) -> CatalogLocation:
        """Read the path or URL of a catalog's folder, or of its root, card or index file.

        Raises :class:`~catalog_builder.errors.AddressError` for what is not opened: see
        :class:`~catalog_builder.transport.location.Location`.
        """
        if isinstance(address, CatalogLocation):
            return address
        location = Location.parse(address)
        if location.is_local:
            folder, query = _absolute(location.address), ""
        else:
            scheme, host, path, query, _ = urlsplit(location.address)
            folder = urlunsplit((scheme, host, path, "", ""))
        for name in (CATALOG, CARD, INDEX):
            folder = folder.removesuffix(f"/{name}")
        return cls(folder=folder.rstrip("/"), query=query, options=dict(options or {}))

    @property
    def path(self) -> Path | None:
        """The local folder; None behind a URL."""
        return None if "://" in self.folder else Path(self.folder)

    def href(self, name: str) -> str:
        """Path or URL of a file of the catalog, without the query.

        Raises :class:`~catalog_builder.errors.AddressError` for a name that leads out of it.
        """
        if name.startswith("/") or ".." in PurePosixPath(name).parts:
            raise AddressError(f"{name} leads out of the catalog {self.folder}: it is not opened.")
        return f"{self.folder}/{name}"

    def read(self, name: str) -> bytes:
        """All bytes of a file, in one request.

        Raises :class:`~catalog_builder.errors.CatalogNotFoundError` where there is no such file,
        else :class:`~catalog_builder.errors.CatalogError`.
        """
        with self.reading(name):
            if self.path is not None:
                return _there(PlainFolder(self.path).read(name))
            system, path = self._system(name)
            return bytes(system.cat_file(path))

    def read_end(self, name: str, count: int) -> bytes:
        """The last bytes of a file; all of them where it is shorter, or its host knows no ranges.

        One request, where its host takes one for the end. Raises what :meth:`read` raises.
        """
        with self.reading(name):
            system, path = self._system(name)
            try:
                return bytes(system.cat_file(path, start=-count))
            except Exception as error:
                if getattr(error, "status", None) not in _NO_SUFFIX:
                    raise
            size = int(system.info(path)["size"])
            return bytes(system.cat_file(path, start=max(size - count, 0), end=size))

    def read_spans(self, name: str, spans: Sequence[tuple[int, int]]) -> list[bytes]:
        """Bytes of a file from one place to before another, a request for each, 8 at a time.

        Raises what :meth:`read` raises, also where an answer is too short or too long.
        """
        with self.reading(name):
            system, path = self._system(name)
            starts, ends = [start for start, _ in spans], [end for _, end in spans]
            several = {"batch_size": _AT_ONCE} if system.async_impl else {}
            found = system.cat_ranges(
                [path] * len(spans), starts, ends, on_error="raise", **several
            )
            for (start, end), piece in zip(spans, found, strict=True):
                if len(piece) != end - start:
                    raise OSError(f"{len(piece)} bytes came for bytes {start} to {end}")
            return [bytes(piece) for piece in found]

    def size(self, name: str) -> int | None:
        """Bytes of a file; None where its host does not say. Raises what :meth:`read` raises."""
        with self.reading(name):
            if self.path is not None:
                return _there(PlainFolder(self.path).size(name))
            system, path = self._system(name)
            size = system.info(path).get("size")
            return None if size is None else int(size)

    def _system(self, name: str) -> tuple[Any, str]:
        """The file system of fsspec that serves a file, and the file's path there."""
        url = self.href(name) + (f"?{self.query}" if self.query else "")
        return Location.parse(url).file_system(self.options)

    @contextmanager
    def reading(self, name: str) -> Iterator[None]:
        """Turn whatever fails while a file is read into one of our errors, without the query."""
        try:
            yield
        except CatalogError:
            raise
        except Exception as error:  # fsspec passes on whatever its many back ends raise
            # It calls missing also what it could not ask for, but keeps the cause.
            cause = error.__cause__ if isinstance(error, FileNotFoundError) else None
            found = cause or error
            missing = isinstance(found, FileNotFoundError | NotADirectoryError)
            if missing or getattr(found, "status", None) == 404:
                raise CatalogNotFoundError(
                    f"There is no {self.href(name)}: is {self.folder} the folder of a catalog?"
                ) from error
            reason = _QUERY.sub("", str(found)).strip() or type(found).__name__
            raise CatalogError(f"{self.href(name)} cannot be read: {reason}.") from error


def _absolute(path: str) -> str:
    try:
        return Path(path).expanduser().absolute().as_posix()
    except (RuntimeError, OSError) as error:
        raise AddressError(f"{path} cannot be found ({error}): give an absolute path.") from error


def _there(found: Found | None) -> Found:
    if found is None:
        raise FileNotFoundError
    return found
