"""Finds granules whose files were replaced since they were indexed: their references are stale."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, Final

from catalog_builder.beams.references.kerchunk_reader import read_frame
from catalog_builder.beams.storage.granule_file import open_granule_file, over_first_transport
from catalog_builder.beams.storage.https import HttpsSource
from catalog_builder.beams.storage.s3 import S3Source
from catalog_builder.catalog.stac.beam_assets import frames_of, references_of
from catalog_builder.catalog.stac.layout import REFERENCES
from catalog_builder.errors import ReferencesError
from catalog_builder.indexing.scan_task import NO_LOGIN, FailedGranule, ScanTask, describe_error

if TYPE_CHECKING:
    from catalog_builder.beams.storage.byte_source import ByteSource
    from catalog_builder.beams.storage.links import GranuleLinks, Transport
    from catalog_builder.catalog.stac.item import Item
    from catalog_builder.safe_folder import SafeFolder

_AT_ONCE: Final = 32
"""Requests at a time."""

_PART: Final = 512
"""Granules handed to the threads at a time."""


def replaced_granules(
    folder: SafeFolder, tasks: Iterable[tuple[ScanTask, str, Item]]
) -> Iterator[tuple[str, bool | FailedGranule]]:
    """Whether each granule was replaced, by its size and ETag, for one request each.

    Each task comes with its item and the item's path; log in before. Gives ids in their order,
    each with True where the file stored now is not the one that was indexed, or the references
    are lost or damaged; and with the error of a granule that cannot be looked up. Raises an
    :class:`~catalog_builder.errors.EarthdataError` where the login is refused.
    """

    def look(one: tuple[ScanTask, str, Item]) -> tuple[str, bool | FailedGranule]:
        task, path, item = one
        try:
            return task.granule, _is_replaced(folder, task, path, item)
        except NO_LOGIN:
            raise
        except Exception as error:
            failed = FailedGranule(granule=task.granule, error=describe_error(error))
            return task.granule, failed

    remaining = iter(tasks)
    pool = ThreadPoolExecutor(_AT_ONCE, "replaced-granules")
    try:
        while part := list(islice(remaining, _PART)):
            yield from pool.map(look, part)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # Ctrl-C does not wait for answers


def _is_replaced(folder: SafeFolder, task: ScanTask, path: str, item: Item) -> bool:
    known = _indexed_version(folder, path, item)
    if known is None:
        return True
    size, etag = over_first_transport(task.links, task.access, _OPENERS)
    return size != known[0] or bool(etag and known[1] and etag != known[1])


def _indexed_version(folder: SafeFolder, path: str, item: Item) -> tuple[int, str | None] | None:
    """Size and ETag of the file that was indexed; None where its references cannot be read."""
    place, _ = references_of(item, path).get(REFERENCES, ("", None))
    for beam, frame in frames_of(item).items() if place else ():
        try:
            start, length = int(frame["offset"]), int(frame["length"])
            body = (folder.read(place) or b"")[start : start + length]
            references = read_frame(body, beam)
        except (ReferencesError, LookupError, TypeError, ValueError):
            return None
        return references.size, references.etag
    return None


def _opened(source: ByteSource) -> tuple[int, str | None]:
    """Size and ETag of a source, which is closed."""
    with closing(source):
        return source.size, source.etag


def _local(links: GranuleLinks) -> tuple[int, str | None]:
    with open_granule_file(links, "local") as file:
        return file.size, None


_OPENERS: Final[Mapping[Transport, Callable[[GranuleLinks], tuple[int, str | None]]]] = {
    "local": _local,
    "s3": lambda links: _opened(S3Source(links)),
    "https": lambda links: _opened(HttpsSource(links)),
}
