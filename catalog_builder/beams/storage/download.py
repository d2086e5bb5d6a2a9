"""Downloads whole granules: in parts, resumed after an interruption, with their checksum."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import warnings
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from catalog_builder.beams.storage.byte_source import ByteSource, read_exactly
from catalog_builder.beams.storage.granule_file import over_first_transport
from catalog_builder.beams.storage.https import HttpsSource
from catalog_builder.beams.storage.s3 import S3Source, StoreSource
from catalog_builder.errors import AccessError, AccessWarning
from catalog_builder.forks import obstore_is_lost
from catalog_builder.progress import Progress, Reporter
from catalog_builder.safe_folder import SafeFolder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from catalog_builder.beams.storage.links import Access, GranuleLinks, Transport

PART_SIZE: Final = 8 * 2**20
"""Bytes of one request."""

CONNECTIONS: Final = 8
"""Requests at a time; with ``PART_SIZE``, 64 MiB of memory."""

_PART: Final = re.compile(r"\.[0-9a-f]{12}\.part")
"""What a partial file's name has after the granule's; see :func:`_version`."""

_HASHES: Final = {"11": "sha1", "12": "sha256", "13": "sha512", "d501": "md5"}
"""Hash functions by their multihash code, as it is written (https://multiformats.io/multihash)."""


def download(
    links: GranuleLinks,
    to: Path,
    access: Access = "auto",
    progress: Reporter | None = None,
) -> Path:
    """Download a granule into the file ``to``, unless that is complete already.

    The bytes go to ``<to>.<version>.part`` first; a download of the same version that was
    interrupted is resumed. The file is renamed once it is complete and its checksum, where
    ``links`` has one, is right. ``progress`` gets the bytes done. Returns ``to``; raises what
    :func:`~catalog_builder.beams.storage.granule_file.open_granule_file` does, and
    :class:`~catalog_builder.errors.FolderError` where the name of either file is taken by a link,
    or by anything else that is no regular file.
    """
    folder = SafeFolder(to.parent)
    folder.refuse(to.name)
    remote = replace(links, local=None)
    openers: dict[Transport, Callable[[GranuleLinks], ByteSource]] = {
        "s3": S3Source if obstore_is_lost() else StoreSource,
        "https": HttpsSource,
    }
    source = over_first_transport(remote, access, openers)
    try:
        if folder.size(to.name) == source.size and _has_checksum(folder, to.name, links.checksum):
            return to
        part = f"{to.name}.{_version(source)}.part"
        _fill(folder, part, source, progress)
    finally:
        source.close()
    try:
        if _has_checksum(folder, part, links.checksum):
            folder.move(part, to.name)
            for name, _, is_file in folder.entries():
                if is_file and _PART.fullmatch(name.removeprefix(to.name)):
                    folder.remove(name)
            return to
    except FileNotFoundError:
        # Another download of this granule ended first, and renamed the file.
        if folder.size(to.name) is not None:
            return to
        raise
    folder.remove(part)
    raise AccessError(
        f"{source.href}: {source.size} bytes came, but their checksum is not {links.checksum}. "
        "They were deleted: download the granule again, and rebuild the catalog if this stays so."
    )


def _version(source: ByteSource) -> str:
    """A short name of the stored version, so that no two versions are mixed in one file.

    Random where the server names no version: then no earlier part can be resumed.
    """
    named = source.etag or secrets.token_hex()
    return hashlib.sha256(f"{named} {source.size}".encode()).hexdigest()[:12]


def _fill(folder: SafeFolder, part: str, source: ByteSource, progress: Reporter | None) -> None:
    """Append the rest of a granule to a partial file, in order; several requests run at a time."""
    folder.make_root()
    # Not "ab": a second download of the same granule would then write behind this one's bytes,
    # so it writes the same bytes over them.
    handle = folder.open(part, os.O_RDWR | os.O_CREAT)
    with os.fdopen(handle, "r+b") as file, ThreadPoolExecutor(CONNECTIONS) as pool:
        pending: deque[Future[bytes]] = deque()
        starts = iter(range(file.seek(0, os.SEEK_END), source.size, PART_SIZE))

        def request_next() -> None:
            for start in islice(starts, 1):
                stop = min(start + PART_SIZE, source.size)
                pending.append(pool.submit(read_exactly, source, start, stop))

        try:
            for _ in range(CONNECTIONS):
                request_next()
            while pending:
                file.write(pending.popleft().result())
                request_next()
                if progress is not None:
                    progress(Progress(stage="downloading", done=file.tell(), total=source.size))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        file.flush()
        os.fsync(file.fileno())


def _has_checksum(folder: SafeFolder, name: str, checksum: str | None) -> bool:
    """Whether a file has this checksum, a multihash; True where none is known."""
    if checksum is None:
        return True
    checksum = checksum.lower()
    name_of_hash = next((h for code, h in _HASHES.items() if checksum.startswith(code)), None)
    if name_of_hash is None:
        warnings.warn(
            f"{name} was not checked: its checksum {checksum} is of an unknown kind.",
            AccessWarning,
            stacklevel=3,
        )
        return True
    with os.fdopen(folder.open(name), "rb") as file:
        return checksum.endswith(hashlib.file_digest(file, name_of_hash).hexdigest())
