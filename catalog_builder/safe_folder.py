"""Safe access to a folder: reads and changes its files without following links inside it.

A folder may come from anyone: it was unpacked, mounted, or shared with others. The path of the
folder itself may contain links, for the user chose it. Below it only folders and regular files are
used (:mod:`~catalog_builder.open_folders`), and no open waits for the other end of a named pipe.
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

from catalog_builder.errors import FolderError
from catalog_builder.open_folders import OpenFolders, refusal
from catalog_builder.system_files import NO_LINK, PLAIN

_FILE: Final = NO_LINK | PLAIN
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FILE


class Entry(NamedTuple):
    """One entry of a folder."""

    name: str
    is_folder: bool
    is_file: bool
    """True for a regular file. A link, pipe, socket or device is neither."""


class SafeFolder:
    """One folder. Its files are given by their paths inside it, with slashes.

    All methods raise :class:`~catalog_builder.errors.FolderError` for a link, or anything else
    that is no file or folder, and for a path that leads out of the folder. It can be pickled.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        """Nothing is opened."""
        self.root = Path(root)
        self._folders = OpenFolders(root)

    def make_root(self) -> None:
        """Create the folder itself and those above it, unless they exist."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise FolderError(
                f"{self.root} cannot be a folder: it, or what it is to lie in, is there and is "
                "none. Choose another."
            ) from error

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Keep used folders open, which is faster for many files in few folders.

        Until the end none of them may be moved by this process. Not for several threads.
        """
        with self._folders.holding():
            yield

    def read(self, path: str) -> bytes | None:
        """All bytes of a file; None if there is none."""
        try:
            handle = self.open(path)
        except FileNotFoundError:
            return None
        with os.fdopen(handle, "rb", buffering=0) as file:
            return file.read()

    def open(self, path: str, flags: int = os.O_RDONLY) -> int:
        """A descriptor of a file. Raises FileNotFoundError if there is none.

        A file that is opened for writing must have no second name (hard link): that may lie
        anywhere.
        """
        with self._folders.parent(path) as (folder, name):
            if not NO_LINK:
                self._require_file(folder, name, path)
            try:
                handle = os.open(name, flags | _FILE, 0o666, dir_fd=folder)
            except FileNotFoundError:
                raise
            except OSError as error:
                self._require_file(folder, name, path)
                error.filename = str(self.root / path)  # the name alone would not tell which
                raise
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            os.close(handle)
            raise refusal(self.root, path, found.st_mode)
        if flags & (os.O_WRONLY | os.O_RDWR) and found.st_nlink > 1:
            os.close(handle)
            raise self._second_name(path)
        return handle

    def create(self, path: str, *, over: bool = False) -> int:
        """A descriptor of a new, empty file; folders above it are created.

        Raises FileExistsError if there is one. With ``over`` that is removed first, so that its
        content, which may have a second name, is not changed.
        """
        with self._folders.parent(path, make=True) as (folder, name):
            if over:
                self._require_file(folder, name, path)
                with suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=folder)
            return os.open(name, _NEW, 0o666, dir_fd=folder)

    def write(self, path: str, body: bytes, *, over: bool = True) -> None:
        """Write a new file; see :meth:`create`."""
        with os.fdopen(self.create(path, over=over), "wb", buffering=0) as file:
            rest = memoryview(body)
            while rest:
                rest = rest[file.write(rest) :]

    @contextmanager
    def replacing(self, path: str) -> Iterator[Path]:
        """Gives the path of a new, empty file, which replaces the file at ``path`` at the end.

        If an error ends it, the new file is removed. Raises
        :class:`~catalog_builder.errors.FolderError`, before anything is written, if something
        other than a file lies at ``path``.
        """
        self.size(path)
        above, _, name = path.rpartition("/")
        part = f"{above}/" * bool(above) + f".{name}.{secrets.token_hex(6)}.part"
        os.close(self.create(part))
        try:
            yield self.root / part
            self.move(part, path)
        finally:
            self.remove(part)

    def size(self, path: str) -> int | None:
        """Size of a file in bytes; None if there is none."""
        found = self.status(path)
        return None if found is None else found.st_size

    def status(self, path: str) -> os.stat_result | None:
        """Size and times of a file; None if there is none."""
        try:
            with self._folders.parent(path) as (folder, name):
                return self._require_file(folder, name, path)
        except FileNotFoundError:
            return None

    def checked(self, path: str, *, alone: bool = False) -> Path:
        """Absolute path of a file, which need not exist, for code that opens it by its path.

        ``alone``: it will be written in place, so it must have no second name.
        """
        with suppress(FileNotFoundError), self._folders.parent(path) as (folder, name):
            found = self._require_file(folder, name, path)
            if alone and found is not None and found.st_nlink > 1:
                raise self._second_name(path)
        return self.root / path

    def has_folder(self, path: str) -> bool:
        """True if there is a folder at a path."""
        try:
            with self._folders.parent(f"{path}/*"):
                return True
        except FileNotFoundError:
            return False

    def make(self, path: str) -> Path:
        """Create a folder and those above it, unless they exist."""
        with self._folders.parent(f"{path}/*", make=True):
            return self.root / path

    def entries(self, path: str = "") -> list[Entry]:
        """Entries of a folder, sorted by name; none if there is no folder."""
        try:
            with (
                self._folders.parent(f"{path}/*" if path else "*") as (folder, name),
                os.scandir(Path(name).parent if folder is None else folder) as found,
            ):
                return sorted(
                    Entry(
                        one.name,
                        one.is_dir(follow_symlinks=False),
                        one.is_file(follow_symlinks=False),
                    )
                    for one in found
                )
        except FileNotFoundError:
            return []

    def require_plain(self, path: str) -> Iterator[str]:
        """Paths of all files in a folder and below it; raises for anything that is no file."""
        for name, is_folder, is_file in self.entries(path):
            inner = f"{path}/{name}" if path else name
            if is_folder:
                yield from self.require_plain(inner)
            elif is_file:
                yield inner
            else:
                self.refuse(inner)

    def refuse(self, path: str) -> None:
        """Raise FolderError unless a regular file, or nothing, lies at a path."""
        self.size(path)

    def move(self, path: str, to: str) -> None:
        """Move a file, also over another one, or move a folder to where there is none."""
        with (
            self._folders.parent(path) as (source, old),
            self._folders.parent(to, make=True) as (target, new),
        ):
            self._require_file(target, new, to)
            os.replace(old, new, src_dir_fd=source, dst_dir_fd=target)

    def remove(self, path: str) -> None:
        """Remove a file, if there is one."""
        with suppress(FileNotFoundError), self._folders.parent(path) as (folder, name):
            self._require_file(folder, name, path)
            os.unlink(name, dir_fd=folder)

    def remove_folder(self, path: str) -> bool:
        """Remove an empty folder; returns False if something is in it."""
        try:
            with self._folders.parent(path) as (folder, name):
                os.rmdir(name, dir_fd=folder)
        except FileNotFoundError:
            return True
        except OSError:  # something is in it
            return False
        return True

    def remove_all(self, path: str) -> None:
        """Remove a folder and all in it, as far as possible; of links not what they lead to."""
        with suppress(FileNotFoundError), self._folders.parent(path) as (folder, name):
            shutil.rmtree(name, ignore_errors=True, dir_fd=folder)

    def _require_file(self, folder: int | None, name: str, path: str) -> os.stat_result | None:
        """Status of a regular file; None if there is nothing."""
        try:
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(found.st_mode):
            raise refusal(self.root, path, found.st_mode)
        return found

    def _second_name(self, path: str) -> FolderError:
        return FolderError(
            f"{self.root / path} has a second name (a hard link), which would change with it: "
            "remove it, then start again."
        )
