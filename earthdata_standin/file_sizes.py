"""Sizes and checksums of granule files, in the several forms that records give them."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

SizeForm = Literal["bytes", "float MB", "whole MB", "NA", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """What is known of a file that exists."""

    size: int
    """Bytes."""
    checksum: str
    """SHA-256, hexadecimal."""

    @classmethod
    def of(cls, path: Path) -> FileFacts:
        """Read the whole file."""
        with path.open("rb") as file:
            return cls(
                size=path.stat().st_size, checksum=hashlib.file_digest(file, "sha256").hexdigest()
            )


def size_fields(granule: str, form: SizeForm, facts: FileFacts | None) -> dict[str, Any]:
    """Fields of a file's entry in ``ArchiveAndDistributionInformation``.

    Without ``facts`` the size is a made-up one in the unit ``NA``, the same each time.
    """
    if form == "none":
        return {}
    if form == "NA" or facts is None:
        # The unit is missing and the number is from another day: it cannot be relied on.
        return {
            "Size": 100.0 + repeatable_number(granule, "size") % 10_000_000 / 2e4,
            "SizeUnit": "NA",
        }
    checksum = {"Checksum": {"Value": facts.checksum, "Algorithm": "SHA-256"}}
    if form == "bytes":
        return {
            "SizeInBytes": facts.size,
            "Size": facts.size / 2**20,
            "SizeUnit": "MB",
        } | checksum
    if form == "whole MB":
        return {"Size": float(round(facts.size / 2**20)), "SizeUnit": "MB"}
    return {"Size": facts.size / 2**20, "SizeUnit": "MB"}


def repeatable_number(*parts: str) -> int:
    """A number that is always the same for the same words."""
    return zlib.crc32("/".join(parts).encode())
