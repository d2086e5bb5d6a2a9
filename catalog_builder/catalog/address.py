"""Where a published catalog lies, in a folder or behind a URL, and how its files are read."""

from __future__ import annotations

import io
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import unquote, urlsplit, urlunsplit

from catalog_builder.catalog.layout import CARD, CATALOG, INDEX
from catalog_builder.errors import CatalogError, CatalogNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_QUERY = re.compile(r"\?[^\s'\"]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A catalog's folder. Plain values: it pickles, and opens nothing until it is asked to."""

    folder: str
    """Absolute path, or URL, without a slash at its end."""
    query: str = ""
    """What follows ``?`` in every URL, such as a signature; never shown."""
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Options of fsspec's file system for the URL (``storage_options``)."""

    @classmethod
    def parse(
        cls, address: str | Path | Address, options: Mapping[str, Any] | None = None
    ) -> Address:
        """Read the path or URL of a catalog's folder, or of its root, card or index file."""
        if isinstance(address, Address):
            return address
        text = str(address)
        if text.startswith("file://"):
            text = unquote(urlsplit(text).path)
        if "://" in text:
            scheme, host, path, query, _ = urlsplit(text)
            folder, query = urlunsplit((scheme, host, path, "", "")), query
        else:
            folder, query = Path(text).expanduser().absolute().as_posix(), ""
        for name in (CATALOG, CARD, INDEX):
            folder = folder.removesuffix(f"/{name}")
        return cls(folder=folder.rstrip("/"), query=query, options=dict(options or {}))

    @property
    def path(self) -> Path | None:
        """The local folder; None behind a URL."""
        return None if "://" in self.folder else Path(self.folder)

    def href(self, name: str) -> str:
        """Path or URL of a file of the catalog, without the query."""
        return f"{self.folder}/{name}"

    def read(self, name: str) -> bytes:
        """All bytes of a file, in one request. Raises what :meth:`open` raises."""
        with self.reading(name):
            if self.path is not None:
                return (self.path / name).read_bytes()
            system, path = self._system(name)
            return bytes(system.cat_file(path))

    def size(self, name: str) -> int | None:
        """Bytes of a file; None where its host does not say. Raises what :meth:`open` raises."""
        with self.reading(name):
            if self.path is not None:
                return (self.path / name).stat().st_size
            system, path = self._system(name)
            size = system.info(path).get("size")
            return None if size is None else int(size)

    def open(self, name: str) -> BinaryIO:
        """Open a file for reading at any place; behind a URL each read is one range request.

        Raises :class:`~catalog_builder.errors.CatalogNotFoundError` where there is no such file,
        else :class:`~catalog_builder.errors.CatalogError`.
        """
        with self.reading(name):
            if self.path is not None:
                return (self.path / name).open("rb")
            system, path = self._system(name)
            # Without a cache: read-ahead would fetch the file several times over.
            file: BinaryIO = system.open(path, "rb", cache_type="none")
        if file.seekable():
            return file
        file.close()
        return io.BytesIO(self.read(name))

    def _system(self, name: str) -> tuple[Any, str]:
        """The file system of fsspec that serves a file, and the file's path there."""
        from fsspec.core import url_to_fs

        url = self.href(name) + (f"?{self.query}" if self.query else "")
        system, path = url_to_fs(url, **self.options)
        return system, path

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
