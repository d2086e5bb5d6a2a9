"""What is known of the files at a destination, kept there: ``.publish/manifest.json.zst``.

A run first writes the manifest with all files that it is about to change marked as unknown, then
from time to time what it has uploaded (``.publish/<run>/``), last the manifest of all that is
there. So whatever a killed run left, the next one knows what lies there, and what it must write
again. A manifest is not trusted: paths that are none of the layout, or a run of another form, make
it one that is not there.
"""

from __future__ import annotations

import io
import re
import secrets
from typing import Final, TypeVar

import msgspec
import zstandard

from catalog_builder.catalog.stac.layout import is_ours

STATE: Final = ".publish"
"""Folder of the manifest at the destination."""

MANIFEST: Final = f"{STATE}/manifest.json.zst"

T = TypeVar("T")

_VERSION: Final = 1
_RUN: Final = re.compile("[0-9a-f]{1,32}")
"""Names of runs, which are those of folders."""

_MOST_BYTES: Final = 2**30
"""Of a manifest, inflated: some 5 million files."""


class PublishedFile(msgspec.Struct, frozen=True, array_like=True):
    """A file at the destination."""

    size: int = -1
    """Bytes; -1 where the file may be there, with any content."""
    mtime: int = 0
    """When the source was written, in nanoseconds since 1970."""
    digest: str | None = None
    """BLAKE2b of 16 bytes, in hex; None where the file may be there, with any content."""
    tag: str | None = None
    """The store's own mark of this version (ETag), if it gives one."""


UNKNOWN: Final = PublishedFile()
"""A file that may be there, with any content."""


class Manifest(msgspec.Struct):
    """All that is known of a destination."""

    catalog: str
    """Id of the catalog that is published there."""
    files: dict[str, PublishedFile]
    """By path. A file of the layout that is not among them is not there."""
    run: str = ""
    """Name of the run that wrote it: only what this run uploaded may be added."""
    version: int = _VERSION

    def begun(self, paths: set[str]) -> Manifest:
        """The manifest of a new run that is about to change or remove these files."""
        files = self.files | dict.fromkeys(paths, UNKNOWN)
        return Manifest(catalog=self.catalog, files=files, run=secrets.token_hex(8))

    def encode(self) -> bytes:
        """Its bytes."""
        return _pack(self)


def decode_manifest(body: bytes | None) -> Manifest | None:
    """The manifest of these bytes; None where they are none that can be believed."""
    manifest = _unpack(body, Manifest)
    if manifest is None or manifest.version != _VERSION or not _are_ours(manifest.files):
        return None
    return manifest if _RUN.fullmatch(manifest.run) else None


def encode_uploads(files: dict[str, PublishedFile]) -> bytes:
    """What a run has uploaded, as it is kept until its end."""
    return _pack(files)


def decode_uploads(body: bytes | None) -> dict[str, PublishedFile]:
    """What a run has uploaded; nothing where that is damaged."""
    files = _unpack(body, dict[str, PublishedFile]) or {}
    return files if _are_ours(files) else {}


def _are_ours(files: dict[str, PublishedFile]) -> bool:
    return all(map(is_ours, files))


def _pack(value: object) -> bytes:
    return zstandard.ZstdCompressor(level=6).compress(msgspec.json.encode(value))


def _unpack(body: bytes | None, kind: type[T]) -> T | None:
    if body is None:
        return None
    try:
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(body)) as stream:
            text = stream.read(_MOST_BYTES)
        return msgspec.json.decode(text, type=kind)
    except (zstandard.ZstdError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
