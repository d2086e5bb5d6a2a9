"""Writes the index from item files: only the rows of newer ones, or all rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import orjson

from catalog_builder.catalog.build.item_files import read_item
from catalog_builder.catalog.index.merge import merged_row_groups, staged_row_groups
from catalog_builder.catalog.index.reader import open_table
from catalog_builder.catalog.index.staged_items import StagedItems
from catalog_builder.catalog.index.writer import write_row_groups
from catalog_builder.catalog.stac.beam_assets import references_of
from catalog_builder.catalog.stac.layout import (
    COLLECTION,
    INDEX,
    REFERENCE_KEYS,
    REFERENCES,
    is_collection,
    item_path,
    references_path,
)
from catalog_builder.catalog.stac.pages import bare_collection
from catalog_builder.errors import CatalogError, FolderError
from catalog_builder.products.granule_name import GranuleName

if TYPE_CHECKING:
    import pyarrow as pa

    from catalog_builder.catalog.build.publish import PublishedFolder
    from catalog_builder.catalog.stac.item import Item
    from catalog_builder.catalog.stac.pages import Page
    from catalog_builder.progress import Reporter


def write_index(items: Iterable[Item], path: Path) -> int:
    """Write the index of one or more items to ``path``; returns the number of items.

    The same items give the same bytes, in any order. Raises
    :class:`~catalog_builder.errors.CatalogError` for an item that does not fit the columns.
    """
    with TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        return write_row_groups(staged_row_groups(StagedItems(Path(folder), items)), path)


def refresh_index(folder: PublishedFolder, progress: Reporter | None = None) -> None:
    """Publish the index with new rows of the granules whose files are newer than it.

    Only the item files of those granules are read
    (:meth:`~catalog_builder.catalog.build.publish.PublishedFolder.outdated_granules`); the result
    has the same bytes as :func:`write_index` gives for all items. A granule whose item file is
    damaged keeps its row. Raises :class:`~catalog_builder.errors.CatalogError` for an index that
    is damaged, or not sorted as a build sorts it: then only a full build helps.
    """
    with TemporaryDirectory(prefix=f".{INDEX}.", dir=folder.staging.path(INDEX).parent) as rows:
        changed: list[str] = []
        with folder.files.holding():
            staged = StagedItems(Path(rows), _newer_items(folder, changed))
        if changed:
            row_groups = merged_row_groups(folder.files.checked(INDEX), staged, changed)
            path = folder.staging.path(INDEX)
            describe = partial(_published_collections, folder)
            write_row_groups(row_groups, path, describe=describe, progress=progress)
            folder.move(INDEX)
    folder.index_is_current()


def _published_collections(folder: PublishedFolder, rows: pa.Table) -> dict[str, Page]:
    """The collections of rows, as their pages have them."""
    import pyarrow.compute as pc

    found: dict[str, Page] = {}
    for collection in filter(is_collection, pc.unique(rows["collection"]).to_pylist()):
        body = folder.files.read(f"{collection}/{COLLECTION}")
        try:
            found[collection] = bare_collection(orjson.loads(body or b""))
        except (ValueError, TypeError, KeyError):
            continue  # damaged: `verify` says so, and the next build writes it anew
    return found


def _newer_items(folder: PublishedFolder, changed: list[str]) -> Iterator[Item]:
    """The items of the granules whose files are newer; adds the id of each to a list."""
    for granule, collection in _rows_of(folder, folder.outdated_granules()):
        name = GranuleName.parse(granule)
        path = item_path(collection, name)
        try:
            item = read_item(folder, path)
        except FolderError:
            raise  # a link: the folder was tampered with
        except CatalogError:
            continue
        if folder.crashed or REFERENCES not in item["assets"]:
            _remove_unnamed(folder, path, item, name)
        changed.append(granule)
        yield item


def _remove_unnamed(folder: PublishedFolder, path: str, item: Item, name: GranuleName) -> None:
    """Remove reference files that a killed run wrote before the item that would name them."""
    named = {file for file, _ in references_of(item, path).values()}
    for key in REFERENCE_KEYS:
        file = references_path(path.partition("/")[0], name, key)
        if file not in named and folder.files.size(file) is not None:
            folder.remove(file)


def _rows_of(folder: PublishedFolder, granules: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Id and collection of each of these granules that is in the index."""
    import pyarrow as pa
    import pyarrow.compute as pc

    wanted = pa.array(sorted(granules), pa.string())
    file = open_table(folder.files)
    if file is None:
        raise CatalogError(f"{folder.root / INDEX} is damaged: build with --full (full=True).")
    with file:
        for number in range(file.num_row_groups if len(wanted) else 0):
            table = file.read_row_group(number, columns=["id", "collection"])
            found = table.filter(pc.is_in(table["id"], value_set=wanted))
            yield from zip(found["id"].to_pylist(), found["collection"].to_pylist(), strict=True)
