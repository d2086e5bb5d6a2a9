"""Granules of both layouts on disk, with references and as items."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from catalog_builder.atl03 import GranuleName, stem_of
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.catalog.stac.beam_assets import BEAM_FACTS
from catalog_builder.indexing.scan_task import ScannedGranule, ScanTask, scan_granule
from earthdata_standin import World


@dataclass(frozen=True, kw_only=True)
class Stored:
    """Granules of one release."""

    paths: list[Path]
    indexed: list[dict[str, Any]]
    """Their items, with references."""
    plain: list[dict[str, Any]]
    """The same without."""


@pytest.fixture(scope="session", params=["006", "007"])
def granules(
    request: pytest.FixtureRequest, world: World, tmp_path_factory: pytest.TempPathFactory
) -> Stored:
    """Over Juneau, across ±180 and at 88° south."""
    folder = tmp_path_factory.mktemp(f"references-{request.param}")
    newest = {
        stem_of(name.id): key
        for key in sorted(world.objects)
        if key.endswith(".h5") and (name := GranuleName.parse(key)).release == request.param
    }
    paths = [Path(str(world.objects.get(key))) for key in [*newest.values()][:7]]
    indexed, plain = [], []
    for path in paths:
        item = {
            "id": path.stem,
            "properties": {"datetime": None},
            "geometry": None,
            "links": [],
            "assets": {"data": {"href": str(path)}},
        }
        plain.append(item)
        task = ScanTask(granule=path.stem, links=GranuleLinks(local=str(path)), access="local")
        scanned = scan_granule(task)
        assert isinstance(scanned, ScannedGranule)
        (folder / f"{path.stem}.json.zst").write_bytes(scanned.references)
        facts = scanned.beams
        assets = {**item["assets"], "references": {"href": str(folder / f"{path.stem}.json.zst")}}
        indexed.append({**item, "properties": {BEAM_FACTS: facts}, "assets": assets})
    return Stored(paths=paths, indexed=indexed, plain=plain)
