"""Opens the folders below a root one after the other, without following links.

Each folder is opened relative to the descriptor of the one above, so that nobody can put a link in
its place while it is used. Where the system has no such descriptors, paths are looked at.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from catalog_builder.errors import FolderError
from catalog_builder.system_files import BY_DESCRIPTOR, FOLDER, NO_LINK

_FORBIDDEN: Final = frozenset(("", ".", ".."))
"""Parts of a path that may lead out of the root."""

_FORBIDDEN_CHARACTERS: Final = "\0" if os.sep == "/" else "\0\\:"
"""They end a path, or name other folders, drives and streams of Windows."""

_MOST_HELD: Final = 64
"""Folders that are held open, not counting those above the last: a process may have 256 files."""

_KINDS: Final = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFDIR: "a folder",
    stat.S_IFREG: "a file",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
}


class OpenFolders:
    """The folders below one root.

    Raises :class:`~catalog_builder.errors.FolderError` for a link, or anything else that is no
    folder, and for a path that leads out of the root.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        """Nothing is opened."""
        self._root = os.fspath(root)
        self._held: dict[str, int] | None = None

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Keep folders open until the end (:meth:`~.safe_folder.SafeFolder.holding`)."""
        self._held = {}
        try:
            yield
        finally:
            self._close_held()
            self._held = None

    @contextmanager
    def parent(self, path: str, *, make: bool = False) -> Iterator[tuple[int | None, str]]:
        """A descriptor of the folder that a path lies in, and its name there.

        None and the whole path where the system has no descriptors of folders. ``make`` creates
        the folders. Raises FileNotFoundError if there is no such folder.
        """
        if not BY_DESCRIPTOR:
            yield None, self._looked_at(path, make=make)
            return
        if self._held is None:
            handle = self._opened(path, make=make)
            try:
                yield handle, path.rpartition("/")[2]
            finally:
                os.close(handle)
            return
        above, _, name = path.rpartition("/")
        held = self._held.get(above)
        if held is None or _leads_out(name):
            self._require_inside(path)
            if len(self._held) >= _MOST_HELD:
                self._close_held()
            held = self._hold(above, make=make)
        yield held, name

    def _hold(self, path: str, *, make: bool) -> int:
        """Open a folder, and keep it and those above it open."""
        assert self._held is not None
        if path not in self._held:
            above, _, name = path.rpartition("/")
            self._held[path] = (
                self._step(self._hold(above, make=make), path, name, make=make)
                if path
                else self._open_root()
            )
        return self._held[path]

    def _close_held(self) -> None:
        """Close the folders that are held open."""
        while self._held:
            os.close(self._held.popitem()[1])

    def _opened(self, path: str, *, make: bool) -> int:
        """Open the folder that a path lies in."""
        self._require_inside(path)
        folders = path.split("/")[:-1]
        handle = self._open_root()
        try:
            for depth, folder in enumerate(folders, 1):
                inner = self._step(handle, "/".join(folders[:depth]), folder, make=make)
                os.close(handle)
                handle = inner
        except BaseException:
            os.close(handle)
            raise
        return handle

    def _require_inside(self, path: str) -> None:
        if any(map(_leads_out, path.split("/"))):
            raise FolderError(f"{path!r} is no path inside {self._root}: nothing was done there.")

    def _open_root(self) -> int:
        try:
            return os.open(self._root, FOLDER)
        except NotADirectoryError as error:
            raise FileNotFoundError(*error.args) from error

    def _looked_at(self, path: str, *, make: bool) -> str:
        """The whole path, after a look at each folder above."""
        self._require_inside(path)
        whole = Path(self._root)
        if not whole.is_dir():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self._root)
        *folders, name = path.split("/")
        for depth, folder in enumerate(folders, 1):
            whole /= folder
            if make:
                with suppress(FileExistsError):
                    whole.mkdir()
            mode = whole.lstat().st_mode
            if not stat.S_ISDIR(mode):
                inner = "/".join(folders[:depth])
                raise refusal(Path(self._root), inner, mode, wanted="a folder")
        return str(whole / name)

    def _step(self, handle: int, path: str, name: str, *, make: bool) -> int:
        """Open the folder at ``path`` by its name in another one, whose descriptor this is."""
        try:
            return os.open(name, FOLDER | NO_LINK, dir_fd=handle)
        except FileNotFoundError:
            if not make:
                raise
        except OSError:
            mode = os.stat(name, dir_fd=handle, follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                raise
            raise refusal(Path(self._root), path, mode, wanted="a folder") from None
        with suppress(FileExistsError):
            os.mkdir(name, dir_fd=handle)
        return self._step(handle, path, name, make=False)


def _leads_out(part: str) -> bool:
    """Whether a part of a path may name something else than one file or folder."""
    return part in _FORBIDDEN or any(one in part for one in _FORBIDDEN_CHARACTERS)


def refusal(root: Path, path: str, mode: int, wanted: str = "a file") -> FolderError:
    """The error for something at a path below a root that is not what is wanted there."""
    kind = _KINDS.get(stat.S_IFMT(mode), "a device")
    if stat.S_ISLNK(mode):
        return FolderError(
            f"{root / path} is {kind}: below {root} none is followed. Remove it, or put {wanted} "
            "in its place."
        )
    return FolderError(
        f"{root / path} is {kind}, where {wanted} should be. Remove it, then start again."
    )
