"""What is done with a page of CMR's records: items, their files, and rows for the index.

It runs in processes beside the one that asks CMR, and hands back little: where things lie.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

import numpy as np
import orjson
import shapely

from catalog_builder.area import Area
from catalog_builder.atl03 import Beam
from catalog_builder.catalog.build_report import SetAside
from catalog_builder.catalog.collection import Collection
from catalog_builder.catalog.granule import Granule, parse_records
from catalog_builder.catalog.item_references import carry_over
from catalog_builder.catalog.item_table import Item, Place, row_of
from catalog_builder.catalog.layout import path_of
from catalog_builder.catalog.published_folder import PublishedFolder
from catalog_builder.catalog.stac import ItemMaker
from catalog_builder.catalog.stac_pages import item_links
from catalog_builder.catalog.umm_granule import MalformedRecord, Record, read_page, read_time
from catalog_builder.errors import RecordError
from catalog_builder.window import Box

_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_OVER: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC

_SLICE: Final = 500
"""Records worked on at a time: enough for numpy, few enough to be small in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How records become items: the same for all pages of a build."""

    collection: Collection
    bounding_box: Box | None
    """Granules that do not meet it are left out."""
    root: Path
    """The published folder."""
    rows: Path
    """Folder for the rows of the pages."""
    update: bool
    """Whether something is published there already."""
    items: bool
    """Whether items have files."""
    dry_run: bool
    """Whether item files are only compared, not written."""


class Identity(NamedTuple):
    """Which record it is; empty values where it does not say."""

    concept: str
    revision: int
    revised: int
    """Date of the revision, microseconds since 1970."""


class ItemRow(NamedTuple):
    """One item, made; what the index and the pages need to know before it is read again."""

    id: str
    region: int
    year: int
    west: float
    start: int
    """Microseconds since 1970; with those before, what rows are sorted by."""
    revised: int
    """Revision date of the record, microseconds since 1970."""
    revision: int
    """Revision of the record."""
    concept: str
    granule_ur: str
    page: int
    offset: int
    """Where its row lies in the page's file."""
    line: int
    """Bytes of the row's JSON."""
    wkb: int
    """Bytes of its geometry, which follows."""
    file: str | None
    """Name under which the item lies beside its place; None where its file is as published."""
    was_published: bool
    """Whether a file lies at its published place."""
    beams: str
    """Beams whose published reference sets it keeps, with spaces."""

    @property
    def place(self) -> Place:
        """Where it stands among the rows of the index."""
        return Place(self.region, self.year, self.west, self.start, self.id)


class PageWork(NamedTuple):
    """What became of a page."""

    records: list[Identity]
    """Which records they were."""
    rows: list[ItemRow]
    set_aside: list[SetAside]
    outside: list[str]
    """Concept ids of granules whose footprint does not meet the box."""


def work_on_page(recipe: Recipe, number: int, body: bytes) -> PageWork:
    """Make the items of a page, ``number`` being its own."""
    records = read_page(body)
    del body
    with (recipe.rows / f"{number:06d}").open("wb") as rows:
        page = _Page(recipe, number, rows)
        while records:
            page.work_on(records[:_SLICE])
            del records[:_SLICE]
    return page.work


