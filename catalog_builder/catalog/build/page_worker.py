"""The page worker: makes the items of a page of CMR's records, their files, and index rows.

It runs in worker processes. Items and rows are written to files; what it returns is small
(:mod:`.page_result`).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import orjson
import shapely

from catalog_builder.catalog.build.page_result import ItemRow, PageResult, RecordIdentity
from catalog_builder.catalog.build.publish import PublishedFolder
from catalog_builder.catalog.build.published_references import keep_references
from catalog_builder.catalog.build.report import SetAside
from catalog_builder.catalog.cmr.umm_c import Collection
from catalog_builder.catalog.cmr.umm_g import (
    MOST_REVISIONS,
    MalformedRecord,
    Record,
    read_page,
    read_time,
)
from catalog_builder.catalog.index.partitions import partition_of
from catalog_builder.catalog.index.staging import write_page
from catalog_builder.catalog.index.to_arrow import to_rows
from catalog_builder.catalog.stac.granule import Granule, parse_records
from catalog_builder.catalog.stac.item import Item, ItemMaker, Link
from catalog_builder.catalog.stac.layout import path_of
from catalog_builder.catalog.stac.pages import item_links
from catalog_builder.catalog.stac.sibling_links import (
    PROPERTIES,
    fitting_siblings,
    siblings_of,
    with_siblings,
)
from catalog_builder.errors import CmrUnavailableError, RecordError
from catalog_builder.geo.area import Area
from catalog_builder.geo.window import Box
from catalog_builder.products.granule_name import day_of

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildConfiguration:
    """How records become items; the same for all pages of a build. It can be pickled."""

    collection: Collection
    bounding_box: Box | None
    """Granules whose footprint does not meet it are left out."""
    root: Path
    """The published folder."""
    state: Path
    """Folder of the build state, where the rows are written."""
    columns: pa.Schema
    """Columns of the rows."""
    update: bool
    """True if a catalog is published in the folder already."""
    title: str
    """The catalog's title."""
    items: bool
    """True if items are published as files."""
    dry_run: bool
    """True if item files are compared but not written."""
    siblings: bool = False
    """True if items name siblings, as their published ones do until all records are read."""


def process_page(configuration: BuildConfiguration, number: int, body: bytes) -> PageResult:
    """Make the items of page ``number``; ``body`` is CMR's answer.

    All items of a page are in memory at once: fewer at a time would save 7 MB of 120, and take
    about 3 % longer. Raises :class:`~catalog_builder.errors.CmrUnavailableError` for a page whose
    end or whose records cannot be found: the next build asks for it again.
    """
    try:
        records = read_page(body)
    except ValueError as error:
        raise CmrUnavailableError(
            f"CMR's answer of {len(body)} bytes is no page of records ({error}): start again "
            "later."
        ) from error
    worker = PageWorker(configuration)
    with worker.folder.files.holding():
        worker.process(records, number)
    return worker.result


def _links(root: str, collection: str, granule: str) -> list[Link]:
    """Links of the item of a granule, given by its id."""
    return item_links(root, collection, day_of(granule)[1])


class _NamedGranule(NamedTuple):
    """A granule that belongs in the catalog."""

    granule: Granule
    name: str
    """The record's ``GranuleUR``."""


class _GranuleItem(NamedTuple):
    """A granule and its new item."""

    source: _NamedGranule
    item: Item
    path: str
    """Path of the item in the published folder."""
    published: bytes | None
    """Content of the published item file; None if there is none."""
    reference_keys: tuple[str, ...]
    """Asset keys of the published reference files that it keeps."""


