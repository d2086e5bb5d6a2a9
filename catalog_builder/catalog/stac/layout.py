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
    ATL03_007/references/cycle-01/2018-10-14/ATL03_20181014031924_02370102_007_01_gt1l.json.zst

A cycle has some 91 days, a day at most 220 granules: no page is too long for STAC Browser.
Folder names hold no dot: pystac would take such a folder for a file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, cast

from catalog_builder.atl03 import BEAMS, Beam, GranuleName, day_of
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
_DAYS = (re.compile(r"cycle-\d{2}"), re.compile(r"\d{4}-\d{2}-\d{2}"))
_FOLDERS = (re.compile(_COLLECTION), *_DAYS)
_REFERENCES = "references"
_REFERENCE_FOLDERS = (re.compile(_COLLECTION), re.compile(_REFERENCES), *_DAYS)
_REFERENCE = re.compile(
    rf"(?P<collection>{_COLLECTION})/{_REFERENCES}/"
    rf"(?P<item>.+)_(?P<beam>{'|'.join(BEAMS)})\.json\.zst"
)


def cycle_folder(collection: str, cycle: int) -> str:
    """Folder of a cycle."""
    return f"{collection}/cycle-{cycle:02d}"


def day_folder(collection: str, cycle: int, date: str) -> str:
    """Folder of a day, ``2018-10-14``, in a cycle: two cycles may share one."""
    return f"{cycle_folder(collection, cycle)}/{date}"


def item_path(collection: str, name: GranuleName) -> str:
    """Path of a granule's STAC Item."""
    return path_of(collection, name.id)


def path_of(collection: str, granule: str) -> str:
    """Path of a granule's STAC Item, by an id that is known to be one."""
    return f"{day_folder(collection, *day_of(granule))}/{granule}.json"


def references_path(collection: str, name: GranuleName, beam: Beam) -> str:
    """Path of the reference set of one of a granule's beams."""
    granule = name.id
    folder = day_folder(f"{collection}/{_REFERENCES}", *day_of(granule))
    return f"{folder}/{granule}_{beam}.json.zst"


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
    return filter(is_published, _files(root, _FOLDERS))


def reference_files(root: Path) -> Iterator[tuple[str, str, Beam]]:
    """All reference sets that lie in a folder: path, path of the item they belong to, beam.

    The item need not be there, nor name them.
    """
    for path in _files(root, _REFERENCE_FOLDERS):
        found = _REFERENCE.fullmatch(path)
        if found is None:
            continue
        collection, item, beam = found["collection"], found["item"], cast("Beam", found["beam"])
        if is_item(f"{collection}/{item}.json"):
            yield path, f"{collection}/{item}.json", beam


def _files(root: Path, patterns: tuple[re.Pattern[str], ...]) -> Iterator[str]:
    """Paths of the files in a folder, and in the folders below it that these patterns name."""
    for folder, folders, files in os.walk(root):
        inside = Path(folder).relative_to(root)
        depth = len(inside.parts)
        pattern = patterns[depth] if depth < len(patterns) else None
        folders[:] = sorted(each for each in folders if pattern and pattern.fullmatch(each))
        for name in sorted(files):
            yield (inside / name).as_posix()
