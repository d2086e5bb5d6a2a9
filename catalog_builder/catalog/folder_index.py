"""The index of a published folder, made from its item files, so that both say the same."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

import orjson

from catalog_builder.catalog.index_writer import write_index
from catalog_builder.catalog.layout import INDEX
from catalog_builder.progress import Progress

if TYPE_CHECKING:
    from catalog_builder.catalog.item_table import Item
    from catalog_builder.catalog.published_folder import PublishedFolder
    from catalog_builder.progress import Reporter


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
