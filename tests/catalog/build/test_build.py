from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from building import (
    DEFINITION,
    WORLD,
    Record,
    broken,
    build_from,
    once,
    records_of,
    times,
    tree,
)

from catalog_builder.catalog.build.build import build
from catalog_builder.catalog.build.staging_directory import STAGING
from catalog_builder.catalog.cmr.client import CmrClient
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.verify.checks import verify
from catalog_builder.errors import CatalogError, CmrUnavailableError, DefinitionError
from earthdata_standin import LocalCloud


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(world=WORLD) as cloud:
        yield cloud


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "public"


def revise(record: Record) -> None:
    """Make it a new revision, of now."""
    record["meta"]["revision-id"] += 1
    record["meta"]["revision-date"] = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000Z}"


def next_state() -> list[Record]:
    """The records some days later: one new, two revised, five gone."""
    *records, new = records_of()
    del records[3:8]
    records.append(new)
    for record in records[:2]:
        record["meta"]["revision-id"] += 1
        record["meta"]["revision-date"] = "2026-01-01T00:00:00.000Z"
    return records


def first_state() -> list[Record]:
    return records_of()[:-1]


def test_the_folder_is_laid_out_as_promised(cloud: LocalCloud, out: Path) -> None:
    report = build_from(cloud, out)
    assert (report.hits, report.read, report.items, len(report.set_aside)) == (40, 40, 39, 1)
    files = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert {path for path in files if "/" not in path} == {
        "catalog.json",
        "catalog.yml",
        "items.parquet",
        "build-report.json",
    }
    items = [path for path in files if re.search(r"/ATL03_\d{14}_\d{8}_007_\d{2}\.json$", path)]
    assert len(items) == 39
    for path in items:
        _, cycle, day, name = path.split("/")
        assert cycle == f"cycle-{name[25:27]}"
        assert day == f"{name[6:10]}-{name[10:12]}-{name[12:14]}"
        assert {f"ATL03_007/{cycle}/catalog.json", f"ATL03_007/{cycle}/{day}/catalog.json"} < files
    assert broken(out) == []


def test_what_is_built_is_verified(cloud: LocalCloud, out: Path, schemas: Path) -> None:
    build_from(cloud, out)
    report = verify(out, schemas=schemas)
    assert (report.problems, report.notes) == ((), ())
    assert report.items == report.index_rows == report.items_read == 39


def test_a_rerun_with_nothing_new_changes_no_file_but_the_report(
    cloud: LocalCloud, out: Path
) -> None:
    build_from(cloud, out)
    before, written = tree(out), times(out)
    stamp = (out / "build-report.json").stat().st_mtime_ns
    report = build_from(cloud, out)
    assert (tree(out), times(out)) == (before, written)
    assert (out / "build-report.json").stat().st_mtime_ns > stamp
    assert (report.files_written, report.unchanged, report.added) == (0, 39, ())


def test_the_same_records_give_the_same_bytes_in_any_order(
    cloud: LocalCloud, out: Path, tmp_path: Path
) -> None:
    records = records_of()
    build_from(cloud, out, records)
    for record in records:  # the stand-in sorts by it
        record["meta"]["revision-id"] = 1
        record["meta"]["revision-date"] = "2026-01-01T00:00:00.000Z"
    build_from(cloud, tmp_path / "a", records)
    build_from(cloud, tmp_path / "b", records[::-1])
    assert tree(tmp_path / "a") == tree(tmp_path / "b") != tree(out)


def test_an_update_touches_only_what_it_concerns(
    cloud: LocalCloud, out: Path, tmp_path: Path
) -> None:
    build_from(cloud, out, first_state())
    before, written = tree(out), times(out)
    report = build_from(cloud, out, next_state())
    after = tree(out)
    assert (len(report.added), len(report.changed), len(report.removed)) == (1, 2, 5)
    changed = {path for path in before.keys() & after.keys() if before[path] != after[path]}
    moved = {path for path, when in times(out).items() if written.get(path, when) != when}
    assert moved == changed
    assert {Path(path).stem for path in changed if "ATL03_2" in path} == set(report.changed)
    gone = {Path(path).stem for path in before.keys() - after.keys() if "/ATL03_2" in path}
    assert gone == set(report.removed)
    build_from(cloud, tmp_path / "afresh", next_state())
    assert after == tree(tmp_path / "afresh")
    assert [path for path in out.rglob("*") if path.is_dir() and not any(path.iterdir())] == []
    assert len(ItemIndex.open(out)) == report.items


