"""Fetches the byte ranges of a plan over many connections, and decodes them as they arrive."""

from __future__ import annotations

import os
import threading
import weakref
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.read.decode import OutputBuffer
from catalog_builder.beams.read.range_requests import GAP, LARGEST_REQUEST, plan_requests
from catalog_builder.beams.read.request_pool import call_each
from catalog_builder.beams.storage.byte_source import PIECE, TRIES, pause
from catalog_builder.beams.storage.chunk_cache import CachedVersion, CacheOption, ChunkCache
from catalog_builder.beams.storage.granule_file import expected_transport, over_first_transport
from catalog_builder.beams.storage.local_file import open_local
from catalog_builder.beams.storage.s3 import S3Source, new_store_for, renewing, store_for
from catalog_builder.errors import AccessError, StaleReferencesError
from catalog_builder.forks import obstore_is_lost
from catalog_builder.system_files import read_at

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from obstore import GetOptions, GetResult

    from catalog_builder.beams.read.plan import ReadPlan
    from catalog_builder.beams.read.range_requests import RangeRequest
    from catalog_builder.beams.storage.links import Access, GranuleLinks


def read_planned(
    links: GranuleLinks,
    plan: ReadPlan,
    access: Access = "auto",
    cache: CacheOption = None,
) -> dict[str, NDArray[Any]]:
    """Fetch and decode a plan: path of each dataset -> values of its rows, as stored.

    Chunks that the ``cache`` holds are not fetched; those that are fetched are kept there. That
    is for granules behind a network.

    One round of requests, only those of the plan (over HTTPS one more, which finds
    the signed URL). Memory beyond the arrays: a few pieces a connection.

    Raises :class:`~catalog_builder.errors.StaleReferencesError` where the granule is of another
    version than the plan, and what
    :func:`~catalog_builder.beams.storage.granule_file.open_granule_file` does.
    """
    buffers = [OutputBuffer(output) for output in plan.outputs]
    unwritten = plan.unwritten
    for output, number in zip(unwritten.output.tolist(), unwritten.number.tolist(), strict=True):
        buffers[output].fill(number)
    local = not plan.requests or expected_transport(links, access)[0] == "local"
    known = None if local else ChunkCache.of(cache)
    kept = None if known is None else known.version(links, plan.size, plan.etag)
    if kept is not None:
        plan = _without_kept(plan, kept, buffers)
    if plan.requests:
        # Where the first answer refuses one transport, the next is used.
        over_first_transport(
            links,
            access,
            {
                "local": lambda links: _read(
                    _of_version(_LocalFile(links), plan), plan, buffers, kept
                ),
                "s3": lambda links: _read(_open_s3(links, plan), plan, buffers, kept),
                "https": lambda links: _read(_open_https(links, plan), plan, buffers, kept),
            },
        )
    return {
        output.dataset.path: buffer.array
        for output, buffer in zip(plan.outputs, buffers, strict=True)
    }


class Pieces(Protocol):
    """A source of the version of a granule that a plan is for, read piece by piece."""

    href: str

    def pieces(self, start: int, stop: int) -> Generator[bytes, None, None]:
        """The bytes from ``start`` to before ``stop``, as they arrive.

        May end early. Raises errors of this package. Thread-safe.
        """

    def close(self) -> None:
        """Release files and connections."""


def _without_kept(plan: ReadPlan, kept: CachedVersion, buffers: list[OutputBuffer]) -> ReadPlan:
    """Fill in what is kept, and plan anew what is not."""
    reads, missing = plan.reads, np.ones(len(plan.reads), np.bool_)

    def fill(which: int) -> None:
        offset, size = int(reads.offset[which]), int(reads.size[which])
        raw = kept.get(offset, size)
        if raw is None:
            return
        try:
            mask = int(reads.filter_mask[which])
            buffers[reads.output[which]].put(int(reads.number[which]), raw, mask)
        except StaleReferencesError:  # whatever it is, it is fetched
            kept.drop(offset, size)
            return
        missing[which] = False

    call_each(fill, range(len(reads)), threading.Event())
    reads = reads.of(missing)
    needed, requests = plan_requests(
        reads.offset, reads.offset + reads.size, gap=GAP, most=LARGEST_REQUEST, rows="window"
    )
    return replace(plan, reads=reads, requests=requests, bytes_needed=needed)


def _read(
    source: Pieces, plan: ReadPlan, buffers: list[OutputBuffer], kept: CachedVersion | None
) -> None:
    """Fetch all ranges of a plan and fill its arrays."""
    failed = threading.Event()

    def read_request(request: RangeRequest) -> None:
        reads = plan.reads.of(slice(request.first, request.last))
        ranges = zip(reads.offset.tolist(), reads.size.tolist(), strict=True)
        with closing(_resuming(source, request)) as pieces:
            blocks = zip(
                reads.offset.tolist(),
                reads.output.tolist(),
                reads.number.tolist(),
                reads.filter_mask.tolist(),
                reads.beginning.tolist(),
                cut(pieces, request.start, ranges),
                strict=True,
            )
            for offset, output, number, filter_mask, beginning, raw in blocks:
                if failed.is_set():
                    return
                buffers[output].put(number, raw, filter_mask, beginning=beginning)
                if kept is not None and not beginning:
                    kept.put(offset, raw)

    try:
        call_each(read_request, plan.requests, failed)
    finally:
        source.close()


