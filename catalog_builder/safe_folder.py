"""A folder whose files are read and changed without following a link that lies in it.

A folder may come from anyone: it was unpacked, mounted, or shared with others. Its own path may
lead over links, for that is the user's; below it only folders and regular files are used, and no
path leads out of it. Each folder on the way is opened relative to the one before, so that nothing
can be put in its place meanwhile; and no open waits for the other end of a named pipe.
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

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_PLAIN: Final = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _PLAIN

_NOWHERE: Final = frozenset(("", ".", ".."))
"""Names that are none."""

_MOST_HELD: Final = 32
"""Folders that are held open at a time: a page of records has granules of some ten days."""

_KINDS: Final = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFDIR: "a folder",
    stat.S_IFREG: "a file",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
}


class Entry(NamedTuple):
    """What lies in a folder."""

    name: str
    is_folder: bool
    """Else it is a regular file, or neither."""
    is_file: bool


class SafeFolder:
    """One folder; its files are named by their paths in it, with slashes.

    All methods raise :class:`~catalog_builder.errors.FolderError` for a link, or anything else in
    the place of a file or folder, and for a path that leads out. Plain values: it pickles.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        """Nothing is opened."""
        self.root = Path(root)
        self._root = os.fspath(root)
        self._held: dict[str, int] | None = None

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Hold the folders that are gone through open meanwhile, for many files in a few of them.

        None of them may be moved by this process until then. Not for several threads.
        """
        self._held = {}
        try:
            yield
        finally:
            self._let_go()
            self._held = None

    def read(self, path: str) -> bytes | None:
        """All bytes of a file; None where there is none."""
        try:
            handle = self.open(path)
        except FileNotFoundError:
            return None
        with os.fdopen(handle, "rb", buffering=0) as file:
            return file.read()

    def open(self, path: str, flags: int = os.O_RDONLY) -> int:
        """A descriptor of a file. Raises FileNotFoundError where there is none.

        Opened to be written in place, it must have no second name: that may lie anywhere.
        """
        with self._parent(path) as (folder, name):
            try:
                handle = os.open(name, flags | _PLAIN, 0o666, dir_fd=folder)
            except FileNotFoundError:
                raise
            except OSError:
                self._require_file(folder, name, path)
                raise
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            os.close(handle)
            raise self._refusal(path, found.st_mode)
        if flags & (os.O_WRONLY | os.O_RDWR) and found.st_nlink > 1:
            os.close(handle)
            raise self._second_name(path)
        return handle

    def create(self, path: str, *, over: bool = False) -> int:
        """A descriptor of a new, empty file; the folders above it are made.

        Raises FileExistsError where there is one; ``over`` removes that, so that nothing is ever
        written to what was there.
        """
        with self._parent(path, make=True) as (folder, name):
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
        """A new, empty file to be written by its path; it takes the place of another when whole.

        Raises :class:`~catalog_builder.errors.FolderError` before anything is written where the
        place is taken by something else than a file.
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
        """Bytes of a file; None where there is none."""
        try:
            with self._parent(path) as (folder, name):
                found = self._require_file(folder, name, path)
        except FileNotFoundError:
            return None
        return None if found is None else found.st_size

    def checked(self, path: str, *, alone: bool = False) -> Path:
        """Path of a file, or of where one may be, for who can open it by its path alone.

        ``alone``: it is written in place, so it must have no second name.
        """
        with suppress(FileNotFoundError), self._parent(path) as (folder, name):
            found = self._require_file(folder, name, path)
            if alone and found is not None and found.st_nlink > 1:
                raise self._second_name(path)
        return self.root / path

    def has_folder(self, path: str) -> bool:
        """Whether there is a folder."""
        try:
            with self._parent(f"{path}/*"):
                return True
        except FileNotFoundError:
            return False

    def make(self, path: str) -> Path:
        """Make a folder, and those above it, unless they are there."""
        with self._parent(f"{path}/*", make=True):
            return self.root / path

    def entries(self, path: str = "") -> list[Entry]:
        """What lies in a folder, by name; nothing where there is no folder."""
        try:
            with (
                self._parent(f"{path}/*" if path else "*") as (folder, _),
                os.scandir(folder) as found,
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
        """Paths of all files in a folder and those below it; anything else there is refused."""
        for name, is_folder, is_file in self.entries(path):
            inner = f"{path}/{name}" if path else name
            if is_folder:
                yield from self.require_plain(inner)
            elif is_file:
                yield inner
            else:
                self.refuse(inner)

    def refuse(self, path: str) -> None:
        """Raise FolderError for what lies at a path, unless it is a regular file, or nothing."""
        self.size(path)

    def move(self, path: str, to: str) -> None:
        """Let a file take the place of another, or a folder one where there is none."""
        with (
            self._parent(path) as (source, old),
            self._parent(to, make=True) as (target, new),
        ):
            self._require_file(target, new, to)
            os.replace(old, new, src_dir_fd=source, dst_dir_fd=target)

    def remove(self, path: str) -> None:
        """Remove a file, if there is one."""
        with suppress(FileNotFoundError), self._parent(path) as (folder, name):
            self._require_file(folder, name, path)
            os.unlink(name, dir_fd=folder)

    def remove_folder(self, path: str) -> bool:
        """Remove a folder that is empty; whether it is gone."""
        try:
            with self._parent(path) as (folder, name):
                os.rmdir(name, dir_fd=folder)
        except FileNotFoundError:
            return True
        except OSError:  # something is in it
            return False
        return True

    def remove_all(self, path: str) -> None:
        """Remove a folder with all that is in it, as far as that can be; links, not their ends."""
        with suppress(FileNotFoundError), self._parent(path) as (folder, name):
            shutil.rmtree(name, ignore_errors=True, dir_fd=folder)

    @contextmanager
    def _parent(self, path: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
        """A descriptor of the folder that a path lies in, and its name there."""
        above, _, name = path.rpartition("/")
        if self._held is None:
            handle = self._opened(path, make=make)
            try:
                yield handle, name
            finally:
                os.close(handle)
            return
        held = self._held.get(above)
        if held is None or name in _NOWHERE or "\0" in name:
            if len(self._held) >= _MOST_HELD:
                self._let_go()
            held = self._held[above] = self._opened(path, make=make)
        yield held, name

    def _let_go(self) -> None:
        """Close the folders that are held open."""
        while self._held:
            os.close(self._held.popitem()[1])

    def _opened(self, path: str, *, make: bool) -> int:
        """A descriptor of the folder that a path lies in."""
        *folders, name = path.split("/")
        if not _NOWHERE.isdisjoint((*folders, name)) or "\0" in path:
            raise FolderError(f"{path!r} is no path inside {self.root}: nothing was done there.")
        try:
            handle = os.open(self._root, _FOLDER)
        except NotADirectoryError as error:
            raise FileNotFoundError(*error.args) from error
        try:
            for depth, folder in enumerate(folders, 1):
                inner = self._step(handle, folders[:depth], folder, make=make)
                os.close(handle)
                handle = inner
        except BaseException:
            os.close(handle)
            raise
        return handle

    def _step(self, handle: int, path: list[str], name: str, *, make: bool) -> int:
        """A descriptor of a folder in another one."""
        try:
            return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=handle)
        except FileNotFoundError:
            if not make:
                raise
        except OSError:
            mode = os.stat(name, dir_fd=handle, follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                raise
            raise self._refusal("/".join(path), mode, wanted="a folder") from None
        with suppress(FileExistsError):
            os.mkdir(name, dir_fd=handle)
        return self._step(handle, path, name, make=False)

    def _require_file(self, folder: int, name: str, path: str) -> os.stat_result | None:
        """What is known of a regular file; None where there is nothing."""
        try:
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(found.st_mode):
            raise self._refusal(path, found.st_mode)
        return found

    def _refusal(self, path: str, mode: int, wanted: str = "a file") -> FolderError:
        kind = _KINDS.get(stat.S_IFMT(mode), "a device")
        if stat.S_ISLNK(mode):
            return FolderError(
                f"{self.root / path} is {kind}: below {self.root} none is followed. Remove it, or "
                f"put {wanted} in its place."
            )
        return FolderError(
            f"{self.root / path} is {kind}, where {wanted} should be. Remove it, then start again."
        )

    def _second_name(self, path: str) -> FolderError:
        return FolderError(
            f"{self.root / path} has a second name (a hard link), which would change with it: "
            "remove it, then start again."
        )