def test_at_no_step_a_reader_finds_something_missing(cloud: LocalCloud, out: Path) -> None:
    steps = []

    def look(progress: Any) -> None:
        if progress.stage == "publishing":
            steps.append(broken(out))

    build_from(cloud, out, first_state(), progress=look)
    assert len(steps) == 5  # the collection's folder moves as a whole
    build_from(cloud, out, next_state(), progress=look)
    assert len(steps) > 20
    assert steps == [[]] * len(steps)


@pytest.mark.parametrize("step", [0, 1, 3, 7, 12, 17])
def test_an_interrupted_update_is_finished_by_the_next(
    cloud: LocalCloud, out: Path, tmp_path: Path, step: int
) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    build_from(cloud, out, first_state())
    with pytest.raises(KeyboardInterrupt):
        build_from(cloud, out, next_state(), progress=once(step, stop))
    assert broken(out) == []
    assert verify(out).ok or step > 0
    build_from(cloud, out, next_state())
    assert not (out / STAGING).exists()
    build_from(cloud, tmp_path / "afresh", next_state())
    assert tree(out) == tree(tmp_path / "afresh")


@pytest.mark.parametrize("step", [0, 1, 3])
def test_a_first_build_that_is_killed_is_finished_by_the_next(
    cloud: LocalCloud, out: Path, tmp_path: Path, step: int
) -> None:
    cloud.world = replace(WORLD, granules=records_of())
    script = (
        "import os, signal, sys\n"
        "from catalog_builder.catalog.definition import Definition\n"
        "from catalog_builder.catalog.build.build import build\n"
        "def report(progress):\n"
        f"    if progress.stage == 'publishing' and progress.done == {step}:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "definition = Definition(name='everywhere', title='Everywhere', short_name='ATL03',\n"
        "                        version='007', provider='NSIDC_CPRD')\n"
        "build(definition, sys.argv[1], progress=report)\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", script, str(out)], env={**os.environ, **cloud.environment}
    )
    assert killed.returncode == -9
    assert broken(out) == []
    build_from(cloud, out)
    build_from(cloud, tmp_path / "afresh")
    assert tree(out) == tree(tmp_path / "afresh")


def test_the_second_of_two_builds_at_once_stops(cloud: LocalCloud, out: Path) -> None:
    failures = []

    def again() -> None:
        with pytest.raises(CatalogError, match="Another build is writing") as caught:
            build_from(cloud, out)
        failures.append(caught.value)

    build_from(cloud, out, progress=once(2, again))
    assert len(failures) == 1
    assert verify(out).ok


def test_what_is_not_the_builders_stays(cloud: LocalCloud, out: Path) -> None:
    build_from(cloud, out, first_state())
    cycles = [path for path in (out / "ATL03_007").iterdir() if path.is_dir()]
    others = [
        out / "README.md",
        out / ".nojekyll",
        out / "ATL03_007" / "references" / "gt1l.json.zst",
        *(cycle / "notes.txt" for cycle in cycles),
    ]
    for path in others:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    build_from(cloud, out, next_state())
    assert [path.read_text() for path in others] == ["mine"] * len(others)
    assert verify(out).ok


def test_a_folder_of_something_else_is_left_alone(cloud: LocalCloud, out: Path) -> None:
    out.mkdir()
    (out / "thesis.tex").write_text("all I have")
    with pytest.raises(CatalogError, match="is not empty and holds no catalog"):
        build_from(cloud, out)
    assert [path.name for path in out.iterdir()] == ["thesis.tex"]


