"""Lets items of a build name their siblings, which may be new, replaced or removed.

Items are made one by one, and keep the siblings that their published item named. Once all records
are read, the siblings of each pass are known, and items that named others are written again: in a
build of all records any, in an update those of passes of which a granule changed.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from catalog_builder.catalog.build.changes import read_staged_item, staged_variant
from catalog_builder.catalog.build.item_files import require_item
from catalog_builder.catalog.build.page_result import ItemRow
from catalog_builder.catalog.build.published_references import published_references
from catalog_builder.catalog.build.published_rows import (
    PublishedRow,
    damaged_index_refused,
    read_published_passes,
)
from catalog_builder.catalog.build.state_database import database_path
from catalog_builder.catalog.index.partitions import partitions_of
from catalog_builder.catalog.index.schema import COVERING, item_schema
from catalog_builder.catalog.index.staging import RowLocation, read_rows, write_page
from catalog_builder.catalog.index.to_arrow import to_items, to_rows
from catalog_builder.catalog.stac.layout import REFERENCE_KEYS, optional_assets, path_of
from catalog_builder.catalog.stac.sibling_links import paired, with_siblings
from catalog_builder.errors import CatalogError
from catalog_builder.products.granule_name import collection_of, pass_of
from catalog_builder.progress import Progress

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from catalog_builder.catalog.build.publish import PublishedFolder
    from catalog_builder.catalog.build.state import BuildState
    from catalog_builder.progress import Reporter

_AT_ONCE: Final = 1000
"""Items in memory at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Renamed:
    """An item that names other siblings than before."""

    row: ItemRow
    """Its row in the build; of an item that no record changed, made from the published one."""
    location: RowLocation | None
    """Where that is staged; None where it is in the published index alone."""
    siblings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiblingUpdate:
    """The items of one build, whose rows have been settled."""

    state: BuildState
    folder: PublishedFolder
    old: pq.ParquetFile | None
    """The published index, for an update; None if all records were read."""
    removed: frozenset[str]
    """Ids of the published granules that are removed."""
    items: bool
    """True if items are published as files."""
    dry_run: bool
    """True if nothing is written."""
    progress: Reporter | None = None

    def run(self) -> int:
        """Write the items that name other siblings than before; returns how many.

        Raises :class:`~catalog_builder.errors.CatalogError` for a damaged index or item.
        """
        count = 0
        renamed = self._renamed()
        while some := list(islice(renamed, _AT_ONCE)):
            self._write(some)
            count += len(some)
            if self.progress is not None:
                self.progress(Progress(stage="naming siblings", done=count))
        return count

    def _renamed(self) -> Iterator[_Renamed]:
        for staged, published in self._passes():
            wanted = dict(paired([*staged, *published]))
            for granule, siblings in wanted.items():
                if granule in staged:
                    row, location = staged[granule]
                    if row.siblings != " ".join(siblings):
                        yield _Renamed(row=row, location=location, siblings=siblings)
                elif published[granule].siblings != " ".join(siblings):
                    row = _row_of(published[granule])
                    yield _Renamed(row=row, location=None, siblings=siblings)

    def _passes(
        self,
    ) -> Iterator[tuple[Mapping[str, tuple[ItemRow, RowLocation]], Mapping[str, PublishedRow]]]:
        """The granules of each pass that may have changed: staged ones, and other published ones.

        A pass is a track in a cycle and a region, in any collection.
        """
        published = self._published()
        by_pass = groupby(_by_pass(self.state.folder), key=lambda found: pass_of(found[0].id))
        for name, rows in by_pass:
            staged = {row.id: (row, location) for row, location in rows}
            yield staged, published.pop(name, {})
        for left in published.values():
            yield {}, left

    def _published(self) -> dict[str, dict[str, PublishedRow]]:
        """The published granules that stay, of the passes that an update touches, by pass."""
        found: dict[str, dict[str, PublishedRow]] = defaultdict(dict)
        if self.old is not None:
            touched = self.removed.union(row.id for row in self.state.each())
            for row in read_published_passes(self.old, touched):
                found[pass_of(row.id)][row.id] = row
        return found

    def _write(self, renamed: list[_Renamed]) -> None:
        """Write the files and rows of items; in a dry run only what the report counts."""
        if self.dry_run:
            nowhere = RowLocation(0, 0, 0)
            self.state.replace_rows(
                (self._row(one, one.row.file or f"{one.row.id}.json"), one.location or nowhere)
                for one in renamed
            )
            return
        items = [
            with_siblings(item, one.siblings)
            for one, item in zip(renamed, self._items(renamed), strict=True)
        ]
        schema = _schema()
        made = to_rows(items, schema)
        partitions = partitions_of(made)
        rows = []
        for one, item, partition in zip(renamed, items, partitions.tolist(), strict=True):
            file, path = None, path_of(collection_of(one.row.id), one.row.id)
            if self.items:
                file = self._write_file(one, path, orjson.dumps(item))
            keys = published_references(self.folder.files, path, item)
            row = self._row(one, file)
            rows.append(row._replace(partition=partition, reference_keys=" ".join(keys)))
        number = self.state.next_page
        locations = write_page(self.state.folder, number, made, partitions)
        self.state.replace_rows(zip(rows, locations, strict=True))

    def _row(self, one: _Renamed, file: str | None) -> ItemRow:
        return one.row._replace(file=file if self.items else None, siblings=" ".join(one.siblings))

    def _write_file(self, one: _Renamed, path: str, body: bytes) -> str | None:
        """Write an item file, as a variant; returns its name, None for the published content.

        The name may be that of the item of another record, which is removed later.
        """
        if one.row.file is not None:
            self.folder.staging.remove(*staged_variant(one.row))
        if self.folder.files.read(path) == body:
            return None
        text = f"{one.row.concept} {one.row.revision} {' '.join(one.siblings)}"
        suffix = f".{hashlib.sha256(text.encode()).hexdigest()[:16]}"
        with os.fdopen(self.folder.staging.create_variant(path, suffix), "wb") as file:
            file.write(body)
        return f"{one.row.id}.json{suffix}"

    def _items(self, renamed: list[_Renamed]) -> list[dict[str, Any]]:
        """The items as they are now: as they were made, or as they are published."""
        if self.items:
            return [self._item(one) for one in renamed]
        found: dict[str, dict[str, Any]] = {}
        staged = sorted(one.location for one in renamed if one.location is not None)
        for item in to_items(read_rows(self.state.folder, staged, _schema())):
            found[item["id"]] = item
        others = [one.row.id for one in renamed if one.location is None]
        for item in _published_items(self.old, others):
            found[item["id"]] = item
        try:
            return [found[one.row.id] for one in renamed]
        except KeyError as error:
            raise CatalogError(
                f"The index has no row of {error}: build with --full (full=True)."
            ) from error

    def _item(self, one: _Renamed) -> dict[str, Any]:
        """The item in its new file, or in the published one."""
        path = path_of(collection_of(one.row.id), one.row.id)
        if one.row.file is not None:
            body = read_staged_item(self.folder.staging, one.row)
        else:
            body = self.folder.files.read(path)
        try:
            item: dict[str, Any] = orjson.loads(body or b"")
            require_item(item, path)
            with_siblings(item, ())
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise CatalogError(
                f"The item of {one.row.id} in {self.folder.root} is missing or damaged: build "
                "with --full (full=True)."
            ) from error
        return item


