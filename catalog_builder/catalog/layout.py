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

import re
from typing import Final

from catalog_builder.atl03 import GranuleName

CATALOG: Final = "catalog.json"
COLLECTION: Final = "collection.json"
CARD: Final = "catalog.yml"
INDEX: Final = "items.parquet"
REPORT: Final = "build-report.json"

_CYCLE = re.compile(r"cycle-(\d{2})")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def cycle_folder(collection: str, name: GranuleName) -> str:
    """Folder of a granule's cycle."""
    return f"{collection}/cycle-{name.cycle:02d}"


def day_folder(collection: str, name: GranuleName) -> str:
    """Folder of a granule's day, by the time in its name."""
    return f"{cycle_folder(collection, name)}/{name.start:%Y-%m-%d}"


def item_path(collection: str, name: GranuleName) -> str:
    """Path of a granule's STAC Item."""
    return f"{day_folder(collection, name)}/{name.id}.json"


def is_page(path: str, collection: str) -> bool:
    """Whether ``path`` is one this layout gives to a cycle's or a day's page."""
    match path.split("/"):
        case [folder, cycle, "catalog.json"]:
            return folder == collection and bool(_CYCLE.fullmatch(cycle))
        case [folder, cycle, day, "catalog.json"]:
            return (
                folder == collection
                and bool(_CYCLE.fullmatch(cycle))
                and bool(_DAY.fullmatch(day))
            )
    return False


def is_item(path: str, collection: str) -> bool:
    """Whether ``path`` is the one this layout gives to the item that its last part names."""
    try:
        name = GranuleName.parse(path)
    except ValueError:
        return False
    return path == item_path(collection, name)
