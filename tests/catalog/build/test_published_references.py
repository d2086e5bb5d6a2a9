"""Published references: which of them stay through a rebuild, and which go."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from building import Record, broken, build_from, once, times, tree

from catalog_builder.catalog.build.staging_directory import STAGING
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.verify.checks import verify
from earthdata_standin import EarthdataStandin
from tests.catalog.indexed_catalog import indexed, item_files, sets, some_sized


def test_the_index_holds_the_items_as_they_are(indexed_built: Path) -> None:
    rows = {item["id"]: item for item in ItemIndex.open(indexed_built).dictionaries()}
    assert rows == {item["id"]: item for item in item_files(indexed_built).values()}
    found = sum("icesat2:beams" in item["properties"] for item in rows.values())
    assert 0 < found == len(sets(indexed_built)) < len(rows)


def test_a_rebuild_with_nothing_new_changes_no_file(
    cloud: EarthdataStandin, indexed_copy: Path
) -> None:
    before, written = tree(indexed_copy), times(indexed_copy)
    report = build_from(cloud, indexed_copy, some_sized())
    assert (tree(indexed_copy), times(indexed_copy)) == (before, written)
    assert report.files_written == 0


def revise(record: Record) -> None:
    record["meta"]["revision-id"] += 1
    record["meta"]["revision-date"] = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000Z}"


def resize(record: Record) -> None:
    revise(record)
    record["umm"]["DataGranule"]["ArchiveAndDistributionInformation"][0]["SizeInBytes"] = 77


def produce(record: Record) -> None:
    revise(record)
    record["umm"]["DataGranule"]["ProductionDateTime"] = "2026-01-01T00:00:00.000Z"


def rename(record: Record) -> None:
    revise(record)
    record["meta"]["concept-id"] = "G77-NSIDC_CPRD"


@pytest.mark.parametrize(
    ("change", "sized", "kept"),
    [
        (revise, True, True),
        (revise, False, False),
        (resize, True, False),
        (produce, True, False),
        (rename, True, False),
    ],
)
def test_references_stay_where_the_file_is_the_same(
    cloud: EarthdataStandin,
    indexed_copy: Path,
    change: Callable[[Record], None],
    sized: bool,
    kept: bool,
) -> None:
    granule = next(
        path.stem
        for path in indexed(indexed_copy)
        if ("file:size" in json.loads(path.read_bytes())["assets"]["data"]) == sized
    )
    before = sets(indexed_copy)
    records = some_sized()
    change(next(r for r in records if granule in json.dumps(r["umm"]["RelatedUrls"])))
    report = build_from(cloud, indexed_copy, records)
    assert report.changed == (granule,)
    assert verify(indexed_copy).problems == ()
    if not kept:
        del before[granule]
    assert sets(indexed_copy) == before


def test_the_sets_of_removed_granules_go_last(cloud: EarthdataStandin, indexed_copy: Path) -> None:
    steps = []

    def look(progress: Any) -> None:
        if progress.stage == "publishing":
            steps.append(broken(indexed_copy) + dangling(indexed_copy))

    before = sets(indexed_copy)
    report = build_from(cloud, indexed_copy, some_sized()[5:], progress=look)
    assert report.removed
    assert steps == [[]] * len(steps)
    assert sets(indexed_copy) == {g: n for g, n in before.items() if g not in report.removed}
    folders = (path for path in indexed_copy.rglob("*") if path.is_dir())
    assert [path for path in folders if not any(path.iterdir())] == []


def dangling(folder: Path) -> list[str]:
    """Reference sets that an item names but that are not there."""
    return [
        f"{path}: {key}"
        for path, item in item_files(folder).items()
        for key, asset in item["assets"].items()
        if key.startswith("references")
        and not (folder / path).parent.joinpath(asset["href"]).is_file()
    ]


@pytest.mark.parametrize("step", [0, 3, 9])
def test_an_interrupted_rebuild_is_finished_by_the_next(
    cloud: EarthdataStandin, indexed_copy: Path, tmp_path: Path, step: int
) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    records = some_sized()[5:]
    other = Path(shutil.copytree(indexed_copy, tmp_path / "other"))
    with pytest.raises(KeyboardInterrupt):
        build_from(cloud, indexed_copy, records, progress=once(step, stop))
    assert broken(indexed_copy) + dangling(indexed_copy) == []
    build_from(cloud, indexed_copy, records)
    assert not (indexed_copy / STAGING).exists()
    build_from(cloud, other, records)
    assert tree(indexed_copy) == tree(other)


def test_a_dry_run_knows_what_would_change(cloud: EarthdataStandin, indexed_copy: Path) -> None:
    before = tree(indexed_copy)
    assert build_from(cloud, indexed_copy, some_sized(), dry_run=True).changed == ()
    assert tree(indexed_copy) == before


def test_a_set_that_is_lost_takes_the_others_with_it(
    cloud: EarthdataStandin, indexed_copy: Path
) -> None:
    granule = next(
        Path(path).stem
        for path, item in item_files(indexed_copy).items()
        if "references_gt3l" in item["assets"]
    )
    next(indexed_copy.rglob(f"{granule}_gt3l.json.zst")).unlink()
    report = build_from(cloud, indexed_copy, some_sized(), full=True)
    assert report.changed == (granule,)
    assert granule not in sets(indexed_copy)
    assert verify(indexed_copy).ok


@pytest.mark.parametrize("body", [b"[]", b'{"icesat2:beams": 1}', b'"icesat2:beams', b"{}"])
def test_a_damaged_item_is_made_anew(
    cloud: EarthdataStandin, indexed_copy: Path, body: bytes
) -> None:
    path = indexed(indexed_copy)[0]
    path.write_bytes(body)
    assert build_from(cloud, indexed_copy, some_sized(), full=True).changed == (path.stem,)
    assert path.stem not in sets(indexed_copy)
    assert verify(indexed_copy).ok
