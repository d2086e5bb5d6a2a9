"""Builds of many records: in processes, with several queries at once, resumed."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from building import DEFINITION, WORLD, Record, build_from, records_of, times, tree

from catalog_builder.catalog.build import fetch_pages
from catalog_builder.catalog.build.publish import PublishedFolder
from catalog_builder.catalog.build.staging_directory import STAGING
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.verify.checks import verify
from catalog_builder.errors import CatalogError, CmrUnavailableError
from earthdata_standin import LocalCloud


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(world=WORLD) as cloud:
        yield cloud


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch_pages, "PAGE", 7)


def now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000Z}"


def file_of(record: Record) -> str:
    """Name of a record's granule."""
    found = re.search(r"ATL03_\d{14}_\d{8}_\d{3}_\d{2}", json.dumps(record["umm"]["RelatedUrls"]))
    assert found is not None
    return found[0]


def next_file(record: Record) -> Record:
    """The record of the granule's next revision, a file and a record of its own."""
    old = file_of(record)
    text = json.dumps(record).replace(old, f"{old[:-2]}{int(old[-2:]) + 1:02d}")
    new: Record = json.loads(text)
    new["meta"] |= {"concept-id": "G900-NSIDC_CPRD", "revision-id": 1, "revision-date": now()}
    return new


def usable() -> list[Record]:
    """Records that become items, each of a granule of its own."""
    data = re.compile(r"s3://nsidc-cumulus-prod-protected/[^\"]*\.h5")
    return [r for r in records_of() if data.search(json.dumps(r["umm"]["RelatedUrls"]))]


@pytest.mark.parametrize("at_once", [1, 3])
def test_processes_and_queries_at_once_give_the_same_bytes(
    cloud: LocalCloud,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    small_pages: None,
    at_once: int,
) -> None:
    build_from(cloud, tmp_path / "plain", jobs=1)
    monkeypatch.setattr(fetch_pages, "_FEW", 0)
    report = build_from(cloud, tmp_path / "other", jobs=2, at_once=at_once)
    assert tree(tmp_path / "other") == tree(tmp_path / "plain")
    assert (report.hits, report.read, report.items) == (40, 40, 39)


@pytest.mark.parametrize("at_once", [0, 5])
def test_cmr_is_not_asked_more_at_once_than_it_likes(
    cloud: LocalCloud, tmp_path: Path, at_once: int
) -> None:
    with pytest.raises(CatalogError, match="1 to 4"):
        build_from(cloud, tmp_path / "out", at_once=at_once)


def test_all_wait_where_cmr_asks_one_to_wait(cloud: LocalCloud, tmp_path: Path) -> None:
    build_from(cloud, tmp_path / "plain")
    cloud.faults.retry_after = 2
    try:
        build_from(cloud, tmp_path / "other", at_once=4)
    finally:
        cloud.faults.retry_after = 0
    assert tree(tmp_path / "other") == tree(tmp_path / "plain")


def test_an_interrupted_build_is_resumed_after_the_last_page(
    cloud: LocalCloud, tmp_path: Path, small_pages: None
) -> None:
    build_from(cloud, tmp_path / "plain")
    out = tmp_path / "out"
    seen: list[int] = []

    def stop(progress: Any) -> None:
        if progress.stage == "reading CMR":
            seen.append(progress.done)
            if progress.done >= 21:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_from(cloud, out, progress=stop)
    assert (out / STAGING).is_dir()
    assert not (out / "catalog.json").exists()
    went: list[int] = []
    build_from(cloud, out, progress=lambda p: went.append(p.done) if p.total == 40 else None)
    assert went[0] > 21
    assert tree(out) == tree(tmp_path / "plain")
    assert not (out / STAGING).exists()


def test_an_interrupted_build_is_not_resumed_for_another_catalog(
    cloud: LocalCloud, tmp_path: Path, small_pages: None
) -> None:
    out = tmp_path / "out"

    def stop(progress: Any) -> None:
        if progress.stage == "reading CMR" and progress.done >= 14:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_from(cloud, out, progress=stop)
    boxed = replace(DEFINITION, bounding_box=(-180.0, 0.0, 180.0, 90.0))
    build_from(cloud, out, definition=boxed)
    build_from(cloud, tmp_path / "plain", definition=boxed)
    assert tree(out) == tree(tmp_path / "plain")


