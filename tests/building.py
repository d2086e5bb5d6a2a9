"""Catalogs built from the stand-in's CMR, and what a reader of their folder sees."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from catalog_builder.catalog.build.build import build
from catalog_builder.catalog.build.report import BuildReport
from catalog_builder.catalog.cmr.client import CmrClient
from catalog_builder.catalog.definition import Definition
from catalog_builder.catalog.index.item_index import ItemIndex
from earthdata_standin import EarthdataStandin, World

DEFINITION = Definition(
    name="everywhere", title="Everywhere", short_name="ATL03", version="007", provider="NSIDC_CPRD"
)
WORLD = World.simulate(granules=40)
CLOUD_007 = "C3326974349-NSIDC_CPRD"

Record = dict[str, Any]


def records_of(world: World = WORLD) -> list[Record]:
    """The records of release 007 in the cloud, free to be changed."""
    found = [r for r in world.granules if r["meta"]["collection-concept-id"] == CLOUD_007]
    return copy.deepcopy(found)


def build_from(
    cloud: EarthdataStandin,
    out: Path,
    records: Sequence[Record] | None = None,
    definition: Definition = DEFINITION,
    world: World = WORLD,
    **options: Any,
) -> BuildReport:
    """Build from these records: those of the simulated world unless given."""
    cloud.world = replace(world, granules=records_of() if records is None else records)
    client = CmrClient(cloud.cmr_url, sleep=lambda _: None)
    with client:
        return build(definition, out, client=client, **options)


def tree(folder: Path) -> dict[str, str]:
    """Digest of each file, without the report."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "build-report.json"
    }


def times(folder: Path) -> dict[str, int]:
    """When each file was written, without the report."""
    return {path: (folder / path).stat().st_mtime_ns for path in tree(folder)}


def broken(folder: Path) -> list[str]:
    """What a reader who starts at a pointer finds missing or half; nothing is right."""
    found = []
    pages = [folder / "catalog.json"] if (folder / "catalog.json").exists() else []
    while pages:
        page = pages.pop()
        try:
            links = json.loads(page.read_bytes())["links"]
        except (FileNotFoundError, json.JSONDecodeError) as error:
            found.append(f"{page}: {error}")
            continue
        pages += [page.parent / link["href"] for link in links if link["rel"] in ("child", "item")]
    if (folder / "items.parquet").exists():
        for item in ItemIndex.open(folder):
            if not Path(item.get_self_href() or "").is_file():
                found.append(f"items.parquet: {item.id}")  # noqa: PERF401
    return found


def once(step: int, act: Callable[[], None]) -> Callable[[Any], None]:
    """A reporter that acts at one step of the publishing."""

    def report(progress: Any) -> None:
        if progress.stage == "publishing" and progress.done == step:
            act()

    return report
