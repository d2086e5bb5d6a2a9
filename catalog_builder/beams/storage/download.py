"""Whole granules, downloaded in parts, resumed and checked."""

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
"""Bytes asked for at once."""

CONNECTIONS: Final = 8
"""Parts on their way at once; with ``PART_SIZE``, 64 MiB of memory."""

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
    """Download a granule into the file ``to``; nothing is done where it is there already.

    The bytes go to ``<to>.<version>.part`` first; where such a file is left from an earlier try,
    of the same version of the granule, the download goes on at its end. The file takes its name
    when it is whole, and its checksum, where ``links`` has one, is right. ``progress`` is told of
    bytes. Returns ``to``; raises what
    :func:`~catalog_builder.beams.storage.granule_file.open_granule_file` does, and
    :class:`~catalog_builder.errors.FolderError` where a link, or anything else but a file, lies
    where either of them is to be.
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
        if folder.size(to.name) == source.size and _is_right(folder, to.name, links.checksum):
            return to
        part = f"{to.name}.{_version(source)}.part"
        _fill(folder, part, source, progress)
    finally:
        source.close()
    try:
        if _is_right(folder, part, links.checksum):
            folder.move(part, to.name)
            for name, _, is_file in folder.entries():
                if is_file and _PART.fullmatch(name.removeprefix(to.name)):
                    folder.remove(name)
            return to
    except FileNotFoundError:
        # Another download of this granule was at its end first, and gave the file its name.
        if folder.size(to.name) is not None:
            return to
        raise
    folder.remove(part)
    raise AccessError(
        f"{source.href}: {source.size} bytes came, but their checksum is not {links.checksum}. "
        "They were deleted: download the granule again, and rebuild the catalog if this stays so."
    )


def _version(source: ByteSource) -> str:
    """A short name for what is stored now, so that no two versions are mixed in one file.

    Where the server names no version, nothing that is left from earlier can be trusted.
    """
    named = source.etag or secrets.token_hex()
    return hashlib.sha256(f"{named} {source.size}".encode()).hexdigest()[:12]


def _fill(folder: SafeFolder, part: str, source: ByteSource, progress: Reporter | None) -> None:
    """Write what a partial file still lacks, in order, while later parts are on their way."""
    folder.root.mkdir(parents=True, exist_ok=True)
    # Not "ab": a second download of the same granule would then write behind this one's bytes,
    # so it writes the same bytes over them.
    handle = folder.open(part, os.O_RDWR | os.O_CREAT)
    with os.fdopen(handle, "r+b") as file, ThreadPoolExecutor(CONNECTIONS) as pool:
        coming: deque[Future[bytes]] = deque()
        starts = iter(range(file.seek(0, os.SEEK_END), source.size, PART_SIZE))

        def ask_for_next() -> None:
            for start in islice(starts, 1):
                stop = min(start + PART_SIZE, source.size)
                coming.append(pool.submit(read_exactly, source, start, stop))

        try:
            for _ in range(CONNECTIONS):
                ask_for_next()
            while coming:
                file.write(coming.popleft().result())
                ask_for_next()
                if progress is not None:
                    progress(Progress(stage="downloading", done=file.tell(), total=source.size))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        file.flush()
        os.fsync(file.fileno())


def _is_right(folder: SafeFolder, name: str, checksum: str | None) -> bool:
    """Whether a file has a checksum, given as a multihash; True where there is none to have."""
    if checksum is None:
        return True
    checksum = checksum.lower()
    kind = next((kind for code, kind in _HASHES.items() if checksum.startswith(code)), None)
    if kind is None:
        warnings.warn(
            f"{name} was not checked: its checksum {checksum} is of an unknown kind.",
            AccessWarning,
            stacklevel=3,
        )
        return True
    with os.fdopen(folder.open(name), "rb") as file:
        return checksum.endswith(hashlib.file_digest(file, kind).hexdigest())