def test_a_listing_that_lacks_records_is_not_resumed(
    cloud: LocalCloud, tmp_path: Path, small_pages: None
) -> None:
    out = tmp_path / "out"
    cloud.faults.unavailable = 1000
    try:
        with pytest.raises(CmrUnavailableError):
            build_from(cloud, out)
    finally:
        cloud.faults.unavailable = 0
    assert not out.exists()
    build_from(cloud, out)
    assert verify(out).ok


def test_a_later_file_of_a_granule_takes_its_place(cloud: LocalCloud, tmp_path: Path) -> None:
    records = usable()
    out, afresh = tmp_path / "out", tmp_path / "afresh"
    build_from(cloud, out, records)
    old, new = file_of(records[3]), next_file(records[3])
    both = build_from(cloud, out, [*records, new])
    assert (both.added, both.removed, both.mode) == ((file_of(new),), (old,), "update")
    whole = build_from(cloud, afresh, [*records, new])
    assert [one.reason for one in whole.set_aside if "later revision" in one.reason]
    assert tree(out) == tree(afresh)
    assert verify(out).ok
    # When the later one goes, the earlier one is there again.
    back = build_from(cloud, out, records)
    assert (back.added, back.removed, back.mode) == ((old,), (file_of(new),), "update")
    assert verify(out).ok


def test_an_update_reads_only_what_was_revised(cloud: LocalCloud, tmp_path: Path) -> None:
    records = usable()
    out, afresh = tmp_path / "out", tmp_path / "afresh"
    build_from(cloud, out, records)
    changed = copy.deepcopy(records)
    changed[0]["meta"] |= {"revision-id": 9, "revision-date": now()}
    del changed[5:7]
    report = build_from(cloud, out, changed)
    assert (report.mode, report.read) == ("update", 1)
    assert (report.added_count, report.changed_count, report.removed_count) == (0, 1, 2)
    build_from(cloud, afresh, changed)
    assert tree(out) == tree(afresh)


def test_records_that_became_useless_leave_the_catalog(cloud: LocalCloud, tmp_path: Path) -> None:
    records = usable()
    build_from(cloud, tmp_path / "out", records)
    changed = copy.deepcopy(records)
    changed[4]["meta"] |= {"revision-id": 9, "revision-date": now()}
    del changed[4]["umm"]["TemporalExtent"]
    report = build_from(cloud, tmp_path / "out", changed)
    assert (report.mode, report.removed) == ("update", (file_of(records[4]),))
    assert "TemporalExtent" in report.set_aside[-1].reason
    build_from(cloud, tmp_path / "afresh", changed)
    assert tree(tmp_path / "out") == tree(tmp_path / "afresh")
    again = build_from(cloud, tmp_path / "out", changed)
    assert again.set_aside == report.set_aside


def test_another_definition_is_read_anew(cloud: LocalCloud, tmp_path: Path) -> None:
    build_from(cloud, tmp_path / "out")
    boxed = replace(DEFINITION, bounding_box=(-180.0, -90.0, 180.0, 60.0))
    report = build_from(cloud, tmp_path / "out", definition=boxed)
    assert report.mode == "full"
    assert build_from(cloud, tmp_path / "out", definition=boxed).mode == "update"
    assert build_from(cloud, tmp_path / "out", definition=boxed, full=True).mode == "full"


def test_a_catalog_may_have_its_items_in_the_index_alone(
    cloud: LocalCloud, tmp_path: Path
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


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("moment", range(7))
def test_what_is_published_passes_at_every_moment_of_publishing(
    cloud: LocalCloud,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    first: bool,
    moment: int,
) -> None:
    """Killed at a step, or just before the report is written, which comes after all of them."""
    out, records = tmp_path / "out", usable()
    if not first:
        build_from(cloud, out, records[3:])

    def die(*_: object) -> None:
        raise SystemExit

    def look(progress: Any) -> None:
        if progress.stage == "publishing" and progress.done == moment * (1 if first else 3):
            raise SystemExit

    monkeypatch.setattr(PublishedFolder, "write", die)
    with pytest.raises(SystemExit):
        build_from(cloud, out, records[:-2], progress=look)
    monkeypatch.undo()
    if (out / "catalog.json").exists():
        assert verify(out).problems == ()
    build_from(cloud, out, records[:-2])
    build_from(cloud, tmp_path / "afresh", records[:-2])
    assert tree(out) == tree(tmp_path / "afresh")
    assert verify(out).problems == ()
