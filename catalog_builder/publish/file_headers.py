"""Headers of published files: media type, and how long caches may keep them.

No file is compressed in transit: readers ask for byte ranges, and those of a compressed answer are
others. ``no-transform`` forbids it to proxies and content networks.
"""

from __future__ import annotations

from typing import Final

from catalog_builder.catalog.stac.item import PLAIN_REFERENCES_ASSET, REFERENCES_ASSET
from catalog_builder.catalog.stac.layout import is_item, is_reference

_MEDIA_TYPES: Final = {
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
    "yml": "application/yaml",
    "html": "text/html; charset=utf-8",
}

_ASKED_AGAIN: Final = "no-cache, no-transform"
"""Pages and the index: a cache may keep them, and asks each time whether they are the newest."""

_KEPT: Final = "public, max-age=3600, no-transform"
"""Items and references: they change rarely, and an older one is as good for an hour."""


def headers_of(path: str) -> dict[str, str]:
    """``Content-Type`` and ``Cache-Control`` of the file at a path."""
    if is_reference(path):
        asset = REFERENCES_ASSET if path.endswith(".zst") else PLAIN_REFERENCES_ASSET
        return {"Content-Type": asset["type"], "Cache-Control": _KEPT}
    if is_item(path):
        return {"Content-Type": "application/geo+json", "Cache-Control": _KEPT}
    suffix = path.rpartition(".")[2]
    kind = _MEDIA_TYPES.get(suffix, "application/octet-stream")
    return {"Content-Type": kind, "Cache-Control": _ASKED_AGAIN}
