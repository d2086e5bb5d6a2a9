"""Writes the pages of a catalog and ``catalog.yml`` from the index."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from catalog_builder.catalog.build.changes import stale_pages
from catalog_builder.catalog.build.days import Days
from catalog_builder.catalog.footprint.bbox_union import cover
from catalog_builder.catalog.index.schema import SIDES
from catalog_builder.catalog.index.writer import EXTENT_COLUMNS
from catalog_builder.catalog.stac.collection import to_collection
from catalog_builder.catalog.stac.intake_yaml import intake_yaml
from catalog_builder.catalog.stac.layout import (
    CATALOG,
    CATALOG_YML,
    COLLECTION,
    PAGE,
    cycle_folder,
    day_folder,
)
from catalog_builder.catalog.stac.pages import collection_page, cycle_page, day_page, root_page
from catalog_builder.catalog.stac.web_page import is_our_page, web_page

if TYPE_CHECKING:
    from collections.abc import Collection as Several

    import pyarrow as pa

    from catalog_builder.catalog.build.publish import PublishedFolder
    from catalog_builder.catalog.cmr.umm_c import Collection
    from catalog_builder.catalog.definition import Definition
    from catalog_builder.catalog.stac.pages import Page
    from catalog_builder.geo.window import Box


@dataclass(slots=True, kw_only=True)
class FolderPages:
    """Writes all files above the items to the staging directory."""

    folder: PublishedFolder
    definition: Definition
    collections: tuple[Collection, ...]
    """Those of the definition, in its order."""
    items: bool
    """True if items are published as files, with pages that link to them."""
    written: int = 0
    """Number of pages that are new or changed."""
    stale: list[str] = field(default_factory=list)
    """Paths of published pages to remove."""

    def write(
        self, index: Path, url: str | None, *, days: Several[tuple[str, int, str]] | None
    ) -> None:
        """Write the pages that differ from the published ones.

        ``index`` is the path of the index, ``url`` where the folder will be hosted, and ``days``
        the collections, cycles and dates whose granules changed; None for all.
        """
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        with pq.ParquetFile(index) as file:
            rows = file.read([*EXTENT_COLUMNS, "id"])
        known = self.describe(rows)
        tops = [
            known.get(one.id) or to_collection(one, boxes=[], interval=None)
            for one in self.collections
        ]
        wanted: set[str] = set()
        for top in tops:
            collection = top["id"]
            ids = rows["id"]
            if len(tops) > 1:
                ids = ids.filter(pc.equal(rows["collection"], collection))
            listing = Days(ids)
            cycles = listing.cycles()
            wanted.add(f"{collection}/{COLLECTION}")
            if self.items:
                changed = None if days is None else {d[1:] for d in days if d[0] == collection}
                wanted |= self._write_inner(top, listing, cycles, changed)
            page = collection_page(top, cycles, root=self.definition.title, items=self.items)
            self._write(f"{collection}/{COLLECTION}", page_bytes(page))
        if days is None:
            self.stale += stale_pages(wanted, self.folder.files)
        self._write(CATALOG_YML, intake_yaml(self.definition).encode())
        self._write_web_page()
        self._write(CATALOG, page_bytes(root_page(self.definition, tops, url)))

    def describe(self, rows: pa.Table) -> dict[str, Page]:
        """The collections that have rows of the index, with the extent of these, by their ids."""
        import pyarrow.compute as pc

        found = {}
        for collection in self.collections:
            own = rows
            if len(self.collections) > 1:
                own = rows.filter(pc.equal(rows["collection"], collection.id))
            if len(own):
                box, interval = _extent(own)
                found[collection.id] = to_collection(collection, boxes=[box], interval=interval)
        return found

    def _write_web_page(self) -> None:
        """Write the page for people, unless the user has put another one there."""
        published = self.folder.files.read(PAGE)
        if published is None or is_our_page(published):
            self._write(PAGE, web_page())

    def _write_inner(
        self,
        top: Page,
        listing: Days,
        cycles: dict[int, list[str]],
        days: Several[tuple[int, str]] | None,
    ) -> set[str]:
        """Write the pages of a collection's cycles and days; returns the paths of all."""
        collection, root = top["id"], self.definition.title
        for day in listing.among(days):
            path, page = day_page(collection, day.cycle, day.date, day.ids, root=root)
            self._write(path, page_bytes(page))
        for cycle, dates in cycles.items():
            if days is None or any(cycle == one for one, _ in days):
                path, page = cycle_page(top, cycle, dates, root=root)
                self._write(path, page_bytes(page))
        there = {(cycle, date) for cycle, dates in cycles.items() for date in dates}
        if days is None:
            wanted = {f"{day_folder(collection, *day)}/{CATALOG}" for day in there}
            return wanted | {f"{cycle_folder(collection, cycle)}/{CATALOG}" for cycle in cycles}
        for cycle, date in sorted(set(days) - there):
            self.stale.append(f"{day_folder(collection, cycle, date)}/{CATALOG}")
        for cycle in sorted({cycle for cycle, _ in days} - set(cycles)):
            self.stale.append(f"{cycle_folder(collection, cycle)}/{CATALOG}")
        return set()

    def _write(self, path: str, body: bytes) -> None:
        self.written += self.folder.staging.put(path, body)


def _extent(table: pa.Table) -> tuple[Box, tuple[datetime, datetime]]:
    """Box around the items of rows, the first start and the last end."""
    import pyarrow.compute as pc

    sides = [pc.struct_field(table["bbox"], side).to_numpy() for side in SIDES]
    first = table["start_datetime"].cast("int64").to_numpy().min()
    last = table["end_datetime"].cast("int64").to_numpy().max()
    return cover(np.column_stack(sides)), (_moment(first), _moment(last))


def _moment(microseconds: int) -> datetime:
    """A time in microseconds since 1970 as a datetime in UTC."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(microseconds))


def page_bytes(page: dict[str, Any]) -> bytes:
    """A page as it is published: indented JSON."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z
    return orjson.dumps(page, option=options)
