"""A catalog of which some granules are indexed: its items and reference files."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import orjson
from building import Record, records_of
from older_references import older_item

from catalog_builder.catalog.build.publish import PublishedFolder
from catalog_builder.catalog.stac.beam_assets import add_references
from catalog_builder.catalog.stac.layout import reference_files, references_path
from catalog_builder.products.granule_name import GranuleName
from catalog_builder.safe_folder import SafeFolder

Item = dict[str, Any]


def some_sized() -> list[Record]:
    """The records, of which every other one tells its file's size."""
    records = records_of()
    for number, record in enumerate(records[::2]):
        files = record["umm"]["DataGranule"]["ArchiveAndDistributionInformation"]
        files[0]["SizeInBytes"] = 1_000_000 + number
    return records


def index(
    folder: PublishedFolder, path: str, item: Item, *, beams: tuple[Any, ...], older: bool
) -> None:
    """Publish references that hold nothing in particular; ``older`` as layout 1 has them."""
    name = GranuleName.parse(item["id"])
    facts = {
        "strength": "weak",
        "spot": 2,
        "photons": 1000,
        "track": [[10.0, 5.25], [9.5, 7.125]],
    }
    bodies = {beam: f"{name.id} {beam}".encode() for beam in beams}
    known = {}
    for place, (beam, body) in enumerate(bodies.items()):
        frame = {"offset": place * len(body), "length": len(body), "crc32": zlib.crc32(body)}
        known[beam] = {**facts, "references": frame}
    whole = b"".join(bodies.values())
    add_references(item, path, size=len(whole), beams=known, orientation=1)
    if older:
        item = older_item(item, {beam: len(body) for beam, body in bodies.items()})
        for beam, body in bodies.items():
            file = references_path(item["collection"], name, f"references_{beam}")
            folder.write(file, body)
    else:
        folder.write(references_path(item["collection"], name), whole)
    folder.write(path, orjson.dumps(item))


def item_files(folder: Path) -> dict[str, Item]:
    return {
        path.relative_to(folder).as_posix(): json.loads(path.read_bytes())
        for path in sorted(folder.glob("ATL03_007/cycle-*/*/ATL03_*.json"))
    }


def indexed(folder: Path) -> list[Path]:
    """Items that have references."""
    items = item_files(folder).items()
    return [folder / path for path, item in items if "references" in item["assets"]]


def sets(folder: Path) -> dict[str, int]:
    """How many reference files there are of each granule."""
    found: dict[str, int] = {}
    for _, item, _ in reference_files(SafeFolder(folder)):
        found[Path(item).stem] = found.get(Path(item).stem, 0) + 1
    return found