class _Page:
    """One page while it is worked on."""

    def __init__(self, recipe: Recipe, number: int, rows: BinaryIO) -> None:
        self.work = PageWork([], [], [], [])
        self._recipe = recipe
        self._number = number
        self._rows = rows
        self._folder = PublishedFolder(recipe.root)
        self._maker = ItemMaker(recipe.collection)
        box = recipe.bounding_box
        self._area = None if box is None else Area.of_box(box)

    def work_on(self, records: Sequence[Record | MalformedRecord]) -> None:
        """Make the items of some records."""
        self.work.records.extend(map(_identity, records))
        granules: list[tuple[Granule, str]] = []
        for record, granule in zip(records, parse_records(records), strict=True):
            name = record.granule_ur
            if isinstance(granule, RecordError):
                self._put_aside(record, name, str(granule))
            elif reason := _unwanted(granule, self._recipe.collection):
                self._put_aside(record, name, reason)
            else:
                granules.append((granule, name))
        shapes = np.array([granule.footprint.shape for granule, _ in granules], dtype=object)
        inside = np.ones(len(shapes), bool) if self._area is None else self._area.meets(shapes)
        wkbs = shapely.to_wkb(shapes)
        for (granule, name), wkb, is_inside in zip(granules, wkbs, inside.tolist(), strict=True):
            if is_inside:
                self.work.rows.append(self._make(granule, name, wkb))
            else:
                self.work.outside.append(granule.concept_id)

    def _put_aside(self, record: Record | MalformedRecord, name: str, reason: str) -> None:
        concept = _identity(record).concept
        self.work.set_aside.append(SetAside(granule_ur=name, concept_id=concept, reason=reason))

    def _make(self, granule: Granule, name_in_cmr: str, wkb: bytes) -> ItemRow:
        """Make an item, its file and its row."""
        recipe = self._recipe
        item = self._maker.make(granule)
        item["links"] = item_links()
        path = path_of(recipe.collection.id, item["id"])
        published = self._folder.published(path) if recipe.update else None
        beams: tuple[Beam, ...] = ()
        if published is not None:
            beams = carry_over(self._folder, path, item, published)
        row = row_of(item, wkb)
        offset = self._rows.tell()
        self._rows.write(row.line)
        self._rows.write(row.wkb)
        return ItemRow(
            id=item["id"],
            region=granule.name.region,
            year=granule.start.year,
            west=granule.footprint.bbox[0],
            start=_microseconds(granule.start),
            revised=_microseconds(granule.revision_date),
            revision=granule.revision_id,
            concept=granule.concept_id,
            granule_ur=name_in_cmr,
            page=self._number,
            offset=offset,
            line=len(row.line),
            wkb=len(row.wkb),
            file=self._write(path, item, published, granule) if recipe.items else None,
            was_published=published is not None,
            beams=" ".join(beams),
        )

    def _write(
        self, path: str, item: Item, published: bytes | None, granule: Granule
    ) -> str | None:
        """Write an item aside, under a name of its own where another record was first.

        Returns that name; None where the item is as it is published.
        """
        body = orjson.dumps(item)
        if body == published:
            return None
        name = path.rpartition("/")[2]
        if self._recipe.dry_run:
            return name
        folder = self._folder.place_of(path)
        try:
            handle = os.open(f"{folder}/{name}", _NEW, 0o666)
        except FileExistsError:
            name = f"{name}.{granule.concept_id}.{granule.revision_id}"
            handle = os.open(f"{folder}/{name}", _OVER, 0o666)
        with open(handle, "wb", buffering=0) as file:  # noqa: PTH123 - a handle has no path
            file.write(body)
        return name


def _unwanted(granule: Granule, wanted: Collection) -> str:
    """Why a granule is not for the catalog of a collection; empty where it is."""
    if granule.s3_href is None:
        return "It has no direct-access (S3) link to a .h5 file."
    if granule.name.release != wanted.version:
        return (
            f"Its file is {granule.id}.h5, release {granule.name.release}, not {wanted.version}."
        )
    if granule.provider != wanted.provider:
        return f"Its provider is {granule.provider}, not {wanted.provider}."
    return ""


def _identity(record: Record | MalformedRecord) -> Identity:
    """Which record this is, whatever it is."""
    meta = record.meta
    try:
        revised = _microseconds(read_time(meta.revision_date))
    except (ValueError, OverflowError):
        revised = 0
    return Identity(meta.concept_id or "?", meta.revision_id, revised)


def _microseconds(time: datetime) -> int:
    return round(time.timestamp() * 1_000_000)
