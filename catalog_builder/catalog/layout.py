"""Where each file of a published catalog lies, relative to its root.

::

    catalog.json                                  STAC root
    catalog.yml                                   intake
    items.parquet                                 the searchable index
    build-report.json                             what the last build did
    ATL03_007/collection.json
    ATL03_007/cycle-01/catalog.json
    ATL03_007/cycle-01/2018-10-14/catalog.json
    ATL03_007/cycle-01/2018-10-14/ATL03_20181014031924_02370102_007_01.json

A cycle has some 91 days, a day at most 220 granules: no page is too long for STAC Browser.
Folder names hold no dot: pystac would take such a folder for a file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from catalog_builder.atl03 import GranuleName
from catalog_builder.errors import NotATL03Error

CATALOG: Final = "catalog.json"
COLLECTION: Final = "collection.json"
CARD: Final = "catalog.yml"
INDEX: Final = "items.parquet"
REPORT: Final = "build-report.json"

ROOT_FILES: Final = (INDEX, CARD, CATALOG, REPORT)
"""In the order in which they are published."""

_COLLECTION = r"[A-Z0-9]+_\d{3}"
_PAGE = re.compile(
    rf"{_COLLECTION}/(collection\.json|cycle-\d{{2}}/(\d{{4}}-\d{{2}}-\d{{2}}/)?catalog\.json)"
)
_FOLDERS = (
    re.compile(_COLLECTION),
    re.compile(r"cycle-\d{2}"),
    re.compile(r"\d{4}-\d{2}-\d{2}"),
)


def cycle_folder(collection: str, name: GranuleName) -> str:
    """Folder of a granule's cycle."""
    return f"{collection}/cycle-{name.cycle:02d}"


def day_folder(collection: str, name: GranuleName) -> str:
    """Folder of a granule's day, by the time in its name."""
    return f"{cycle_folder(collection, name)}/{name.start:%Y-%m-%d}"


def item_path(collection: str, name: GranuleName) -> str:
    """Path of a granule's STAC Item."""
    return f"{day_folder(collection, name)}/{name.id}.json"


def is_item(path: str) -> bool:
    """Whether this is the path that the layout gives to the item it names."""
    try:
        return path == item_path(path.partition("/")[0], GranuleName.parse(path))
    except NotATL03Error:
        return False


def is_published(path: str) -> bool:
    """Whether the layout has a file of this path, so that a build may replace or remove it."""
    return path in ROOT_FILES or bool(_PAGE.fullmatch(path)) or is_item(path)


def published_files(root: Path) -> Iterator[str]:
    """Paths of all files of the layout that lie in a folder; anything else there is passed by."""
    for folder, folders, files in os.walk(root):
        inside = Path(folder).relative_to(root)
        depth = len(inside.parts)
        pattern = _FOLDERS[depth] if depth < len(_FOLDERS) else None
        folders[:] = sorted(each for each in folders if pattern and pattern.fullmatch(each))
        for name in sorted(files):
            path = (inside / name).as_posix()
            if is_published(path):
                yield path
