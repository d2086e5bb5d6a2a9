"""What opening, reading and locking files takes from the system, where the system has it.

Windows has no folder descriptors, no reads at a place, no flags against links and pipes, and none
of the locks that are used here. There folders are checked by their paths instead, which leaves
whoever may write to them a moment to put a link in their place; and nothing is locked.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from catalog_builder.forks import Lock

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


def _flag(name: str) -> int:
    return getattr(os, name, 0)


NO_LINK: Final = _flag("O_NOFOLLOW")
"""Opens no symbolic link; 0 where the system cannot say so."""

PLAIN: Final = _flag("O_NONBLOCK") | _flag("O_CLOEXEC") | _flag("O_BINARY")
"""Waits for no other end of a pipe, is not inherited by other programs, and translates no line
ends."""

FOLDER: Final = os.O_RDONLY | _flag("O_DIRECTORY") | _flag("O_CLOEXEC")

BY_DESCRIPTOR: Final = (
    bool(NO_LINK)
    and {os.open, os.stat, os.unlink, os.mkdir, os.rmdir, os.rename} <= os.supports_dir_fd
    and os.scandir in os.supports_fd
)
"""Whether files can be named relative to the descriptor of a folder."""

_seeking: Final = Lock()


def read_at(handle: int, size: int, start: int) -> bytes:
    """Up to ``size`` bytes of an open file from ``start`` on; of several threads too."""
    if hasattr(os, "pread"):
        return os.pread(handle, size, start)
    with _seeking:
        os.lseek(handle, start, os.SEEK_SET)
        return os.read(handle, size)


def require_file(path: Path, *, folder: bool = False) -> None:
    """Raise OSError where what lies at a path is no file, or ``folder``: no folder either.

    For files that the user names and that others' code opens: to open a named pipe waits for its
    other end for ever, and a device may have no end. Links are followed.
    """
    mode = path.stat().st_mode
    if stat.S_ISREG(mode) or (folder and stat.S_ISDIR(mode)):
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError("it is a folder")
    raise OSError("it is a pipe, a socket or a device, and no file")


@contextmanager
def folder_lock(folder: Path, *, shared: bool = False, link: bool = True) -> Iterator[None]:
    """Hold a lock on a folder, which the system releases when the process ends or crashes.

    ``shared`` only keeps writers away; without ``link`` a symbolic link is refused. Raises
    BlockingIOError where another process holds it. On Windows nothing is locked.
    """
    if fcntl is None:
        yield
        return
    locks: Any = fcntl
    handle = os.open(folder, FOLDER | (0 if link else NO_LINK))
    try:
        locks.flock(handle, (locks.LOCK_SH if shared else locks.LOCK_EX) | locks.LOCK_NB)
        yield
    finally:
        os.close(handle)
