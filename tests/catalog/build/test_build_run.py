"""One run of a build: what it refuses, and what it reports."""

from __future__ import annotations

from pathlib import Path

import pytest
from building import (
    build_from,
    records_of,
    times,
    tree,
)

from catalog_builder.catalog.build.staging_directory import STAGING
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.verify.checks import verify
from catalog_builder.errors import CatalogError, CmrUnavailableError
from earthdata_standin import EarthdataStandin
from tests.catalog.build.records import first_state, next_state, revise, usable


def test_a_catalog_may_have_its_items_in_the_index_alone(
    cloud: EarthdataStandin, tmp_path: Path
) -> None:
    out, whole = tmp_path / "out", tmp_path / "whole"
    build_from(cloud, out, usable(), items="none")
    build_from(cloud, whole, usable())
    assert sorted(path for path in tree(out) if "/" in path) == ["ATL03_007/collection.json"]
    assert tree(out)["items.parquet"] == tree(whole)["items.parquet"]
    assert verify(out).problems == ()
    written = times(out)
    assert build_from(cloud, out, usable(), items="none").files_written == 0
    assert times(out) == written
    report = build_from(cloud, out, usable()[2:], items="none")
    assert (report.mode, report.removed_count) == ("update", 2)
    assert len(ItemIndex.open(out)) == report.items
    with_files = build_from(cloud, out, usable())
    assert with_files.mode == "full"
    assert tree(out) == tree(whole)
    without = build_from(cloud, out, usable(), items="none")
    assert sorted(path for path in tree(out) if "/" in path) == ["ATL03_007/collection.json"]
    assert without.items == len(usable())


@pytest.mark.parametrize(
    ("left", "reason"),
    [(0, "CMR lists 0 granules"), (10, "holds 39 granules, but CMR lists only 10.*--full")],
)
def test_a_catalog_is_not_emptied_by_a_fault(
    cloud: EarthdataStandin, out: Path, left: int, reason: str
) -> None:
    build_from(cloud, out)
    before = tree(out)
    with pytest.raises(CatalogError, match=reason):
        build_from(cloud, out, records_of()[:left])
    assert tree(out) == before
    assert not (out / STAGING).exists()


def test_a_full_build_may_shrink_a_catalog(cloud: EarthdataStandin, out: Path) -> None:
    build_from(cloud, out)
    report = build_from(cloud, out, records_of()[:10], full=True)
    assert (report.items, len(report.removed)) == (10, 29)
    assert verify(out).ok
    with pytest.raises(CatalogError, match="none can be in the catalog"):
        build_from(cloud, out, [], full=True)
    assert verify(out).ok


def test_records_that_can_no_longer_be_read_do_not_empty_a_catalog(
    cloud: EarthdataStandin, out: Path
) -> None:
    build_from(cloud, out)
    before = tree(out)
    records = records_of()
    for record in records:
        revise(record)
        for link in record["umm"]["RelatedUrls"]:
            link["Type"] = "GET SERVICE"
    for record in records[:5]:
        record["umm"] = records_of()[records.index(record)]["umm"]
    with pytest.raises(
        CatalogError, match=r"CMR has usable records of only 5.*most often set aside: .*link"
    ):
        build_from(cloud, out, records)
    assert tree(out) == before


def test_nothing_is_written_where_there_is_nothing(cloud: EarthdataStandin, out: Path) -> None:
    with pytest.raises(CatalogError, match="CMR lists 0 granules for 'Everywhere'"):
        build_from(cloud, out, [])
    assert not out.exists()


def test_a_dry_run_writes_nothing_and_tells(cloud: EarthdataStandin, out: Path) -> None:
    report = build_from(cloud, out, first_state(), dry_run=True)
    assert (len(report.added), report.dry_run) == (report.items, True)
    assert not out.exists()
    build_from(cloud, out, first_state())
    before = tree(out)
    report = build_from(cloud, out, next_state(), dry_run=True)
    assert (len(report.added), len(report.changed)) == (1, 2)
    assert len(report.removed) == 5
    assert tree(out) == before


def test_cmr_failing_midway_leaves_all_as_it_was(cloud: EarthdataStandin, out: Path) -> None:
    build_from(cloud, out, first_state())
    before = tree(out)
    cloud.faults.unavailable = 1000
    try:
        with pytest.raises(CmrUnavailableError):
            build_from(cloud, out, next_state())
    finally:
        cloud.faults.unavailable = 0
    assert tree(out) == before
    assert not (out / STAGING).exists()
