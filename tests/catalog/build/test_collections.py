"""Several collections in one published folder, by one definition."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pystac
import pytest
from building import Record, broken, build_from, tree, times
from tests.catalog.build.records import revise

from catalog_builder.catalog.definition import Definition
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.verify.checks import verify
from catalog_builder.errors import CatalogError
from catalog_builder.progress import Progress
from catalog_builder.products.granule_name import GranuleName, is_granule_id
from earthdata_standin import EarthdataStandin, World
from earthdata_standin.sibling_records import SIBLINGS, with_siblings

DEFINITION = Definition.read(
    "several",
    """
title = "Photons, canopy and sea floor"
provider = "NSIDC_CPRD"

[[collections]]
short_name = "ATL03"
version = "007"

[[collections]]
short_name = "ATL08"
version = "007"

[[collections]]
short_name = "ATL03"
version = "006"

[[collections]]
short_name = "ATL24"
version = "002"
""",
)
COLLECTIONS = [one.collection_id for one in DEFINITION.each]
EVERYTHING = with_siblings(World.simulate(granules=30), ("ATL08", "ATL24"))
ATL08 = SIBLINGS["ATL08", "007"]


def of(records: list[Record], concept: str) -> list[Record]:
    return [one for one in records if one["meta"]["collection-concept-id"] == concept]


def everything() -> list[Record]:
    records: list[Record] = json.loads(json.dumps(EVERYTHING.granules))
    return records


@pytest.fixture(scope="module")
def cloud() -> Iterator[EarthdataStandin]:
    with EarthdataStandin(world=EVERYTHING) as standin:
        yield standin


@pytest.fixture(scope="module")
def first(cloud: EarthdataStandin, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("several") / "public"
    build_from(cloud, folder, everything(), DEFINITION, world=EVERYTHING, jobs=1)
    return folder


@pytest.fixture
def built(first: Path, tmp_path: Path) -> Path:
    """A copy of the folder that a test may change."""
    return Path(shutil.copytree(first, tmp_path / "public"))


def build_again(cloud: EarthdataStandin, folder: Path, records: list[Record], **options: object):  # type: ignore[no-untyped-def]
    return build_from(cloud, folder, records, DEFINITION, world=EVERYTHING, jobs=1, **options)


def test_each_collection_is_a_child_of_the_one_catalog(first: Path) -> None:
    catalog = pystac.Catalog.from_file(str(first / "catalog.json"))
    assert [child.id for child in catalog.get_children()] == COLLECTIONS
    index = ItemIndex.open(first)
    assert list(index.collections) == sorted(COLLECTIONS)
    by_name = Counter(GranuleName.parse(one).collection for one in index.ids)
    assert index.collections == by_name
    assert sum(by_name.values()) == len(index)
    for child in catalog.get_children():
        items = list(child.get_items(recursive=True))
        assert {item.collection_id for item in items} == {child.id}
        assert len(items) == by_name[child.id]
    report = json.loads((first / "build-report.json").read_bytes())
    assert report["items"] == len(index)
    assert report["collection"].split()[1] == ATL08
    assert report["hits"] == report["read"]


def test_it_is_verified(first: Path) -> None:
    report = verify(first)
    assert not report.problems
    assert report.items == report.index_rows == len(ItemIndex.open(first))
    assert broken(first) == []


def test_it_is_searched_together_or_by_collection(first: Path) -> None:
    index = ItemIndex.open(first)
    of_canopy = [one for one in index.ids if one.startswith("ATL08")]
    assert index.search(collections="ATL08").ids == of_canopy
    assert index.search(collections=["atl08_007"]).ids == of_canopy
    both = index.search(collections=["ATL03"])
    assert set(both.collections) == {"ATL03_006", "ATL03_007"}
    assert both.search(collections="ATL03_006").collections == {
        "ATL03_006": index.collections["ATL03_006"]
    }
    assert not len(index.search(collections="ATL0"))
    name = GranuleName.parse(of_canopy[0])
    on_track = index.search(rgt=name.rgt, cycle=name.cycle, region=name.region)
    assert {"ATL03_007", "ATL08_007"} <= set(on_track.collections)
    assert repr(on_track).endswith(f"{on_track.collections['ATL24_002']} ATL24_002)>") == (
        "ATL24_002" in on_track.collections
    )
    assert "ATL08_007" in index._repr_html_()


def test_an_unchanged_night_changes_nothing(
    cloud: EarthdataStandin, first: Path, built: Path
) -> None:
    before = times(built)
    report = build_again(cloud, built, everything())
    assert (report.mode, report.files_written, report.read) == ("update", 0, 0)
    assert times(built) == before
    report = build_again(cloud, built, everything(), full=True)
    assert (report.mode, report.files_written) == ("full", 1)  # the index, with the same bytes
    assert tree(built) == tree(first)


def changed() -> list[Record]:
    """One record of each collection revised, and of each another gone."""
    records = everything()
    for concept in dict.fromkeys(one["meta"]["collection-concept-id"] for one in records):
        some = of(records, concept)
        revise(some[0])
        some[0]["umm"]["TemporalExtent"]["RangeDateTime"]["EndingDateTime"] = some[0]["umm"][
            "TemporalExtent"
        ]["RangeDateTime"]["BeginningDateTime"]
        records.remove(some[5])
    return records


def test_an_update_gives_what_a_full_build_gives(
    cloud: EarthdataStandin, built: Path, tmp_path: Path
) -> None:
    records = changed()
    report = build_again(cloud, built, records)
    assert report.mode == "update"
    assert {one[:5] for one in report.changed} == {"ATL03", "ATL08", "ATL24"}
    assert report.removed_count
    build_again(cloud, tmp_path / "new", records)
    assert tree(built) == tree(tmp_path / "new")
    assert not verify(built).problems


@pytest.mark.parametrize("stage", ["reading CMR", "writing the index", "publishing"])
def test_an_interrupted_build_is_resumed(
    cloud: EarthdataStandin, first: Path, tmp_path: Path, stage: str
) -> None:
    seen = 0

    def interrupt(progress: Progress) -> None:
        nonlocal seen
        seen += progress.stage == stage
        if seen == 2 or (seen and stage == "writing the index"):
            raise KeyboardInterrupt

    folder = tmp_path / "public"
    with pytest.raises(KeyboardInterrupt):
        build_again(cloud, folder, everything(), progress=interrupt)
    build_again(cloud, folder, everything())
    assert tree(folder) == tree(first)


def test_a_collection_that_is_no_longer_named_is_removed(
    cloud: EarthdataStandin, built: Path, tmp_path: Path
) -> None:
    fewer = replace(DEFINITION.each[0], name=DEFINITION.name, title=DEFINITION.title)
    build_from(cloud, built, everything(), fewer, world=EVERYTHING, jobs=1, full=True)
    build_from(cloud, tmp_path / "new", everything(), fewer, world=EVERYTHING, jobs=1)
    assert tree(built) == tree(tmp_path / "new")
    assert not verify(built).problems


def test_a_collection_may_be_empty(cloud: EarthdataStandin, tmp_path: Path) -> None:
    records = [one for one in everything() if one["meta"]["collection-concept-id"] != ATL08]
    folder = tmp_path / "public"
    build_again(cloud, folder, records)
    assert "ATL08_007" not in ItemIndex.open(folder).collections
    assert not verify(folder).problems
    assert build_again(cloud, folder, records).files_written == 0


def test_a_collection_that_loses_most_is_refused(cloud: EarthdataStandin, built: Path) -> None:
    before = times(built)
    records = [one for one in everything() if one["meta"]["collection-concept-id"] != ATL08]
    with pytest.raises(CatalogError, match=r"holds \d+ granules of ATL08_007, but .* only 0"):
        build_again(cloud, built, records)
    assert times(built) == before
    build_again(cloud, built, records, full=True)
    assert not verify(built).problems


def test_it_may_have_no_item_files(cloud: EarthdataStandin, tmp_path: Path) -> None:
    folder = tmp_path / "public"
    build_again(cloud, folder, everything(), items="none")
    assert not [path for path in tree(folder) if is_granule_id(Path(path).stem)]
    assert sorted(ItemIndex.open(folder).collections) == sorted(COLLECTIONS)
    assert not verify(folder).problems
    assert build_again(cloud, folder, everything(), items="none").files_written == 0
    records = changed()
    report = build_again(cloud, folder, records, items="none")
    assert report.changed_count
    build_again(cloud, tmp_path / "new", records, items="none")
    assert tree(folder) == tree(tmp_path / "new")
