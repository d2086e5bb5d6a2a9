"""The verb that adds beam references."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from published_catalog import publish

from earthdata_standin import EarthdataStandin
from tests.catalog.indexed_catalog import Item
from tests.commands.running import run


@pytest.fixture
def published(cloud: EarthdataStandin, tmp_path: Path) -> Path:
    """A catalog of four granules."""
    of_release = "C3326974349-NSIDC_CPRD"
    there = [
        record
        for record in cloud.world.granules
        if record["meta"]["collection-concept-id"] == of_release
        and "DIRECT ACCESS" in json.dumps(record["umm"]["RelatedUrls"])
    ]
    cloud.world = replace(cloud.world, granules=there[:4])
    return publish(tmp_path / "catalog")


def items(folder: Path) -> dict[Path, Item]:
    return {
        path: json.loads(path.read_bytes()) for path in sorted(folder.glob("*/cycle-*/*/ATL03_*"))
    }


def references(item: Item) -> dict[str, Item]:
    return {key: asset for key, asset in item["assets"].items() if key.startswith("references")}


def spoil(path: Path, change: Callable[[Item], None]) -> str:
    item = json.loads(path.read_bytes())
    change(item)
    path.write_text(json.dumps(item))
    return str(item["id"])


def test_granules_are_indexed_and_a_failure_is_shown(published: Path) -> None:
    answer = run("index", published, "--jobs", "1", "--limit", "2")
    assert answer.exit_code == 0, answer.output
    facts = dict(line.rsplit(maxsplit=1) for line in answer.stdout.splitlines())
    assert (facts["had references"], facts["indexed"], facts["failed"]) == ("0", "2", "0")
    path = next(path for path, item in items(published).items() if not references(item))
    spoil(path, lambda item: item["assets"].pop("data"))
    spoil(path, lambda item: item["assets"].pop("https"))
    answer = run("index", published, "--jobs", "2", "--json")
    report = json.loads(answer.stdout)
    assert (answer.exit_code, report["before"], len(report["failed"])) == (1, 2, 1)
    failed = answer.stderr.splitlines()[-1]
    assert failed.startswith(f"Failed: {report['failed'][0]['granule']}: Item ATL03_")
