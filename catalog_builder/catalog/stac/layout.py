"""The layout of a published catalog: the path of each file, relative to the root.

::

    index.html                                    a page for people
    catalog.json                                  STAC root
    catalog.yml                                   intake
    items.parquet                                 the searchable index
    build-report.json                             what the last build did
    ATL03_007/collection.json
    ATL03_007/cycle-01/catalog.json
    ATL03_007/cycle-01/2018-10-14/catalog.json
    ATL03_007/cycle-01/2018-10-14/ATL03_20181014031924_02370102_007_01.json
    ATL03_007/references/cycle-01/2018-10-14/ATL03_20181014031924_02370102_007_01.json.zst
                                                  and .json, where plain references were asked for

A cycle has some 91 days, and a day at most 220 granules, so no page is too long for STAC Browser.
Folder names have no dot: pystac would take such a folder for a file.

The collection and the index state their layout under :data:`LAYOUT_KEY`; without it, it is layout
1. There each beam had a reference file of its own: these are read, kept by builds, and replaced
when their granule is indexed again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import orjson

from catalog_builder.errors import CatalogLayoutError, ProductError
from catalog_builder.products.atl03 import BEAMS
from catalog_builder.products.granule_name import ID_PATTERN, GranuleName, day_of
from catalog_builder.safe_folder import SafeFolder

LAYOUT: Final = 2
"""Version of this layout."""

LAYOUT_KEY: Final = "catalog_builder:layout"
"""Field of the collection, and key in the metadata of the index, with the layout's version."""

CATALOG: Final = "catalog.json"
COLLECTION: Final = "collection.json"
CATALOG_YML: Final = "catalog.yml"
INDEX: Final = "items.parquet"
PAGE: Final = "index.html"
REPORT: Final = "build-report.json"

ROOT_FILES: Final = (INDEX, CATALOG_YML, PAGE, CATALOG, REPORT)
"""Files of the root, in the order in which they are published."""

REFERENCES: Final = "references"
"""Key of the asset of a granule's reference file."""

OLDER_REFERENCES: Final = tuple(f"{REFERENCES}_{beam}" for beam in BEAMS)
"""Keys of the assets of layout 1: one for each beam."""

PLAIN_REFERENCES: Final = "plain_references"
"""Key of the asset of the same references as plain JSON, where they were asked for."""

REFERENCE_KEYS: Final = (REFERENCES, PLAIN_REFERENCES, *OLDER_REFERENCES)

_COLLECTION = r"[A-Z0-9]+_[0-9]{3}"
_CYCLE, _DATE = r"cycle-[0-9]{2}", r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_PAGE = re.compile(rf"{_COLLECTION}/(collection\.json|{_CYCLE}/({_DATE}/)?catalog\.json)")
_ITEM = re.compile(rf"{_COLLECTION}/{_CYCLE}/{_DATE}/{ID_PATTERN}\.json")
_DAYS = (re.compile(_CYCLE), re.compile(_DATE))
_FOLDERS = (re.compile(_COLLECTION), *_DAYS)
_REFERENCE_FOLDERS = (re.compile(_COLLECTION), re.compile(REFERENCES), *_DAYS)
_REFERENCE = re.compile(
    rf"(?P<collection>{_COLLECTION})/{REFERENCES}/"
    rf"(?P<item>.+?)(?P<suffix>(_({'|'.join(BEAMS)}))?)\.json(?P<packed>\.zst)?"
)


def cycle_folder(collection: str, cycle: int) -> str:
    """Folder of a cycle."""
    return f"{collection}/cycle-{cycle:02d}"


def day_folder(collection: str, cycle: int, date: str) -> str:
    """Folder of a day, ``2018-10-14``, in a cycle. A day may be part of two cycles."""
    return f"{cycle_folder(collection, cycle)}/{date}"


def item_path(collection: str, name: GranuleName) -> str:
    """Path of a granule's STAC Item."""
    return path_of(collection, name.id)


def path_of(collection: str, granule: str) -> str:
    """Path of the STAC Item of a granule, given by its id, which must be valid."""
    return f"{day_folder(collection, *day_of(granule))}/{granule}.json"


def references_path(collection: str, name: GranuleName, key: str = REFERENCES) -> str:
    """Path of a granule's reference file, by its asset's key: that of all beams by default."""
    granule = name.id
    folder = day_folder(f"{collection}/{REFERENCES}", *day_of(granule))
    if key == PLAIN_REFERENCES:
        return f"{folder}/{granule}.json"
    return f"{folder}/{granule}{key.removeprefix(REFERENCES)}.json.zst"