def _published_items(
    index: pq.ParquetFile | None, granules: list[str]
) -> Iterator[dict[str, Any]]:
    """The items of these granules in an index. Raises CatalogError for a damaged one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    wanted = pa.array(granules, pa.string())
    for group in range(index.num_row_groups if index is not None and granules else 0):
        assert index is not None
        with damaged_index_refused():
            here = pc.is_in(index.read_row_group(group, ["id"])["id"], value_set=wanted)
            if not pc.any(here).as_py():
                continue
            table = index.read_row_group(group).filter(here)
        yield from to_items(table.select([n for n in table.schema.names if n != COVERING]))


def _schema() -> pa.Schema:
    """All columns that an item may have."""
    return item_schema(beams=True, extra=optional_assets(REFERENCE_KEYS), siblings=True)


def _by_pass(folder: Path) -> Iterator[tuple[ItemRow, RowLocation]]:
    """All rows of a build state as they are now, by cycle, track and region.

    The cycle comes first, since granules of one time come in the same pages of CMR. Rows may be
    replaced meanwhile: this reads a copy by a connection of its own, and SQLite's log of changes
    would grow as long as it read the table itself.
    """
    with closing(sqlite3.connect(database_path(folder))) as data:
        data.create_function("order_of", 1, _order, deterministic=True)
        data.execute("CREATE TEMP TABLE copy AS SELECT * FROM row ORDER BY order_of(id), id")
        for one in data.execute("SELECT * FROM copy ORDER BY rowid"):
            row, location = one[: len(ItemRow._fields)], one[len(ItemRow._fields) : -1]
            yield ItemRow(*row), RowLocation(*location)


def _order(granule: str) -> str:
    """The cycle, then the pass."""
    one = pass_of(granule)
    return one[4:6] + one


def _row_of(published: PublishedRow) -> ItemRow:
    """The row of a published item that no record changed."""
    return ItemRow(
        id=published.id,
        partition=0,
        revised=published.revised,
        revision=published.revision,
        concept=published.concept,
        granule_ur=f"{published.id}.h5",
        file=None,
        was_published=True,
        reference_keys="",
    )
