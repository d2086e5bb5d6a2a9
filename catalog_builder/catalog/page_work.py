"""What is done with a page of CMR's records: items, their files, and rows for the index.

It runs in processes beside the one that asks CMR, and hands back little: where things lie.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import orjson
import shapely

from catalog_builder.area import Area
from catalog_builder.atl03 import Beam
from catalog_builder.catalog.build_report import SetAside
from catalog_builder.catalog.cmr_answer import read_records
from catalog_builder.catalog.collection import Collection
from catalog_builder.catalog.granule import Granule, granule_ur, parse_records
from catalog_builder.catalog.item_references import carry_over
from catalog_builder.catalog.item_table import Item, row_of
from catalog_builder.catalog.layout import path_of
from catalog_builder.catalog.published_folder import PublishedFolder
from catalog_builder.catalog.stac import ItemMaker
from catalog_builder.catalog.stac_pages import item_links
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
    records = read_records(body)
    del body
    work = PageWork([_identity(record) for record in records], [], [], [])
    folder = PublishedFolder(recipe.root)
    maker = ItemMaker(recipe.collection)
    with (recipe.rows / f"{number:06d}").open("wb") as rows:
        while records:
            some, records = records[:_SLICE], records[_SLICE:]
            _work(recipe, number, some, folder, maker, rows, work)
    return work


def _work(
    recipe: Recipe,
    number: int,
    records: Sequence[Mapping[str, Any]],
    folder: PublishedFolder,
    maker: ItemMaker,
    rows: Any,
    work: PageWork,
) -> None:
    granules: list[tuple[Granule, Mapping[str, Any]]] = []
    for record, granule in zip(records, parse_records(records), strict=True):
        reason = str(granule) if isinstance(granule, RecordError) else _unwanted(granule, recipe)
        if reason or isinstance(granule, RecordError):
            work.set_aside.append(_put_aside(record, reason))
        else:
            granules.append((granule, record))
    shapes = np.array([granule.footprint.shape for granule, _ in granules], dtype=object)
    box = recipe.bounding_box
    inside = np.ones(len(shapes), bool) if box is None else Area.of_box(box).meets(shapes)
    wkbs = shapely.to_wkb(shapes)
    for (granule, record), wkb, is_inside in zip(granules, wkbs, inside.tolist(), strict=True):
        if is_inside:
            item = maker.make(granule)
            row = _write_item(recipe, number, granule, item, granule_ur(record), wkb, folder, rows)
            work.rows.append(row)
        else:
            work.outside.append(granule.concept_id)


def _write_item(
    recipe: Recipe,
    number: int,
    granule: Granule,
    item: Item,
    name_in_cmr: str,
    wkb: bytes,
    folder: PublishedFolder,
    rows: Any,
) -> ItemRow:
    item["links"] = item_links()
    path = path_of(recipe.collection.id, item["id"])
    published = folder.published(path) if recipe.update else None
    beams: tuple[Beam, ...] = ()
    if published is not None:
        beams = carry_over(folder, path, item, published)
    row = row_of(item, wkb)
    offset = rows.tell()
    rows.write(row.line)
    rows.write(row.wkb)
    file = None
    if recipe.items:
        body = orjson.dumps(item)
        if body != published:
            file = path.rpartition("/")[2]
            if not recipe.dry_run:
                file = _write(folder.place_of(path), file, body, granule)
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
        page=number,
        offset=offset,
        line=len(row.line),
        wkb=len(row.wkb),
        file=file,
        was_published=published is not None,
        beams=" ".join(beams),
    )


def _write(folder: str, name: str, body: bytes, granule: Granule) -> str:
    """Write an item into a folder, under a name of its own where another record was first."""
    try:
        handle = os.open(f"{folder}/{name}", _NEW, 0o666)
    except FileExistsError:
        name = f"{name}.{granule.concept_id}.{granule.revision_id}"
        handle = os.open(f"{folder}/{name}", _OVER, 0o666)
    with open(handle, "wb", buffering=0) as file:  # noqa: PTH123 - a handle has no path
        file.write(body)
    return name


def _unwanted(granule: Granule, recipe: Recipe) -> str:
    """Why a granule is not for this catalog; empty where it is."""
    wanted = recipe.collection
    if granule.s3_href is None:
        return "It has no direct-access (S3) link to a .h5 file."
    if granule.name.release != wanted.version:
        return (
            f"Its file is {granule.id}.h5, release {granule.name.release}, not {wanted.version}."
        )
    if granule.provider != wanted.provider:
        return f"Its provider is {granule.provider}, not {wanted.provider}."
    return ""


def _put_aside(record: Any, reason: str) -> SetAside:
    return SetAside(
        granule_ur=granule_ur(record), concept_id=_identity(record).concept, reason=reason
    )


def _identity(record: Any) -> Identity:
    """Which record this is, whatever it is."""
    meta = record.get("meta") if isinstance(record, Mapping) else None
    if not isinstance(meta, Mapping):
        return Identity("?", 0, 0)
    revision, revised = meta.get("revision-id"), meta.get("revision-date")
    when = 0
    with contextlib.suppress(TypeError, ValueError):
        when = _microseconds(datetime.fromisoformat(str(revised)))
    return Identity(
        str(meta.get("concept-id") or "?"), revision if isinstance(revision, int) else 0, when
    )


def _microseconds(time: datetime) -> int:
    return round(time.timestamp() * 1_000_000)
