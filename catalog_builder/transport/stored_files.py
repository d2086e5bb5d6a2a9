"""Files in S3, whole or by range, through s3fs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from catalog_builder.transport.answer_limits import (
    DOCUMENT,
    SlowServerError,
    require_pace,
    seconds_of_silence,
)
from catalog_builder.transport.s3_options import S3FS_TRIES, s3_timeouts

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_PIECE: Final = 2**20
"""Bytes of a body that are read at a time."""


def is_missing(error: BaseException) -> bool:
    """Whether it is S3's answer that there is no such object, or no such bucket."""
    response = getattr(error, "response", None)
    code = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
    return code in ("NoSuchKey", "NoSuchBucket", "NotFound", "404")


class StoredFiles:
    """Files in S3; its methods do what those of ``WebFiles`` do.

    They raise what fsspec and its file system do.
    """

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        """``options`` are the file system's, and the user's own: none that a document names."""
        import fsspec

        known = dict(options or {})
        known["config_kwargs"] = {**s3_timeouts(), **(known.get("config_kwargs") or {})}
        self.system: AbstractFileSystem = fsspec.filesystem("s3", **known)
        self.system.retries = S3FS_TRIES

    def read(self, url: str, most: int = DOCUMENT) -> bytes:
        """All bytes of a file; raises OSError for more than ``most``."""
        return self.get(url, most)[0]

    def get(
        self, url: str, most: int, more: Mapping[str, str] | None = None
    ) -> tuple[bytes, Headers]:
        """All bytes of a file, or of the ``Range`` that ``more`` names, and the headers."""
        bucket, key, version = self.system.split_path(url)
        wanted = {"Bucket": bucket, "Key": key, **(more or {})}
        if version is not None:
            wanted["VersionId"] = version
        return get_object(self.system, most, wanted)

    def size(self, url: str) -> int | None:
        """Bytes of a file; None where the store does not say."""
        size = self.system.info(url).get("size")
        return None if size is None else int(size)


class Headers(dict[str, str]):
    """The headers of an answer as botocore gives them: names in lower case."""

    def get(self, key: str, default: Any = None) -> Any:
        """The header of this name, in any case."""
        return super().get(key.lower(), default)


def get_object(system: Any, most: int, wanted: Mapping[str, Any]) -> tuple[bytes, Headers]:
    """The body and headers of S3's answer to ``get_object``; ``system`` is s3fs's.

    s3fs reads a body of any length, for any time. Raises OSError for one of more than ``most``
    bytes, and :class:`~catalog_builder.transport.answer_limits.SlowServerError`, an OSError too,
    for one that comes too slowly. Where a body ends early, it is asked for again.
    """
    from aiohttp import ClientError
    from botocore.exceptions import HTTPClientError
    from fsspec.asyn import sync

    from catalog_builder.transport.retries import REPEATS, TransientError, repeat

    silence = seconds_of_silence()

    async def read(answer: Any) -> bytes:
        found = bytearray()
        waited = 0.0
        async with answer["Body"] as body:
            while True:
                began = time.monotonic()
                try:
                    # One more than it may have shows that there is more.
                    piece = await body.read(min(_PIECE, most + 1 - len(found)))
                except TimeoutError as error:
                    raise SlowServerError(
                        f"it sent nothing more after {len(found):,} bytes"
                    ) from error
                waited += time.monotonic() - began
                if not piece:
                    return bytes(found)
                found += piece
                if len(found) > most:
                    raise OSError(f"more than {most:,} bytes came")
                require_pace(len(found), waited, silence)

    def attempt() -> tuple[bytes, Headers]:
        answer = system.call_s3("get_object", **wanted)
        try:
            found = sync(system.loop, read, answer)
        except TimeoutError as error:
            slow = error.__cause__  # fsspec's own error has no text
            raise slow if isinstance(slow, SlowServerError) else error from None
        except (ClientError, HTTPClientError) as error:
            raise TransientError(error) from error
        return found, Headers(answer["ResponseMetadata"]["HTTPHeaders"])

    return repeat(attempt, most=REPEATS)
