"""Several collections in one published folder, by one definition."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pystac
import pytest
from building import Record, broken, times, tree
from several_collections import (
    ATL08,
    COLLECTIONS,
    SEVERAL,
    build_several,
    everything,
    of,
    without,
)

from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.verify.checks import verify
from catalog_builder.products.granule_name import GranuleName, is_granule_id
from catalog_builder.progress import Progress
from earthdata_standin import EarthdataStandin
from tests.catalog.build.records import revise


def test_each_collection_is_a_child_of_the_one_catalog(several: Path) -> None:
    catalog = pystac.Catalog.from_file(str(several / "catalog.json"))
    assert [child.id for child in catalog.get_children()] == COLLECTIONS
    index = ItemIndex.open(several)
    assert list(index.collections) == sorted(COLLECTIONS)
    by_name = Counter(GranuleName.parse(one).collection for one in index.ids)
    assert index.collections == by_name
    assert sum(by_name.values()) == len(index)
    for child in catalog.get_children():
        items = list(child.get_items(recursive=True))
        assert {item.collection_id for item in items} == {child.id}
        assert len(items) == by_name[child.id]
    report = json.loads((several / "build-report.json").read_bytes())
    assert report["items"] == len(index)
    assert report["collection"].split()[1] == ATL08
    assert report["hits"] == report["read"]


def test_it_is_verified(several: Path) -> None:
    report = verify(several)
    assert not report.problems
    assert report.items == report.index_rows == len(ItemIndex.open(several))
    assert broken(several) == []


def test_it_is_searched_together_or_by_collection(several: Path) -> None:
    index = ItemIndex.open(several)
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
    cloud: EarthdataStandin, several: Path, copied: Path
) -> None:
    before = times(copied)
    report = build_several(cloud, copied, everything())
    assert (report.mode, report.files_written, report.read) == ("update", 0, 0)
    assert times(copied) == before
    report = build_several(cloud, copied, everything(), full=True)
    assert (report.mode, report.files_written) == ("full", 1)  # the index, with the same bytes
    assert tree(copied) == tree(several)


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
    cloud: EarthdataStandin, copied: Path, tmp_path: Path
) -> None:
    records = changed()
    report = build_several(cloud, copied, records)
    assert report.mode == "update"
    assert {one[:5] for one in report.changed} == {"ATL03", "ATL08", "ATL24"}
    assert report.removed_count
    build_several(cloud, tmp_path / "new", records)
    assert tree(copied) == tree(tmp_path / "new")
    assert not verify(copied).problems


@pytest.mark.parametrize(
    "stage", ["reading CMR", "naming siblings", "writing the index", "publishing"]
)
def test_an_interrupted_build_is_resumed(
    cloud: EarthdataStandin, several: Path, tmp_path: Path, stage: str
) -> None:
    seen = 0

    def interrupt(progress: Progress) -> None:
        nonlocal seen
        seen += progress.stage == stage
        if seen == (2 if stage in ("reading CMR", "publishing") else 1):
            raise KeyboardInterrupt

    folder = tmp_path / "public"
    with pytest.raises(KeyboardInterrupt):
        build_several(cloud, folder, everything(), progress=interrupt)
    build_several(cloud, folder)
    assert tree(folder) == tree(several)


def test_a_collection_that_is_no_longer_named_is_removed(
    cloud: EarthdataStandin, copied: Path, tmp_path: Path
) -> None:
    fewer = replace(SEVERAL.each[0], name=SEVERAL.name, title=SEVERAL.title)
    build_several(cloud, copied, definition=fewer, full=True)
    build_several(cloud, tmp_path / "new", definition=fewer)
    assert tree(copied) == tree(tmp_path / "new")
    assert not verify(copied).problems


def test_a_collection_may_be_empty(cloud: EarthdataStandin, tmp_path: Path) -> None:
    records = without(everything(), ATL08)
    folder = tmp_path / "public"
    build_several(cloud, folder, records)
    assert "ATL08_007" not in ItemIndex.open(folder).collections
    assert not verify(folder).problems
    assert build_several(cloud, folder, records).files_written == 0


def test_it_may_have_no_item_files(cloud: EarthdataStandin, tmp_path: Path) -> None:
    folder = tmp_path / "public"
    build_several(cloud, folder, everything(), items="none")
    assert not [path for path in tree(folder) if is_granule_id(Path(path).stem)]
    assert sorted(ItemIndex.open(folder).collections) == sorted(COLLECTIONS)
    assert not verify(folder).problems
    assert build_several(cloud, folder, everything(), items="none").files_written == 0
    records = changed()
    report = build_several(cloud, folder, records, items="none")
    assert report.changed_count
    build_several(cloud, tmp_path / "new", records, items="none")
    assert tree(folder) == tree(tmp_path / "new")