class PageWorker:
    """Processes one page."""

    def __init__(self, configuration: BuildConfiguration) -> None:
        self.result = PageResult([], [], [], [], [])
        self.folder = PublishedFolder(configuration.root)
        self._configuration = configuration
        collection = configuration.collection
        links = partial(_links, configuration.title, collection.title)
        self._maker = ItemMaker(collection, links)
        box = configuration.bounding_box
        self._area = None if box is None else Area.of_box(box)

    def process(self, records: Sequence[Record | MalformedRecord], number: int) -> None:
        """Make the items of the records, their files and their rows."""
        granules: list[_NamedGranule] = []
        for record, granule in zip(records, parse_records(records), strict=True):
            name = record.granule_ur
            if isinstance(granule, RecordError):
                self._set_aside(record, name, str(granule))
            elif reason := _unwanted(granule, self._configuration.collection):
                self._set_aside(record, name, reason)
            else:
                granules.append(_NamedGranule(granule, name))
        del records
        granules = self._inside(granules)
        if not granules:
            return
        made = [self._make(one) for one in granules]
        files = self._write(made) if self._configuration.items else [None] * len(made)
        self.result.rows.extend(map(_row, made, files))
        shapes = np.array([one.granule.footprint.shape for one in granules], dtype=object)
        wkbs = shapely.to_wkb(shapes).tolist()
        rows = to_rows([one.item for one in made], self._configuration.columns, wkbs)
        del made, granules
        partitions = np.array([row.partition for row in self.result.rows], dtype=np.int64)
        self.result.locations.extend(
            write_page(self._configuration.state, number, rows, partitions)
        )

    def _inside(self, granules: list[_NamedGranule]) -> list[_NamedGranule]:
        """The granules that meet the box; the others are counted as outside."""
        if self._area is None:
            return granules
        shapes = np.array([one.granule.footprint.shape for one in granules], dtype=object)
        pairs = list(zip(granules, self._area.meets(shapes).tolist(), strict=True))
        outside = [one.granule for one, is_inside in pairs if not is_inside]
        self.result.outside.extend(one.concept_id for one in outside)
        self.result.others.extend(
            RecordIdentity(one.concept_id, one.revision_id, _microseconds(one.revision_date))
            for one in outside
        )
        return [one for one, is_inside in pairs if is_inside]

    def _set_aside(self, record: Record | MalformedRecord, name: str, reason: str) -> None:
        identity = _identity(record)
        self.result.others.append(identity)
        self.result.set_aside.append(
            SetAside(granule_ur=name, concept_id=identity.concept, reason=reason)
        )

    def _make(self, source: _NamedGranule) -> _GranuleItem:
        """Make an item; it keeps the beam references of the published one."""
        item = self._maker.make(source.granule)
        path = path_of(self._configuration.collection.id, item["id"])
        published = self.folder.files.read(path) if self._configuration.update else None
        keys: tuple[str, ...] = ()
        if published is not None:
            keys = keep_references(self.folder.files, path, item, published)
            if self._configuration.siblings:
                item = _keep_siblings(item, published)
        return _GranuleItem(source, item, path, published, keys)

    def _write(self, made: Sequence[_GranuleItem]) -> list[str | None]:
        """Write item files to the staging directory.

        Returns their names there; None for an item that is equal to the published one.
        """
        # Encoding all and then writing all takes a third less time than alternating, which empties
        # the processor's caches each time. Sorted by path, so that each folder is opened once.
        bodies = [orjson.dumps(one.item, option=orjson.OPT_SERIALIZE_NUMPY) for one in made]
        names: list[str | None] = [None] * len(made)
        for number in sorted(range(len(made)), key=lambda number: made[number].path):
            if bodies[number] != made[number].published:
                names[number] = self._write_file(made[number], bodies[number])
        return names

    def _write_file(self, one: _GranuleItem, body: bytes) -> str:
        """Write an item file; returns its name.

        If another record of the granule has written its item, this is a variant with a suffix.
        """
        name = one.path.rpartition("/")[2]
        if self._configuration.dry_run:
            return name
        try:
            handle = self.folder.staging.create(one.path)
        except FileExistsError:
            granule = one.source.granule
            record = f"{granule.concept_id} {granule.revision_id}"
            suffix = f".{hashlib.sha256(record.encode()).hexdigest()[:16]}"
            name += suffix
            handle = self.folder.staging.create_variant(one.path, suffix)
        try:
            while body:
                body = body[os.write(handle, body) :]
        finally:
            os.close(handle)
        return name


def _keep_siblings(item: Item, published: bytes) -> Item:
    """The item with the siblings that the published one names, but for what is damaged."""
    if not any(f'"{name}"'.encode() in published for name in PROPERTIES):
        return item
    try:
        return with_siblings(item, fitting_siblings(item["id"], orjson.loads(published)))
    except (orjson.JSONDecodeError, AttributeError, LookupError, TypeError):
        return item


def _row(made: _GranuleItem, file: str | None) -> ItemRow:
    granule = made.source.granule
    return ItemRow(
        id=made.item["id"],
        partition=partition_of(granule.name.region, granule.start.year, granule.footprint.bbox[0]),
        revised=_microseconds(granule.revision_date),
        revision=granule.revision_id,
        concept=granule.concept_id,
        granule_ur=made.source.name,
        file=file,
        was_published=made.published is not None,
        reference_keys=" ".join(made.reference_keys),
        siblings=" ".join(siblings_of(made.item)),
    )


def _unwanted(granule: Granule, wanted: Collection) -> str:
    """The reason why a granule does not belong in the catalog; empty if it does."""
    if granule.s3_href is None:
        return "It has no direct-access (S3) link to a .h5 file."
    if granule.name.product.short_name != wanted.short_name:
        return f"Its file is {granule.id}.h5, which is not {wanted.short_name}."
    if granule.name.release != wanted.version:
        return (
            f"Its file is {granule.id}.h5, release {granule.name.release}, not {wanted.version}."
        )
    if granule.provider != wanted.provider:
        return f"Its provider is {granule.provider}, not {wanted.provider}."
    return ""


def _identity(record: Record | MalformedRecord) -> RecordIdentity:
    """The id and revision of a record, also of a malformed one."""
    meta = record.meta
    try:
        revised = _microseconds(read_time(meta.revision_date))
    except (ValueError, OverflowError):
        revised = 0
    revision = meta.revision_id if 0 <= meta.revision_id <= MOST_REVISIONS else 0
    return RecordIdentity(meta.concept_id or "?", revision, revised)


def _microseconds(time: datetime) -> int:
    return round(time.timestamp() * 1_000_000)
