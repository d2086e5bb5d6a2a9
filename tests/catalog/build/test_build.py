from __future__ import annotations

import re
from pathlib import Path

import pytest
from building import (
    DEFINITION,
    build_from,
    records_of,
    times,
    tree,
)

from catalog_builder.catalog.build.build import build
from catalog_builder.catalog.cmr.client import CmrClient
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.verify.checks import verify
from catalog_builder.errors import DefinitionError
from earthdata_standin import EarthdataStandin


def test_what_is_built_is_verified(cloud: EarthdataStandin, out: Path, schemas: Path) -> None:
    build_from(cloud, out)
    report = verify(out, schemas=schemas)
    assert (report.problems, report.notes) == ((), ())
    assert report.items == report.index_rows == report.items_read == 39


def test_a_rerun_with_nothing_new_changes_no_file_but_the_report(
    cloud: EarthdataStandin, out: Path
) -> None:
    build_from(cloud, out)
    before, written = tree(out), times(out)
    stamp = (out / "build-report.json").stat().st_mtime_ns
    report = build_from(cloud, out)
    assert (tree(out), times(out)) == (before, written)
    assert (out / "build-report.json").stat().st_mtime_ns > stamp
    assert (report.files_written, report.unchanged, report.added) == (0, 39, ())


def test_the_same_records_give_the_same_bytes_in_any_order(
    cloud: EarthdataStandin, out: Path, tmp_path: Path
) -> None:
    records = records_of()
    build_from(cloud, out, records)
    for record in records:  # the stand-in sorts by it
        record["meta"]["revision-id"] = 1
        record["meta"]["revision-date"] = "2026-01-01T00:00:00.000Z"
    build_from(cloud, tmp_path / "a", records)
    build_from(cloud, tmp_path / "b", records[::-1])
    assert tree(tmp_path / "a") == tree(tmp_path / "b") != tree(out)


def test_definitions_are_read_from_their_path(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="no definition"):
        build(tmp_path / "nothing", tmp_path / "out")


def test_the_real_records_are_all_there(real_data: Path, tmp_path: Path) -> None:
    records = real_data / "cmr" / "atl03_v007_granules.umm.jsonl"
    with EarthdataStandin(records=records) as cloud, CmrClient(cloud.cmr_url) as client:
        report = build(DEFINITION, tmp_path / "out", client=client)
    assert (report.hits, report.items, report.set_aside) == (1408, 1408, ())
    ids = ItemIndex.open(tmp_path / "out").ids
    assert len(set(ids)) == 1408
    assert all(re.fullmatch(r"ATL03_\d{14}_\d{8}_007_\d\d", each) for each in ids)
