"""A granule on disk, opened so that an error says what is amiss, and with which file."""

from __future__ import annotations

import os
import stat

from catalog_builder.errors import AccessError, GranuleNotFoundError
from catalog_builder.system_files import PLAIN


def open_local(path: str) -> int:
    """A descriptor of a file of this machine, for reading.

    Raises :class:`~catalog_builder.errors.GranuleNotFoundError` where there is none, and
    :class:`~catalog_builder.errors.AccessError` where it may not or cannot be read.
    """
    try:
        handle = os.open(path, os.O_RDONLY | PLAIN)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise GranuleNotFoundError(f"There is no file {path}.") from error
    except PermissionError as error:
        raise AccessError(
            f"{path} may not be read by this user: change its permissions, or those of the "
            "folders above it."
        ) from error
    except (OSError, ValueError) as error:
        raise AccessError(f"{path} cannot be read: {error}.") from error
    kind = os.fstat(handle).st_mode
    if not stat.S_ISREG(kind):
        os.close(handle)
        if stat.S_ISDIR(kind):
            raise GranuleNotFoundError(
                f"{path} is a folder, and no granule: name a file of it, or open a catalog by "
                "open_index."
            )
        raise GranuleNotFoundError(f"There is no file {path}: what has this name is no file.")
    return handle
