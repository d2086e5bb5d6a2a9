"""Files in an object store (s3), whole or by range, through fsspec."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from catalog_builder.transport.s3_options import S3_TIMEOUTS, S3FS_TRIES

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem


def is_missing(error: BaseException) -> bool:
    """Whether it is S3's answer that there is no such object, or no such bucket."""
    response = getattr(error, "response", None)
    code = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
    return code in ("NoSuchKey", "NoSuchBucket", "NotFound", "404")


class StoredFiles:
    """Files of one store; its methods do what those of ``WebFiles`` do.

    They raise what fsspec and its file system do.
    """

    def __init__(self, protocol: str, options: Mapping[str, Any] | None = None) -> None:
        """``options`` are the file system's, and the user's own: none that a document names."""
        import fsspec

        known = dict(options or {})
        if protocol == "s3":
            known["config_kwargs"] = {**S3_TIMEOUTS, **(known.get("config_kwargs") or {})}
        self.system: AbstractFileSystem = fsspec.filesystem(protocol, **known)
        if protocol == "s3":
            self.system.retries = S3FS_TRIES

    def read(self, url: str) -> bytes:
        """All bytes of a file."""
        return bytes(self.system.cat_file(url))

    def size(self, url: str) -> int | None:
        """Bytes of a file; None where the store does not say."""
        size = self.system.info(url).get("size")
        return None if size is None else int(size)