def test_another_catalog_is_left_alone(cloud: LocalCloud, out: Path) -> None:
    build_from(cloud, out)
    before = tree(out)
    other = replace(DEFINITION, name="fiji")
    with pytest.raises(CatalogError, match="another catalog, 'everywhere', not 'fiji'"):
        build_from(cloud, out, definition=other)
    assert tree(out) == before


def test_a_catalog_that_others_made_is_left_alone(cloud: LocalCloud, out: Path) -> None:
    out.mkdir()
    (out / "catalog.json").write_text('{"id": "everywhere", "type": "Catalog"}')
    with pytest.raises(CatalogError, match="another catalog"):
        build_from(cloud, out)


def test_a_file_is_no_folder(cloud: LocalCloud, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CatalogError, match="is a file"):
        build_from(cloud, tmp_path / "file")


def test_hidden_files_do_not_make_a_folder_anothers(cloud: LocalCloud, out: Path) -> None:
    out.mkdir()
    (out / ".gitkeep").touch()
    assert build_from(cloud, out).items == 39
    assert (out / ".gitkeep").exists()


@pytest.mark.parametrize(
    ("left", "reason"),
    [(0, "CMR lists 0 granules"), (10, "holds 39 granules, but CMR lists 10.*--full")],
)
def test_a_catalog_is_not_emptied_by_a_fault(
    cloud: LocalCloud, out: Path, left: int, reason: str
) -> None:
    build_from(cloud, out)
    before = tree(out)
    with pytest.raises(CatalogError, match=reason):
        build_from(cloud, out, records_of()[:left])
    assert tree(out) == before
    assert not (out / STAGING).exists()


def test_a_catalog_shrinks_where_that_is_asked_for(cloud: LocalCloud, out: Path) -> None:
    build_from(cloud, out)
    report = build_from(cloud, out, records_of()[:10], full=True)
    assert (report.items, len(report.removed)) == (10, 29)
    assert verify(out).ok
    with pytest.raises(CatalogError, match="none can be in the catalog"):
        build_from(cloud, out, [], full=True)
    assert verify(out).ok


