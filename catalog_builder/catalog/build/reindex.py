"""The index of a published folder, made from its item files, so that both say the same."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import orjson

from catalog_builder.catalog.index.merge import staged_row_groups
from catalog_builder.catalog.index.writer import write_row_groups
from catalog_builder.catalog.stac.layout import INDEX
from catalog_builder.catalog.index.staged_items import StagedItems
from catalog_builder.progress import Progress

if TYPE_CHECKING:
    from catalog_builder.catalog.stac.item import Item
    from catalog_builder.catalog.build.publish import PublishedFolder
    from catalog_builder.progress import Reporter


def write_index(items: Iterable[Item], path: Path) -> int:
    """Write the index of items (at least one) to ``path``; returns how many there were.

    The same items give the same bytes, in whatever order they come. Raises
    :class:`~catalog_builder.errors.CatalogError` for one that does not fit its columns.
    """
    with TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        return write_row_groups(staged_row_groups(StagedItems(Path(folder), items)), path)


def place_index(
    folder: PublishedFolder, items: Collection[str], progress: Reporter | None = None
) -> None:
    """Make the index from the items at these paths, as they will be published, in its place aside.

    The caller decides when it is published.
    """

    def read() -> Iterator[Item]:
        for number, path in enumerate(items):
            if progress is not None:
                progress(Progress(stage="indexing", done=number, total=len(items)))
            yield orjson.loads(folder.read(path))

    write_index(read(), folder.place(INDEX))
