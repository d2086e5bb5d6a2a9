"""The report of the last build: where it cannot be used, all records are read."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from building import (
    build_from,
    tree,
)

from catalog_builder.catalog.verify.checks import verify
from earthdata_standin import EarthdataStandin
from tests.catalog.build.damage import DAMAGES, RECORDS, damage


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("how", DAMAGES)
def test_with_a_damaged_report_all_records_are_read(
    cloud: EarthdataStandin,
    folder: Path,
    built: Path,
    caplog: pytest.LogCaptureFixture,
    how: str,
    full: bool,
) -> None:
    damage(folder, "build-report.json", how)
    report = build_from(cloud, folder, RECORDS, full=full)
    assert "build-report.json cannot be used" in caplog.text
    assert report.mode == "full"
    assert report.read == len(RECORDS)
    assert tree(folder) == tree(built)
    assert verify(folder).ok


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("asked", "9999-01-01T00:00:00Z"),
        ("listed", "2999-01-01T00:00:00Z"),
        ("asked", "0001-01-01T00:00:00Z"),
        ("asked", "yesterday"),
        ("hits", "many"),
        ("hits", 1e999),
        ("set_aside", [{"granule_ur": 1, "concept_id": "C", "reason": "R"}]),
        ("set_aside", ["x"]),
        ("set_aside", [{}]),
        ("recipe", None),
    ],
)
def test_a_report_that_cannot_be_is_not_used(
    cloud: EarthdataStandin, folder: Path, key: str, value: object
) -> None:
    path = folder / "build-report.json"
    path.write_bytes(orjson.dumps({**orjson.loads(path.read_bytes()), key: value}))
    assert build_from(cloud, folder, RECORDS).mode == "full"
    assert build_from(cloud, folder, RECORDS).mode == "update"
