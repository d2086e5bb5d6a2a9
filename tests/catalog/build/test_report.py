"""The report of a build, as it is published and read again."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from pathlib import Path

from building import build_from

from catalog_builder.catalog.build.changes import GranuleIds
from catalog_builder.catalog.build.last_report import LastBuild
from catalog_builder.catalog.build.report import MOST_LISTED, SetAside
from catalog_builder.safe_folder import SafeFolder
from earthdata_standin import EarthdataStandin


def test_what_is_published_is_what_the_build_returned(cloud: EarthdataStandin, out: Path) -> None:
    report = build_from(cloud, out)
    saved = json.loads((out / "build-report.json").read_bytes())
    plain = dataclasses.asdict(report)
    assert list(saved) == list(plain)
    for name, value in plain.items():
        if isinstance(value, datetime):
            assert value.tzinfo is UTC
            assert datetime.fromisoformat(saved[name]) == value, name
        else:
            assert saved[name] == json.loads(json.dumps(value)), name
    assert report.items == report.added_count + report.unchanged
    assert saved["set_aside"] == [dataclasses.asdict(one) for one in report.set_aside]


def test_the_next_build_reads_it(cloud: EarthdataStandin, out: Path) -> None:
    report = build_from(cloud, out)
    last = LastBuild.read(SafeFolder(out))
    assert last is not None
    assert (last.recipe, last.hits, last.items) == (report.recipe, report.hits, report.items)
    assert (last.asked, last.listed, last.set_aside) == (
        report.asked,
        report.listed,
        report.set_aside,
    )
    assert isinstance(last.set_aside[0], SetAside)


def test_of_many_granules_the_first_are_listed_and_all_are_counted() -> None:
    ids = GranuleIds()
    for number in range(MOST_LISTED + 5):
        ids.add(f"{2 * MOST_LISTED - number:06d}")
    assert ids.count == MOST_LISTED + 5
    assert len(ids.sorted()) == MOST_LISTED
    assert list(ids.sorted()) == sorted(ids.sorted())
