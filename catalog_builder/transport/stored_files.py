"""Files in an object store (s3), whole or by range, through fsspec."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from catalog_builder.transport.web_files import AT_ONCE

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem


class StoredFiles:
    """Files of one store; its methods do what those of ``WebFiles`` do.

    They raise what fsspec and its file system do.
    """

    def __init__(self, protocol: str, options: Mapping[str, Any] | None = None) -> None:
        """``options`` are the file system's, and the user's own: none that a document names."""
        import fsspec

        self._system: AbstractFileSystem = fsspec.filesystem(protocol, **(options or {}))

    def read(self, url: str) -> bytes:
        """All bytes of a file."""
        return bytes(self._system.cat_file(url))

    def read_end(self, url: str, count: int) -> bytes:
        """The last bytes of a file; all of them where it is shorter."""
        return bytes(self._system.cat_file(url, start=-count))

    def read_spans(self, url: str, spans: Sequence[tuple[int, int]]) -> list[bytes]:
        """Bytes of a file from one place to before another, a request for each, 8 at a time."""
        starts, stops = [start for start, _ in spans], [stop for _, stop in spans]
        pieces = self._system.cat_ranges(
            [url] * len(spans), starts, stops, on_error="raise", batch_size=AT_ONCE
        )
        for (start, stop), piece in zip(spans, pieces, strict=True):
            if len(piece) != stop - start:
                raise OSError(f"{len(piece)} bytes came for bytes {start} to {stop}")
        return [bytes(piece) for piece in pieces]

    def size(self, url: str) -> int | None:
        """Bytes of a file; None where the store does not say."""
        size = self._system.info(url).get("size")
        return None if size is None else int(size)
