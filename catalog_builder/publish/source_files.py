"""The files of a catalog's folder that are published, and in which order.

Only files of the layout: nothing else that lies in the folder leaves this machine, and links are
refused, not followed.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import orjson

from catalog_builder.catalog.build.publish import PublishedFolder, locked
from catalog_builder.catalog.stac.layout import (
    CATALOG,
    COLLECTION,
    INDEX,
    REPORT,
    ROOT_FILES,
    is_item,
    is_reference,
    published_files,
    reference_files,
    require_known_collections,
)
from catalog_builder.errors import CatalogError, CatalogNotFoundError
from catalog_builder.safe_folder import SafeFolder

_LAST: Final = {INDEX: 4, CATALOG: 7, REPORT: 8}


class SourceFile(NamedTuple):
    """A file to be published, as it lies on disk."""

    size: int
    """Bytes."""
    mtime: int
    """When it was written, in nanoseconds since 1970."""


def rank(path: str) -> int:
    """Place of a file in the order of publishing: each comes after all that it points to.

    References, items, days, cycles, the index, ``catalog.yml`` and the page, the collection (it
    names the index), the root, the report.
    """
    if path in _LAST:
        return _LAST[path]
    if path in ROOT_FILES:
        return 5
    if path.endswith(f"/{COLLECTION}"):
        return 6
    if is_reference(path):
        return 0
    return 1 if is_item(path) else 5 - path.count("/")  # pages: collection/cycle/day/catalog.json


@contextlib.contextmanager
def reading(folder: str | os.PathLike[str]) -> Iterator[SafeFolder]:
    """The folder of a catalog; no build or indexing run changes it meanwhile.

    Raises :class:`~catalog_builder.errors.CatalogError` where one is at work, or was interrupted
    while files did not agree, and :class:`~catalog_builder.errors.CatalogNotFoundError` where
    there is no catalog.
    """
    root = Path(folder)
    if not root.is_dir():
        raise CatalogNotFoundError(f"There is no folder {root}: build a catalog first.")
    with locked(root, shared=True, then="publish"):
        files = SafeFolder(root)
        require_known_collections(files)
        if PublishedFolder(root).inconsistent_granules() is not None:
            raise CatalogError(
                f"A build or indexing run was interrupted while files of {root} changed: run it "
                "again, then publish."
            )
        yield files


def catalog_id(files: SafeFolder) -> str:
    """Id of the catalog in a folder. Raises CatalogNotFoundError where there is none."""
    name = id_of(files.read(CATALOG))
    if name is None:
        raise CatalogNotFoundError(
            f"{files.root} is not a catalog: it has no {CATALOG} with an id. Build it first."
        )
    return name


def id_of(page: bytes | None) -> str | None:
    """The id that a page of STAC states; None if it states none."""
    try:
        found = orjson.loads(page or b"null")
    except orjson.JSONDecodeError:
        return None
    name = found.get("id") if isinstance(found, dict) else None
    return name if isinstance(name, str) and name else None


def source_files(files: SafeFolder) -> dict[str, SourceFile]:
    """All files to be published, by path, in the order of publishing.

    Raises :class:`~catalog_builder.errors.FolderError` for a link at such a path.
    """
    with files.holding():
        paths = [*published_files(files), *(path for path, _, _ in reference_files(files))]
        found = {}
        for path in sorted(paths, key=lambda path: (rank(path), path)):
            status = files.status(path)
            if status is not None:
                found[path] = SourceFile(status.st_size, status.st_mtime_ns)
    return found
