"""Builds and updates a published catalog from what CMR lists.

Records come one by one and go as item files, with what an earlier item knew of its granule's
beams; the index is made from those files, and the pages from the index, so that all say the same.
Nothing of what is published changes before all is ready.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson

from catalog_builder import __version__
from catalog_builder.catalog.build_report import BuildReport
from catalog_builder.catalog.cmr import CmrClient
from catalog_builder.catalog.definition import Definition
from catalog_builder.catalog.extent import cover
from catalog_builder.catalog.folder_index import place_index
from catalog_builder.catalog.harvest import Harvest
from catalog_builder.catalog.intake_card import card
from catalog_builder.catalog.item_index import ItemIndex
from catalog_builder.catalog.layout import (
    CARD,
    CATALOG,
    COLLECTION,
    INDEX,
    REPORT,
    is_item,
    item_path,
)
from catalog_builder.catalog.published_folder import PublishedFolder
from catalog_builder.catalog.stac import to_collection
from catalog_builder.catalog.stac_pages import collection_page, inner_pages, root_page
from catalog_builder.errors import CatalogError

if TYPE_CHECKING:
    from collections.abc import Collection as Several

    from catalog_builder.atl03 import GranuleName
    from catalog_builder.catalog.collection import Collection
    from catalog_builder.progress import Reporter


def build(
    definition: Definition | str | Path,
    out: str | Path,
    *,
    url: str | None = None,
    client: CmrClient | None = None,
    full: bool = False,
    dry_run: bool = False,
    progress: Reporter | None = None,
) -> BuildReport:
    """Write or update the catalog of a definition in the folder ``out``.

    ``url`` is where that folder will be hosted, for the one absolute link there is. ``client``
    asks CMR; the default is the CMR that the environment names. A catalog that would lose more
    than half of its granules is left as it is unless ``full``. ``dry_run`` writes nothing.

    A record that cannot be used is set aside, and the report says why. Raises
    :class:`~catalog_builder.errors.DefinitionError`, :class:`~catalog_builder.errors.CmrError`,
    and :class:`~catalog_builder.errors.CatalogError` where the folder is another's or in use, or
    nothing would be left in it.
    """
    if not isinstance(definition, Definition):
        definition = Definition.load(definition)
    if url is not None:
        _require_web_address(url)
    started = datetime.now(UTC)
    folder = PublishedFolder(Path(out))
    folder.require_ours(definition.name)
    with (
        CmrClient() if client is None else nullcontext(client) as cmr,
        nullcontext() if dry_run else folder.writing(),
    ):
        collection = cmr.collection(definition.short_name, definition.version, definition.provider)
        harvest = Harvest(definition, collection, folder, full=full, dry_run=dry_run)
        harvest.read(cmr, progress)
        if not dry_run:
            names = harvest.names.values()
            place_index(folder, [item_path(collection.id, name) for name in names], progress)
            folder.placed(INDEX)
            _put_pages(folder, definition, collection, names, url)
            folder.publish(progress)
        added, changed = _ids(folder.added), _ids(folder.changed)
        report = BuildReport(
            builder=f"catalog-builder {__version__}",
            definition=definition.name,
            collection=collection.concept_id,
            cmr=cmr.url,
            started=started,
            finished=datetime.now(UTC),
            dry_run=dry_run,
            hits=harvest.hits,
            read=harvest.records,
            items=len(harvest.names),
            outside=harvest.outside,
            added=added,
            changed=changed,
            removed=_ids(folder.removed),
            unchanged=len(harvest.names) - len(added) - len(changed),
            files_written=len(folder.added) + len(folder.changed),
            set_aside=harvest.set_aside,
        )
        if not dry_run:
            folder.write(REPORT, _page_bytes(report.to_dict()))
    return report


def _put_pages(
    folder: PublishedFolder,
    definition: Definition,
    collection: Collection,
    names: Several[GranuleName],
    url: str | None,
) -> None:
    """Make all that lies above the items, and the card."""
    columns = ["bbox", "start_datetime", "end_datetime"]
    extents = ItemIndex.open(folder.place(INDEX).parent).to_table(columns)
    boxes = [
        [box[side] for side in ("xmin", "ymin", "xmax", "ymax")]
        for box in extents["bbox"].to_pylist()
    ]
    starts, ends = (extents[name].to_pylist() for name in ("start_datetime", "end_datetime"))
    top = to_collection(collection, boxes=[cover(boxes)], interval=(min(starts), max(ends)))
    folder.put(f"{collection.id}/{COLLECTION}", _page_bytes(collection_page(top, names)))
    for path, page in inner_pages(collection.id, names):
        folder.put(path, _page_bytes(page))
    folder.put(CARD, card(definition).encode())
    folder.put(CATALOG, _page_bytes(root_page(definition, top, url)))


def _page_bytes(page: dict[str, Any]) -> bytes:
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z
    return orjson.dumps(page, option=options)


def _ids(paths: Iterable[str]) -> tuple[str, ...]:
    """Ids of the items among some paths."""
    return tuple(Path(path).stem for path in paths if is_item(path))


def _require_web_address(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise CatalogError(f"{url!r} is not where a folder can be: expected https://host/folder.")