def test_records_that_can_no_longer_be_read_do_not_empty_a_catalog(
    cloud: LocalCloud, out: Path
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
    with pytest.raises(CatalogError, match=r"can be used only 5.*most often set aside: .*link"):
        build_from(cloud, out, records)
    assert tree(out) == before


def test_nothing_is_written_where_there_is_nothing(cloud: LocalCloud, out: Path) -> None:
    with pytest.raises(CatalogError, match="CMR lists 0 granules for 'Everywhere'"):
        build_from(cloud, out, [])
    assert not out.exists()


def test_unusable_records_are_set_aside_with_their_reason(cloud: LocalCloud, out: Path) -> None:
    records = records_of()
    bad = copy.deepcopy(records[:4])
    for number, record in enumerate(bad):
        record["meta"]["concept-id"] = f"G{number}-NSIDC_CPRD"
        record["umm"]["GranuleUR"] = f"bad {number}"
    points = bad[0]["umm"]["SpatialExtent"]["HorizontalSpatialDomain"]["Geometry"]
    points["GPolygons"][0]["Boundary"]["Points"][1]["Latitude"] = 95.0
    bad[1]["umm"]["RelatedUrls"] = [
        link for link in bad[1]["umm"]["RelatedUrls"] if "DIRECT" not in link["Type"]
    ]
    for link in bad[2]["umm"]["RelatedUrls"]:
        link["URL"] = re.sub(r"_007_(\d\d)", r"_006_\1", link["URL"])
    bad[2]["umm"]["DataGranule"]["ArchiveAndDistributionInformation"] = [
        {"Name": re.sub("_007_", "_006_", records[2]["umm"]["GranuleUR"][:39])}
    ]
    del bad[3]["umm"]["TemporalExtent"]
    report = build_from(cloud, out, [*records, *bad])
    reasons = {one.granule_ur: one.reason for one in report.set_aside}
    assert report.items == 39
    assert "95" in reasons["bad 0"]
    assert "S3" in reasons["bad 1"]
    assert "release 006, not 007" in reasons["bad 2"]
    assert "TemporalExtent" in reasons["bad 3"]
    saved = json.loads((out / "build-report.json").read_text())
    assert {one["granule_ur"] for one in saved["set_aside"]} == reasons.keys()
    assert saved["items"] == 39
    assert verify(out).ok


def test_of_two_records_of_a_granule_the_later_counts(cloud: LocalCloud, out: Path) -> None:
    records = records_of()
    later = copy.deepcopy(records[0])
    later["meta"] |= {
        "concept-id": "G1-NSIDC_CPRD",
        "revision-id": 7,
        "revision-date": "2026-01-01T00:00:00.000Z",
    }
    earlier = copy.deepcopy(records[1])
    earlier["meta"] |= {
        "concept-id": "G2-NSIDC_CPRD",
        "revision-date": "2020-01-01T00:00:00.000Z",
    }
    report = build_from(cloud, out, [later, *records, earlier])
    assert report.items == 39
    double = {one.concept_id: one.reason for one in report.set_aside if "later" in one.reason}
    assert double.keys() == {records[0]["meta"]["concept-id"], "G2-NSIDC_CPRD"}
    concepts = ItemIndex.open(out).to_table(["cmr:concept_id"])["cmr:concept_id"].to_pylist()
    assert "G1-NSIDC_CPRD" in concepts
    assert "G2-NSIDC_CPRD" not in concepts
    assert verify(out).ok


def test_only_granules_that_meet_the_box_are_in(cloud: LocalCloud, out: Path) -> None:
    build_from(cloud, out)
    box = (170.0, -90.0, -150.0, 90.0)
    everywhere = ItemIndex.open(out).search(bbox=box).ids
    report = build_from(
        cloud,
        out.with_name("boxed"),
        definition=replace(DEFINITION, name="boxed", bounding_box=box),
    )
    assert ItemIndex.open(out.with_name("boxed")).ids == everywhere
    assert report.items + report.outside + len(report.set_aside) == report.read


def test_a_dry_run_writes_nothing_and_tells(cloud: LocalCloud, out: Path) -> None:
    report = build_from(cloud, out, first_state(), dry_run=True)
    assert (len(report.added), report.dry_run) == (report.items, True)
    assert not out.exists()
    build_from(cloud, out, first_state())
    before = tree(out)
    report = build_from(cloud, out, next_state(), dry_run=True)
    assert (len(report.added), len(report.changed)) == (1, 2)
    assert len(report.removed) == 5
    assert tree(out) == before


def test_the_one_absolute_link(cloud: LocalCloud, out: Path) -> None:
    build_from(cloud, out, url="https://example.org/ice/")
    links = json.loads((out / "catalog.json").read_text())["links"]
    assert [link["href"] for link in links if link["rel"] == "self"] == [
        "https://example.org/ice/catalog.json"
    ]
    for path in out.rglob("*.json"):
        if path.name not in ("catalog.json", "build-report.json") or path.parent != out:
            for link in json.loads(path.read_text()).get("links", []):
                rels = ("about", "cite-as", "license")
                assert link["rel"] in rels or link["href"].startswith(".")
    assert verify(out).ok
    with pytest.raises(CatalogError, match="ftp://example"):
        build_from(cloud, out, url="ftp://example.org")


def test_cmr_failing_midway_leaves_all_as_it_was(cloud: LocalCloud, out: Path) -> None:
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


def test_definitions_are_read_from_their_path(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="no definition"):
        build(tmp_path / "nothing", tmp_path / "out")


def test_the_real_records_are_all_there(real_data: Path, tmp_path: Path) -> None:
    records = real_data / "cmr" / "atl03_v007_granules.umm.jsonl"
    with LocalCloud(records=records) as cloud, CmrClient(cloud.cmr_url) as client:
        report = build(DEFINITION, tmp_path / "out", client=client)
    assert (report.hits, report.items, report.set_aside) == (1408, 1408, ())
    ids = ItemIndex.open(tmp_path / "out").ids
    assert len(set(ids)) == 1408
    assert all(re.fullmatch(r"ATL03_\d{14}_\d{8}_007_\d\d", each) for each in ids)
