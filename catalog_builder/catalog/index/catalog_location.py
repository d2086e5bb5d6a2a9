"""The location of a published catalog, a folder or a URL, and reading its files."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.context import get_spawning_popen
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote, urlsplit, urlunsplit

from catalog_builder.auth.redaction import hide, redact_logs, redacted
from catalog_builder.catalog.stac.layout import CATALOG, CATALOG_YML, INDEX, PAGE
from catalog_builder.errors import AddressError, CatalogError, CatalogNotFoundError
from catalog_builder.safe_folder import SafeFolder
from catalog_builder.system_files import read_at
from catalog_builder.transport import answer_limits
from catalog_builder.transport.file_version import FileVersion
from catalog_builder.transport.location import WEB, Location
from catalog_builder.transport.stored_files import is_missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from catalog_builder.transport.stored_files import StoredFiles
    from catalog_builder.transport.versioned_files import StoredParts, WebParts
    from catalog_builder.transport.web_files import WebFiles

Found = TypeVar("Found")

_QUERY = re.compile(r"\?[^\s'\"]*=[^\s'\"]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogLocation:
    """The location of a catalog: plain values. Only reading opens anything.

    Query and options may hold secrets: they show in no repr, and are left out of pickles, but for
    ``{"anon": True}``, and but for an argument of a process that is being started, which goes
    through the pipe to that process alone. In another process reading raises an error then, which
    says how to open the catalog there.
    """

    folder: str
    """Absolute path, or URL, without a slash at its end."""
    query: str = field(default="", repr=False)
    """The query of every URL, after ``?``, such as a signature; never shown."""
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """``storage_options`` for the URL: of s3fs, or headers and login of an http(s) host."""
    is_incomplete: bool = False
    """Whether query or options were left out of the pickle that this was read from."""

    @classmethod
    def parse(
        cls, address: str | Path | CatalogLocation, options: Mapping[str, Any] | None = None
    ) -> CatalogLocation:
        """Read the path or URL of a catalog's folder, or of one of the files in its root.

        Raises :class:`~catalog_builder.errors.AddressError` for an address that is not opened: see
        :class:`~catalog_builder.transport.location.Location`.
        """
        if isinstance(address, CatalogLocation):
            return address
        location = Location.parse(address)
        if location.is_local:
            folder, query = _absolute(location.address), ""
        else:
            scheme, host, path, query, _ = urlsplit(location.address)
            login, at, host = host.rpartition("@")
            if at and scheme in WEB:  # of the address it would be shown
                user, _, password = login.partition(":")
                options = {"auth": (unquote(user), unquote(password)), **(options or {})}
            folder = urlunsplit(
                (scheme, host if scheme in WEB else login + at + host, path, "", "")
            )
        for name in (CATALOG, CATALOG_YML, INDEX, PAGE):
            folder = folder.removesuffix(f"/{name}")
        return cls(folder=folder.rstrip("/"), query=query, options=dict(options or {}))

    def __reduce__(self) -> tuple[object, ...]:
        query, options = self.query, dict(self.options)
        if get_spawning_popen() is None:
            query, options = "", options if options == {"anon": True} else {}
        lacks = (query, options) != (self.query, dict(self.options))
        is_incomplete = self.is_incomplete or (lacks and self.path is None)
        return _unpickled, (self.folder, query, options, is_incomplete)

    def __deepcopy__(self, _: object) -> CatalogLocation:
        return self  # which never changes; __reduce__ is for other processes

    __copy__ = __deepcopy__

    @property
    def path(self) -> Path | None:
        """The local folder; None behind a URL."""
        return None if "://" in self.folder else Path(self.folder)

    def href(self, name: str) -> str:
        """Path or URL of a file of the catalog, without the query.

        Raises :class:`~catalog_builder.errors.AddressError` for a name outside the catalog.
        """
        if name.startswith("/") or ".." in PurePosixPath(name).parts:
            raise AddressError(f"{name} is outside the catalog {self.folder}: it is not opened.")
        return f"{self.folder}/{name}"

    def read(self, name: str) -> bytes:
        """All bytes of a file, in one request.

        Raises :class:`~catalog_builder.errors.CatalogNotFoundError` if there is no such file,
        else :class:`~catalog_builder.errors.CatalogError`.
        """
        with self.reading(name):
            if self.path is not None:
                return _there(SafeFolder(self.path).read(name))
            return self._files().read(self._url(name), _most_bytes(name))

    def read_part(self, name: str, start: int, stop: int) -> bytes:
        """Bytes ``start`` to ``stop - 1`` of a file, in one request; fewer at its end.

        Raises what :meth:`read` raises.
        """
        with self.reading(name):
            if self.path is None:
                return self.parts(name).read_part(start, stop)
            with os.fdopen(SafeFolder(self.path).open(name), "rb", buffering=0) as file:
                return read_at(file.fileno(), stop - start, start)

    def read_version(self, name: str) -> tuple[bytes, FileVersion]:
        """All bytes of a file, and its version. Raises what :meth:`read` raises."""
        with self.reading(name):
            if self.path is None:
                return self.parts(name).read()
            version = self.local_version(name)
            while True:
                before, body = version, self.read(name)
                version = self.local_version(name)
                if version == before:
                    return body, version

    def is_unchanged(self, name: str, version: FileVersion, end: bytes) -> bool:
        """Whether a file is still of this version; behind a URL this takes one small request.

        ``end`` is its last bytes as they were read. If the headers of its host do not distinguish
        versions, they are read again and compared. Raises what :meth:`read` raises.
        """
        with self.reading(name):
            if self.path is not None:
                return self.local_version(name) == version
            return self.parts(name).is_unchanged(version, end)

    def local_version(self, name: str) -> FileVersion:
        """The version of the file that is now at a local path: its inode, times and size."""
        assert self.path is not None
        found = SafeFolder(self.path).checked(name).stat()
        tag = f"{found.st_dev}-{found.st_ino}-{found.st_mtime_ns}-{found.st_ctime_ns}"
        return FileVersion(etag=tag, size=found.st_size)

    def parts(self, name: str) -> WebParts | StoredParts:
        """A reader of parts of a file behind a URL; use it within :meth:`reading`."""
        from catalog_builder.transport.versioned_files import parts_of

        with self._out_of_logs():
            return parts_of(self._url(name), self.options, _most_bytes(name))

    def size(self, name: str) -> int | None:
        """Size of a file in bytes; None if its host does not give it. Raises as :meth:`read`."""
        with self.reading(name):
            if self.path is not None:
                return _there(SafeFolder(self.path).size(name))
            return self._files().size(self._url(name))

    def _url(self, name: str) -> str:
        return self.href(name) + (f"?{self.query}" if self.query else "")

    def _files(self) -> WebFiles | StoredFiles:
        """A reader of the files at these URLs."""
        location = Location.parse(self.folder)
        with self._out_of_logs():
            if location.protocol in WEB:
                from catalog_builder.transport.web_files import web_files

                return web_files(location.address, self.options)
            from catalog_builder.transport.stored_files import StoredFiles

            return StoredFiles(self.options)

    @contextmanager
    def _out_of_logs(self) -> Iterator[None]:
        """Keep query and options out of what is logged from now on."""
        hide(self.query, self.options)
        redact_logs()
        yield
        redact_logs()  # by libraries, too, that were imported meanwhile

    @contextmanager
    def reading(self, name: str) -> Iterator[None]:
        """Turn every error of reading a file into a CatalogError, without the query."""
        if self.is_incomplete:
            raise CatalogError(
                f"{self.href(name)} is not read: its catalog was opened in another process, and "
                "the query or storage_options that it was opened with are not pickled. Open it in "
                "this process: open_index(url, storage_options=...)."
            )
        try:
            yield
        except CatalogError:
            raise
        except Exception as error:  # s3fs raises whatever botocore does
            # fsspec raises FileNotFoundError also if it got no answer, but keeps the cause.
            cause = error.__cause__ if isinstance(error, FileNotFoundError) else None
            found = error if cause is None or is_missing(cause) else cause
            why = redacted(_QUERY.sub("", _why(found))).strip() or type(found).__name__
            # The library's own error is printed with ours, unless it quotes the query.
            kind = PermissionError if isinstance(error, PermissionError) else OSError
            shown = error if _may_be_shown(error) else kind(f"{type(error).__name__}: {why}")
            if isinstance(found, FileNotFoundError | NotADirectoryError):
                raise CatalogNotFoundError(
                    f"There is no {self.href(name)}: is {self.folder} the folder of a catalog?"
                ) from shown
            if isinstance(found, PermissionError) and self.path is not None:
                raise CatalogError(f"{self.href(name)} may not be read by this user.") from shown
            raise CatalogError(f"{self.href(name)} cannot be read: {why}.") from shown


def _most_bytes(name: str) -> int:
    """Bytes that a file of a catalog may have, by its name."""
    if name == INDEX:
        return answer_limits.INDEX
    return answer_limits.REFERENCES if name.endswith(".zst") else answer_limits.DOCUMENT


def _unpickled(
    folder: str, query: str, options: dict[str, Any], is_incomplete: bool
) -> CatalogLocation:
    return CatalogLocation(
        folder=folder, query=query, options=options, is_incomplete=is_incomplete
    )


def _may_be_shown(error: BaseException | None) -> bool:
    """Whether no error of a chain quotes a query, or what else is kept out of logs."""
    while error is not None:
        text = f"{error!s} {error!r}"
        if _QUERY.search(text) or redacted(text) != text:
            return False
        error = error.__cause__ or error.__context__
    return True


def _why(error: BaseException) -> str:
    # Imported where something failed: a beam of a catalog on disk is read without requests.
    from requests import RequestException

    from catalog_builder.transport.http_error import reason

    return reason(error) if isinstance(error, RequestException) else str(error)


def _absolute(path: str) -> str:
    try:
        return Path(path).expanduser().absolute().as_posix()
    except (RuntimeError, OSError) as error:
        raise AddressError(f"{path} cannot be found ({error}): give an absolute path.") from error


def _there(found: Found | None) -> Found:
    if found is None:
        raise FileNotFoundError
    return found
