"""Where a published catalog lies, in a folder or behind a URL, and how its files are read."""

from __future__ import annotations

import re
import stat
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from requests import RequestException

from catalog_builder.auth.redaction import redact_logs
from catalog_builder.catalog.stac.layout import CARD, CATALOG, INDEX
from catalog_builder.errors import AddressError, CatalogError, CatalogNotFoundError
from catalog_builder.transport.http_error import reason
from catalog_builder.transport.location import WEB, Location

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from catalog_builder.transport.stored_files import StoredFiles
    from catalog_builder.transport.web_files import WebFiles

_QUERY = re.compile(r"\?[^\s'\"]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A catalog's folder. Plain values: it pickles, and opens nothing until it is asked to."""

    folder: str
    """Absolute path, or URL, without a slash at its end."""
    query: str = ""
    """What follows ``?`` in every URL, such as a signature; never shown."""
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """``storage_options`` for the URL: of s3fs, or headers and login of an http(s) host."""

    @classmethod
    def parse(
        cls, address: str | Path | Address, options: Mapping[str, Any] | None = None
    ) -> Address:
        """Read the path or URL of a catalog's folder, or of its root, card or index file.

        Raises :class:`~catalog_builder.errors.AddressError` for what is not opened: see
        :class:`~catalog_builder.transport.location.Location`.
        """
        if isinstance(address, Address):
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
                return self.file(name).read_bytes()
            return self._files().read(self._url(name))

    def read_end(self, name: str, count: int) -> bytes:
        """The last bytes of a file; all of them where it is shorter, or its host knows no ranges.

        One request, where its host takes one for the end. Raises what :meth:`read` raises.
        """
        with self.reading(name):
            return self._files().read_end(self._url(name), count)

    def read_spans(self, name: str, spans: Sequence[tuple[int, int]]) -> list[bytes]:
        """Bytes of a file from one place to before another, a request for each, 8 at a time.

        Raises what :meth:`read` raises, also where an answer is too short or too long.
        """
        with self.reading(name):
            return self._files().read_spans(self._url(name), spans)

    def file(self, name: str) -> Path:
        """Path of a file of a local catalog; an OSError where it is a pipe, a device or such."""
        path = Path(self.href(name))
        if stat.S_IFMT(path.stat().st_mode) not in (stat.S_IFREG, stat.S_IFDIR):
            raise OSError("it is no regular file")
        return path

    def size(self, name: str) -> int | None:
        """Bytes of a file; None where its host does not say. Raises what :meth:`read` raises."""
        with self.reading(name):
            if self.path is not None:
                return self.file(name).stat().st_size
            return self._files().size(self._url(name))

    def _url(self, name: str) -> str:
        return self.href(name) + (f"?{self.query}" if self.query else "")

    def _files(self) -> WebFiles | StoredFiles:
        """What reads the files at these URLs."""
        location = Location.parse(self.folder)
        if location.protocol in WEB:
            from catalog_builder.transport.web_files import web_files

            redact_logs()  # a query may sign
            return web_files(location.address, self.options)
        from catalog_builder.transport.stored_files import StoredFiles

        return StoredFiles(location.protocol, self.options)

    @contextmanager
    def reading(self, name: str) -> Iterator[None]:
        """Turn whatever fails while a file is read into one of our errors, without the query."""
        try:
            yield
        except CatalogError:
            raise
        except Exception as error:  # s3fs passes on whatever botocore raises
            # fsspec calls missing also what it could not ask for, but keeps the cause.
            cause = error.__cause__ if isinstance(error, FileNotFoundError) else None
            found = cause or error
            missing = isinstance(found, FileNotFoundError | NotADirectoryError)
            if missing:
                raise CatalogNotFoundError(
                    f"There is no {self.href(name)}: is {self.folder} the folder of a catalog?"
                ) from error
            why = reason(found) if isinstance(found, RequestException) else str(found)
            why = _QUERY.sub("", why).strip() or type(found).__name__
            raise CatalogError(f"{self.href(name)} cannot be read: {why}.") from error


def _absolute(path: str) -> str:
    try:
        return Path(path).expanduser().absolute().as_posix()
    except (RuntimeError, OSError) as error:
        raise AddressError(f"{path} cannot be found ({error}): give an absolute path.") from error
