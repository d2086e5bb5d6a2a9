"""Incremental builds: each gives the bytes of a full one."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

from building import DEFINITION, build_from, tree

from catalog_builder.catalog.verify.checks import verify
from earthdata_standin import EarthdataStandin
from tests.catalog.build.records import file_of, next_file, now, usable


def test_a_later_file_of_a_granule_takes_its_place(
    cloud: EarthdataStandin, tmp_path: Path
) -> None:
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


def test_an_update_reads_only_what_was_revised(cloud: EarthdataStandin, tmp_path: Path) -> None:
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


def test_records_that_became_useless_leave_the_catalog(
    cloud: EarthdataStandin, tmp_path: Path
) -> None:
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


def test_another_definition_is_read_anew(cloud: EarthdataStandin, tmp_path: Path) -> None:
    build_from(cloud, tmp_path / "out")
    boxed = replace(DEFINITION, bounding_box=(-180.0, -90.0, 180.0, 60.0))
    report = build_from(cloud, tmp_path / "out", definition=boxed)
    assert report.mode == "full"
    assert build_from(cloud, tmp_path / "out", definition=boxed).mode == "update"
    assert build_from(cloud, tmp_path / "out", definition=boxed, full=True).mode == "full"
