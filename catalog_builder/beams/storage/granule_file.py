"""Opens one granule as a file: over S3, over HTTPS, or on disk."""

from __future__ import annotations

import atexit
import os
import warnings
import weakref
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self, TypeVar

from catalog_builder.beams.storage.byte_source import BlockFile, ByteSource
from catalog_builder.beams.storage.counted_source import counted
from catalog_builder.beams.storage.links import Access, GranuleLinks, Transport
from catalog_builder.beams.storage.local_file import open_local
from catalog_builder.beams.storage.s3 import S3Source
from catalog_builder.beams.storage.s3_address import s3_endpoint, split_s3
from catalog_builder.errors import (
    AccessError,
    AccessWarning,
    NotATL03Error,
    OutOfRegionError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

    import h5py

T = TypeVar("T")

BLOCK_SIZE: Final = 4 * 2**20
"""Bytes of one request.

Measured through h5py on granules of 150 MB behind 30 ms latency and 90 MB/s a connection:
height, place and time of one strong beam of 1.4 million photons (19 MB stored), then of 50,000
photons in its middle. Seconds, and megabytes moved:

=======  ===========  ===========  ============  ============
 block   v006 beam    v007 beam    v006 window   v007 window
=======  ===========  ===========  ============  ============
1 MiB    1.67 (28)    1.29 (25)    0.82 (17)     0.50 (9)
2 MiB    1.31 (31)    1.09 (31)    0.77 (25)     0.56 (17)
4 MiB    0.99 (38)    0.93 (38)    0.83 (38)     0.68 (29)
8 MiB    1.03 (50)    1.20 (50)    0.90 (50)     0.75 (42)
16 MiB   0.96 (50)    1.41 (67)    0.85 (50)     0.84 (50)
=======  ===========  ===========  ============  ============
"""

BLOCKS: Final = 32
"""Blocks kept of one open granule: 128 MiB at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GranuleFile:
    """An open granule; close it, or use it as a context manager."""

    href: str
    """The address that is read."""
    transport: Transport
    """How it is reached."""
    source: str | BlockFile
    """What ``h5py.File`` takes: a path, or a seekable binary file."""
    size: int
    """Bytes."""
    etag: str | None
    """ETag of this version; None for a file on disk."""

    def close(self) -> None:
        """Close the file; may be called twice."""
        if not isinstance(self.source, str):
            self.source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def open_granule_file(
    links: GranuleLinks,
    access: Access = "auto",
    *,
    block_size: int | None = None,
    blocks: int | None = None,
) -> GranuleFile:
    """Open a granule for reading, over the transport that ``access`` names.

    Over a network it is read in blocks of ``block_size`` bytes, of which ``blocks`` are kept; by
    default :data:`BLOCK_SIZE` and :data:`BLOCKS`.

    ``auto`` takes a local file, else S3, and HTTPS where S3 refuses this machine as out of its
    region. That is remembered for each bucket, with one
    :class:`~catalog_builder.errors.AccessWarning`. Raises an
    :class:`~catalog_builder.errors.AccessError`, or an
    :class:`~catalog_builder.errors.EarthdataError` about the login.
    """
    return over_first_transport(
        links,
        access,
        {
            "local": _open_local,
            "s3": lambda links: _in_blocks(S3Source(links), "s3", block_size, blocks),
            "https": lambda links: _in_blocks(_open_https(links), "https", block_size, blocks),
        },
    )


def _open_local(links: GranuleLinks) -> GranuleFile:
    path = links.local or ""
    handle = open_local(path)
    size = os.fstat(handle).st_size
    os.close(handle)
    return GranuleFile(href=path, transport="local", source=path, size=size, etag=None)


def _open_https(links: GranuleLinks) -> ByteSource:
    from catalog_builder.beams.storage.https import HttpsSource  # brings requests

    return HttpsSource(links)


def _in_blocks(
    source: ByteSource, transport: Transport, block_size: int | None, blocks: int | None
) -> GranuleFile:
    source = counted(source)
    file = BlockFile(source, block_size=block_size or BLOCK_SIZE, blocks=blocks or BLOCKS)
    return GranuleFile(
        href=source.href, transport=transport, source=file, size=source.size, etag=source.etag
    )


_closed_buckets: set[tuple[str | None, str]] = set()
"""S3 endpoint and bucket of those that refused this machine as out of their region."""


def _bucket(links: GranuleLinks) -> tuple[str | None, str]:
    return s3_endpoint(), split_s3(links)[0]


def over_first_transport(
    links: GranuleLinks, access: Access, openers: Mapping[Transport, Callable[[GranuleLinks], T]]
) -> T:
    """Open a granule over the first transport that ``access`` allows and S3 does not refuse."""
    allowed = links.allowed(access)
    transport = next(iter(allowed))
    if transport != "s3" or "https" not in allowed:
        return openers[transport](links)
    bucket = _bucket(links)
    if bucket not in _closed_buckets:
        try:
            return openers["s3"](links)
        except OutOfRegionError:
            _closed_buckets.add(bucket)
            warnings.warn(
                f"s3://{bucket[1]} answers only inside {links.region}: its granules are read over "
                'HTTPS from here, which is slower (access="https" says so beforehand).',
                AccessWarning,
                stacklevel=3,
            )
    return openers["https"](links)


def expected_transport(links: GranuleLinks, access: Access) -> tuple[Transport, str]:
    """The transport over which a granule would be read now, and the address."""
    allowed = links.allowed(access)
    transport = next(iter(allowed))
    if transport == "s3" and "https" in allowed and _bucket(links) in _closed_buckets:
        transport = "https"
    href = allowed[transport]
    # A query may sign: it is no part of the address.
    return transport, href.partition("?")[0] if transport == "https" else href


_open_files: weakref.WeakValueDictionary[int, h5py.File] = weakref.WeakValueDictionary()


@atexit.register
def _close_all() -> None:
    # Else HDF5 would close open files after Python's objects are gone, and crash.
    for file in list(_open_files.values()):
        file.close()


@contextmanager
def open_hdf5(links: GranuleLinks, access: Access = "auto") -> Iterator[tuple[h5py.File, str]]:
    """Open a granule with h5py for the length of a ``with``: the file, and the address read.

    Raises what :func:`open_granule_file` does, there and while the file is read, and
    :class:`~catalog_builder.errors.NotATL03Error` where it is no HDF5 file.
    """
    with open_granule_file(links, access) as granule, hdf5_in(granule) as file:
        yield file, granule.href


@contextmanager
def hdf5_in(granule: GranuleFile) -> Iterator[h5py.File]:
    """Read an open granule with h5py for the length of a ``with``.

    Raises as :func:`open_hdf5` does.
    """
    import h5py

    try:
        file = h5py.File(granule.source, "r")
    except AccessError:
        raise
    except OSError as error:
        if error.errno:  # the system's: it may not be read, or is locked by who writes it
            why = os.strerror(error.errno)
            raise AccessError(f"{granule.href} cannot be read: {why}.") from error
        raise NotATL03Error(f"{granule.href} is not an HDF5 file: {error}.") from error
    _open_files[id(file)] = file
    with file:
        yield file
