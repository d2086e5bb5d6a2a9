"""One granule opened as a file: over S3, over HTTPS, or on disk."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from catalog_builder.beams.links import Access, GranuleLinks, Way
from catalog_builder.errors import AccessError, GranuleNotFoundError, NotATL03Error

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    import h5py

__all__ = ["Access", "GranuleFile", "GranuleLinks", "Way", "open_granule_file", "open_hdf5"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GranuleFile:
    """An open granule; close it, or use it as a context manager."""

    href: str
    """The address that is read."""
    way: Way
    """How it is reached."""
    source: str | BinaryIO
    """What ``h5py.File`` takes: a path, or a seekable binary file."""

    def close(self) -> None:
        """Let go of the file; may be called twice."""
        if not isinstance(self.source, str):
            self.source.close()

    def __enter__(self) -> GranuleFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def open_granule_file(links: GranuleLinks, access: Access = "auto") -> GranuleFile:
    """Open a granule for reading, by the way that ``access`` asks for."""
    if links.local is None or access not in ("auto", "local"):
        raise AccessError(f"{links} cannot be read with access={access!r}.")
    if not Path(links.local).is_file():
        raise GranuleNotFoundError(f"There is no file {links.local}.")
    return GranuleFile(href=links.local, way="local", source=links.local)


@contextmanager
def open_hdf5(links: GranuleLinks, access: Access = "auto") -> Iterator[tuple[h5py.File, str]]:
    """Open a granule with h5py for the length of a ``with``: the file, and the address read.

    What goes wrong while reading is raised as an
    :class:`~catalog_builder.errors.AccessError`.
    """
    import h5py

    with open_granule_file(links, access) as granule:
        options: dict[str, Any] = {}
        try:
            file = h5py.File(granule.source, "r", **options)
        except OSError as error:
            raise NotATL03Error(f"{granule.href} is not an HDF5 file: {error}.") from error
        with file:
            yield file, granule.href
