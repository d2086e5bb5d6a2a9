"""The user's netrc file: where it lies, and what it says of one host."""

from __future__ import annotations

import codecs
import netrc
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from catalog_builder.errors import LoginMissingError
from catalog_builder.system_files import PLAIN

_MOST = 2**20
"""Bytes of a netrc file that are looked at for what is no text."""


def netrc_path(environ: Mapping[str, str]) -> Path | None:
    """Path of the netrc file: of the variable ``NETRC``, else ``~/.netrc``.

    None where it would lie in the home folder, and this process has none.
    """
    try:
        return Path(environ.get("NETRC") or "~/.netrc").expanduser()
    except RuntimeError:  # neither HOME nor an entry in the list of users
        return None


def read_netrc(path: Path, host: str) -> tuple[str | None, str | None]:
    """User name and password for a host; None for both where there are none.

    Names of hosts have no case, and ``host:443`` is the host by https.

    The entry ``default``, which is meant for any host, is not taken. Raises
    :class:`~catalog_builder.errors.LoginMissingError` for a file that cannot be read, without its
    parser's own error: that quotes the word it stumbled on, which may be a password.
    """
    try:
        # Not authenticators(): that takes the entry "default" for any host.
        hosts = netrc.netrc(_after_mark(path)).hosts  # type: ignore[arg-type]
    except FileNotFoundError:
        return None, None
    except UnicodeDecodeError:
        problem = f"The netrc file {path} cannot be read: it is not UTF-8 text."
    except PermissionError:
        problem = f"The netrc file {path} may not be read by this user."
    except netrc.NetrcParseError as error:
        problem = f"The netrc file {path} cannot be read (line {error.lineno})."
    except (OSError, ValueError) as error:
        problem = f"The netrc file {path} cannot be read ({type(error).__name__})."
    else:
        entry = hosts.get(host) or next(
            (entry for name, entry in hosts.items() if _means(name, host)), None
        )
        return (entry[0], entry[2]) if entry else (None, None)
    # Raised out here, so that nothing is chained.
    raise LoginMissingError(problem)


def _means(name: str, host: str) -> bool:
    """Whether an entry's name is a host, in any case, or that with the port of https."""
    return name.lower().removesuffix(":443") == host.lower()


def _after_mark(path: Path) -> int:
    """A descriptor of the file after its byte-order mark, if it has one; ``open`` takes it too.

    Editors of Windows write such a mark; Python's parser takes it for a part of the first word.
    Text that is not UTF-8 is refused here: that parser would open the descriptor, which is closed
    by then, a second time. So is what is no file: a pipe that nobody writes to never ends.
    """
    mark = codecs.BOM_UTF8
    handle = os.open(path, os.O_RDONLY | PLAIN)
    try:
        kind = os.fstat(handle).st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind) or path == Path(os.devnull)):
            raise OSError(f"{path} is no file")
        start = os.read(handle, _MOST)
        start.decode()
        os.lseek(handle, len(mark) if start.startswith(mark) else 0, os.SEEK_SET)
    except BaseException:
        os.close(handle)
        raise
    return handle
