"""The index made anew from item files, so that it agrees with them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import orjson

from catalog_builder.catalog.index.merge import staged_row_groups
from catalog_builder.catalog.index.staged_items import StagedItems
from catalog_builder.catalog.index.writer import write_row_groups
from catalog_builder.catalog.stac.layout import INDEX
from catalog_builder.errors import CatalogError
from catalog_builder.progress import Progress

if TYPE_CHECKING:
    from catalog_builder.catalog.build.publish import PublishedFolder
    from catalog_builder.catalog.stac.item import Item
    from catalog_builder.progress import Reporter


def write_index(items: Iterable[Item], path: Path) -> int:
    """Write the index of one or more items to ``path``; returns the number of items.

    The same items give the same bytes, in whatever order they come. Raises
    :class:`~catalog_builder.errors.CatalogError` for an item that does not fit the columns.
    """
    with TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        return write_row_groups(staged_row_groups(StagedItems(Path(folder), items)), path)


def stage_index(
    folder: PublishedFolder,
    items: Collection[str],
    progress: Reporter | None = None,
    *,
    instead: Mapping[str, Item] | None = None,
) -> None:
    """Write the index of the items at these paths, as they are now, to the staging directory.

    ``instead`` gives items by path that are used in place of their files. The caller publishes the
    index.
    """
    known = instead or {}

    def read() -> Iterator[Item]:
        for number, path in enumerate(items):
            if progress is not None:
                progress(Progress(stage="indexing", done=number, total=len(items)))
            yield known[path] if path in known else _parsed(path, folder.read(path))

    write_index(read(), folder.staging.path(INDEX))


def _parsed(path: str, body: bytes) -> Item:
    try:
        item = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise CatalogError(f"{path} is no STAC Item ({error}): build with --full.") from error
    if not isinstance(item, dict) or not {"id", "properties", "assets"} <= item.keys():
        raise CatalogError(f"{path} is no STAC Item: build with --full.")
    return item
