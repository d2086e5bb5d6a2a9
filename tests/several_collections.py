"""Catalogs of several collections: photons of two releases, canopy, and sea floor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pystac
from building import Record, build_from

from catalog_builder.catalog.build.report import BuildReport
from catalog_builder.catalog.definition import Definition
from catalog_builder.catalog.index.item_index import ItemIndex
from earthdata_standin import EarthdataStandin, World
from earthdata_standin.sibling_records import SIBLINGS, with_siblings

SEVERAL = Definition.read(
    "several",
    """
title = "Photons, canopy and sea floor"
provider = "NSIDC_CPRD"

[[collections]]
short_name = "ATL03"
version = "007"

[[collections]]
short_name = "ATL08"
version = "007"

[[collections]]
short_name = "ATL03"
version = "006"

[[collections]]
short_name = "ATL24"
version = "002"
""",
)
COLLECTIONS = [one.collection_id for one in SEVERAL.each]
EVERYTHING = with_siblings(World.simulate(granules=30), ("ATL08", "ATL24"))
ATL08 = SIBLINGS["ATL08", "007"]


def everything() -> list[Record]:
    """All records, free to be changed."""
    records: list[Record] = json.loads(json.dumps(EVERYTHING.granules))
    return records


def of(records: list[Record], concept: str) -> list[Record]:
    """Those of a collection."""
    return [one for one in records if one["meta"]["collection-concept-id"] == concept]


def without(records: list[Record], concept: str) -> list[Record]:
    """Those of the other collections."""
    return [one for one in records if one["meta"]["collection-concept-id"] != concept]


def build_several(
    cloud: EarthdataStandin,
    folder: Path,
    records: list[Record] | None = None,
    definition: Definition = SEVERAL,
    **options: Any,
) -> BuildReport:
    """Build from these records, of all collections; by default all."""
    records = everything() if records is None else records
    return build_from(cloud, folder, records, definition, world=EVERYTHING, jobs=1, **options)


def items_of(folder: Path) -> dict[str, pystac.Item]:
    """The items of a catalog, by their ids."""
    return {item.id: item for item in ItemIndex.open(folder)}


def a_pair(folder: Path) -> tuple[str, str]:
    """An ATL03 granule and its ATL08 one."""
    pairs = ((key, item.properties.get("icesat2:atl08")) for key, item in items_of(folder).items())
    return next((key, sibling) for key, sibling in pairs if sibling)