def cut(
    pieces: Iterator[bytes], at: int, ranges: Iterable[tuple[int, int]]
) -> Iterator[memoryview]:
    """Cut a stream into ranges, given as offset and size, sorted by offset.

    The stream begins at byte ``at`` and contains all ranges. Ranges may overlap and leave gaps.
    Only the current range, and the piece that it ends in, are kept in memory.
    """
    buffered = memoryview(b"")  # bytes of the stream, from ``at`` on
    for offset, size in ranges:
        stop, end = offset + size, at + len(buffered)
        if end < stop:
            pieces_of_range = [buffered[offset - at :]] if offset < end else []
            while end < stop:
                piece = next(pieces)
                end += len(piece)
                if end > offset:
                    pieces_of_range.append(memoryview(piece))
            buffered = (
                pieces_of_range[0]
                if len(pieces_of_range) == 1
                else memoryview(b"".join(pieces_of_range))
            )
            at = end - len(buffered)
        yield buffered[offset - at : stop - at]


def _resuming(source: Pieces, request: RangeRequest) -> Generator[bytes, None, None]:
    """The bytes of a request; where an answer ends early, the rest is requested again."""
    at, failures = request.start, 0
    while at < request.stop:
        if failures == TRIES:
            raise AccessError(
                f"{source.href}: the answer for bytes {request.start} to {request.stop} broke off "
                f"at {at}, {TRIES} times. Try again later."
            )
        pause(failures)
        failures += 1
        with closing(source.pieces(at, request.stop)) as pieces:
            for piece in pieces:
                yield piece
                at += len(piece)
                if len(piece) >= PIECE:  # a server that gives a byte each time gives nothing
                    failures = 0


def _require_version(plan: ReadPlan, href: str, size: int, etag: str | None) -> None:
    if size != plan.size or (plan.etag and etag and etag != plan.etag):
        raise StaleReferencesError(
            f"{href} has {size} bytes and ETag {etag}; the references are for {plan.size} bytes "
            f"and ETag {plan.etag}: index the granule again (index DIR --stale)."
        )


class _Opened(Pieces, Protocol):
    """A source that was looked up when it was opened."""

    size: int
    etag: str | None


def _of_version(source: _Opened, plan: ReadPlan) -> Pieces:
    """The source; closed, and raises, unless it is of the version that the plan is for."""
    try:
        _require_version(plan, source.href, source.size, source.etag)
    except StaleReferencesError:
        source.close()
        raise
    return source


class _LocalFile:
    """A granule on disk."""

    etag: str | None = None

    def __init__(self, links: GranuleLinks) -> None:
        self.href = links.local or ""
        self._number = open_local(self.href)
        self.size = os.fstat(self._number).st_size
        self._close = weakref.finalize(self, os.close, self._number)

    def pieces(self, start: int, stop: int) -> Generator[bytes, None, None]:
        while start < stop and (piece := read_at(self._number, min(PIECE, stop - start), start)):
            yield piece
            start += len(piece)

    def close(self) -> None:
        self._close()


def _open_https(links: GranuleLinks, plan: ReadPlan) -> Pieces:
    from catalog_builder.beams.storage.https import HttpsSource  # brings requests

    return _of_version(HttpsSource(links, (plan.size, plan.etag)), plan)


def _open_s3(links: GranuleLinks, plan: ReadPlan) -> Pieces:
    # In a forked child obstore would never answer.
    return _of_version(S3Source(links), plan) if obstore_is_lost() else _S3Pieces(links, plan)


class _S3Pieces:
    """A granule in S3, through obstore; it is not looked up beforehand."""

    def __init__(self, links: GranuleLinks, plan: ReadPlan) -> None:
        self.href = links.s3 or ""
        self._links = links
        self._plan = plan
        self._store, self._key = store_for(links)

    def _connect(self) -> None:
        self._store, self._key = new_store_for(self._links)

    def pieces(self, start: int, stop: int) -> Generator[bytes, None, None]:
        from obstore.exceptions import BaseError

        answer = renewing(self._links, lambda: self._get(start, stop), self._connect)
        meta = answer.meta
        _require_version(self._plan, self.href, meta["size"], meta["e_tag"])
        try:
            yield from answer.stream(min_chunk_size=PIECE)
        except BaseError:
            return  # ended early

    def _get(self, start: int, stop: int) -> GetResult:
        from obstore.exceptions import GenericError, PreconditionError

        options: GetOptions = {"range": (start, stop)}
        if self._plan.etag:
            options["if_match"] = self._plan.etag
        try:
            return self._store.get(self._key, options=options)
        except PreconditionError:
            pass
        except GenericError as error:
            if "InvalidRange" not in str(error):
                raise
        raise StaleReferencesError(
            f"{self.href} is stored in another version than its references are for: index the "
            "granule again."
        )

    def close(self) -> None:
        """Nothing to do: obstore keeps its own connections."""