def require_known_layout(found: Any, href: str) -> None:
    """Raise CatalogLayoutError unless this version reads the layout that a document tells."""
    if not re.fullmatch("[0-9]{1,9}", f"{found}") or int(found) > LAYOUT:
        raise CatalogLayoutError(
            f"{href} is of layout {f'{found}'[:20]!r} of a catalog, and this version reads up to "
            f"{LAYOUT}: use a newer catalog-builder."
        )


def require_known_collections(folder: SafeFolder) -> None:
    """Raise CatalogLayoutError for a folder with a collection of a layout newer than this one."""
    for entry in folder.entries():
        if not re.fullmatch(_COLLECTION, entry.name):
            continue
        path = f"{entry.name}/{COLLECTION}"
        try:
            known = orjson.loads(folder.read(path) or b"{}")
        except orjson.JSONDecodeError:
            continue  # damaged: who reads it says so
        if isinstance(known, dict):
            require_known_layout(known.get(LAYOUT_KEY, 1), str(folder.root / path))


def is_collection(collection: object) -> bool:
    """True if this can be the id of a collection, and so the name of its folder."""
    return isinstance(collection, str) and re.fullmatch(_COLLECTION, collection) is not None


def is_item(path: str) -> bool:
    """True if this is the path of an item in this layout."""
    if not _ITEM.fullmatch(path):
        return False
    try:
        GranuleName.parse(path)
    except ProductError:
        return False
    granule = path.rpartition("/")[2].removesuffix(".json")
    return path == path_of(path.partition("/")[0], granule)


def is_published(path: str) -> bool:
    """True if a build writes a file of this path."""
    return path in ROOT_FILES or bool(_PAGE.fullmatch(path)) or is_item(path)


def is_reference(path: str) -> bool:
    """True if this is the path of a reference file, in this layout or in layout 1."""
    return _reference(path) is not None


def is_ours(path: str) -> bool:
    """True if this is the path of a file of the layout, which may be written."""
    return is_published(path) or is_reference(path)


def is_removable(path: str) -> bool:
    """True if a build may remove the file at this path. Files of the root are only replaced."""
    return path not in ROOT_FILES and is_ours(path)


def published_files(folder: SafeFolder) -> Iterator[str]:
    """Paths of all files of the layout in a folder, without references; ignores other files.

    Raises :class:`~catalog_builder.errors.FolderError` for a link, or anything else that is not
    a file, at such a path.
    """
    return _files(folder, _FOLDERS, is_published)


def reference_files(folder: SafeFolder) -> Iterator[tuple[str, str, str]]:
    """All reference files in a folder: path, path of the item it belongs to, and asset's key.

    The item may be missing, or not name the file. Raises as :func:`published_files`.
    """
    for path in _files(folder, _REFERENCE_FOLDERS, is_reference):
        if found := _reference(path):
            yield path, *found


def _reference(path: str) -> tuple[str, str] | None:
    """Path of the item that a reference file belongs to, and its asset's key; else None."""
    found = _REFERENCE.fullmatch(path)
    if found is None:
        return None
    item = f"{found['collection']}/{found['item']}.json"
    if not is_item(item) or (found["suffix"] and not found["packed"]):
        return None
    return item, f"{REFERENCES}{found['suffix']}" if found["packed"] else PLAIN_REFERENCES


def optional_assets(keys: Iterable[str]) -> frozenset[str]:
    """Those among keys of assets that few catalogs have; all keys of layout 1 for one of them."""
    known = frozenset(keys)
    older = () if known.isdisjoint(OLDER_REFERENCES) else OLDER_REFERENCES
    return known & {PLAIN_REFERENCES} | frozenset(older)


def _files(
    folder: SafeFolder,
    patterns: tuple[re.Pattern[str], ...],
    wanted: Callable[[str], bool],
    inside: str = "",
) -> Iterator[str]:
    """Wanted paths in a folder, and in the folders below it whose names match the patterns."""
    entries = folder.entries(inside)
    for name, _, is_file in entries:
        path = f"{inside}{'/' if inside else ''}{name}"
        if wanted(path):
            if not is_file:
                folder.refuse(path)
            yield path
    if not patterns:
        return
    for name, is_folder, is_file in entries:
        path = f"{inside}{'/' if inside else ''}{name}"
        if patterns[0].fullmatch(name):
            if not is_folder and not is_file:
                folder.refuse(path)
            if is_folder:
                yield from _files(folder, patterns[1:], wanted, path)
