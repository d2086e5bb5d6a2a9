"""Quick looks leave a catalog of several collections as their final granules come."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path

import pytest
from building import Record, build_from, tree

from catalog_builder.catalog.build.report import BuildReport
from catalog_builder.catalog.definition import Definition
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.verify.checks import verify
from catalog_builder.products.quick_looks import is_quick_look
from earthdata_standin import EarthdataStandin, World
from earthdata_standin.sibling_records import SIBLINGS, with_siblings
from tests.catalog.build.records import revise

QUICK, FINAL = SIBLINGS["ATL07QL", "007"], SIBLINGS["ATL07", "007"]
WORLD = with_siblings(World.simulate(granules=12), ("ATL07", "ATL07QL"))

SEA_ICE = """
title = "Sea ice"
provider = "NSIDC_CPRD"
{box}
[[collections]]
short_name = "ATL07QL"
version = "007"

[[collections]]
short_name = "ATL07"
version = "007"
"""
BOTH = Definition.read("sea-ice", SEA_ICE.format(box=""))
IN_A_BOX = Definition.read(
    "sea-ice", SEA_ICE.format(box="bounding_box = [-180.0, 20.0, 180.0, 90.0]")
)


def of(concept: str) -> list[Record]:
    found = [one for one in WORLD.granules if one["meta"]["collection-concept-id"] == concept]
    return copy.deepcopy(found)


def file_of(record: Record) -> str:
    text = json.dumps(record["umm"]["RelatedUrls"])
    return text.partition(".h5")[0].rpartition("/")[2]


def new_revision(record: Record) -> Record:
    """The next revision of a granule, a record of its own."""
    old = file_of(record)
    new: Record = json.loads(json.dumps(record).replace(old, f"{old[:-2]}02"))
    revise(new)
    new["meta"] |= {"concept-id": "G901-NSIDC_CPRD", "revision-id": 1}
    return new


class SeaIce:
    """A catalog of quick looks and final granules, compared with a new one after each build."""

    def __init__(
        self, cloud: EarthdataStandin, folder: Path, definition: Definition, items: str
    ) -> None:
        self._cloud, self._root, self._definition, self._items = cloud, folder, definition, items
        self.folder = folder / "public"

    def build(self, records: list[Record], out: Path | None = None) -> BuildReport:
        return build_from(
            self._cloud,
            out or self.folder,
            records,
            self._definition,
            world=WORLD,
            jobs=1,
            items=self._items,
        )

    def night(self, records: list[Record]) -> BuildReport:
        """Build, and compare with a new catalog; a second build has nothing to do."""
        report = self.build(records)
        new = self._root / "new"
        self.build(records, new)
        assert tree(self.folder) == tree(new)
        shutil.rmtree(new)
        assert not verify(self.folder).problems
        again = self.build(records)
        assert again.files_written == 0
        assert again.set_aside == report.set_aside
        return report

    @property
    def quick_looks(self) -> set[str]:
        return {*filter(is_quick_look, ItemIndex.open(self.folder).ids)}


@pytest.fixture(
    params=[(BOTH, "files"), (BOTH, "none"), (IN_A_BOX, "files")],
    ids=["files", "no item files", "in a box"],
)
def sea_ice(request: pytest.FixtureRequest, cloud: EarthdataStandin, tmp_path: Path) -> SeaIce:
    definition, items = request.param
    return SeaIce(cloud, tmp_path, definition, items)


def pairs(sea_ice: SeaIce) -> tuple[list[Record], list[Record]]:
    """Quick looks and final granules that are in the catalog alone, in the same order."""
    sea_ice.build(of(QUICK) + of(FINAL)[:1])
    inside = sea_ice.quick_looks
    quick = [one for one in of(QUICK) if file_of(one) in inside]
    by_name = {file_of(one): one for one in of(FINAL)}
    return quick, [by_name[file_of(one).replace("ATL07QL", "ATL07")] for one in quick]


def test_a_quick_look_leaves_when_its_final_granule_comes_and_returns_when_it_goes(
    sea_ice: SeaIce,
) -> None:
    quick, final = pairs(sea_ice)
    names, finals = [file_of(one) for one in quick], [file_of(one) for one in final]
    shutil.rmtree(sea_ice.folder)
    report = sea_ice.night([*quick, *final[:1]])
    assert sea_ice.quick_looks == {*names[1:]}
    ((aside),) = report.set_aside
    assert aside.concept_id == quick[0]["meta"]["concept-id"]
    assert aside.reason == f"{finals[0]} is the final granule of this quick look."

    # Most leave in one night, which is no error.
    arrived = [*copy.deepcopy(final[:1]), *copy.deepcopy(final[1:-1])]
    for one in arrived[1:]:
        revise(one)
        one["meta"]["revision-id"] = 1
    report = sea_ice.night([*quick, *arrived])
    assert {*report.removed} == {*names[1:-1]}
    assert {*report.added} == {*finals[1:-1]}
    assert sea_ice.quick_looks == {names[-1]}

    # The next revision of a final granule comes beside it, and both are removed.
    report = sea_ice.night([*quick, *arrived, new_revision(final[1])])
    assert report.removed == (finals[1],)
    assert sea_ice.quick_looks == {names[-1]}
    report = sea_ice.night([*quick, arrived[0], *arrived[2:]])
    assert sea_ice.quick_looks == {names[1], names[-1]}


def test_it_returns_when_its_final_granule_cannot_be_used(sea_ice: SeaIce) -> None:
    """CMR counts as many records as before."""
    quick, final = pairs(sea_ice)
    shutil.rmtree(sea_ice.folder)
    sea_ice.night([*quick, *final])
    assert not sea_ice.quick_looks
    unusable = copy.deepcopy(final[0])
    unusable["umm"]["RelatedUrls"] = []
    revise(unusable)
    sea_ice.night([*quick, unusable, *final[1:]])
    assert sea_ice.quick_looks == {file_of(quick[0])}


def test_a_quick_look_that_comes_late_or_is_revised_stays_away(sea_ice: SeaIce) -> None:
    quick, final = pairs(sea_ice)
    shutil.rmtree(sea_ice.folder)
    sea_ice.night([*quick[1:], *final])
    late = copy.deepcopy(quick)
    for one in late[:2]:
        revise(one)
    late[0]["meta"]["revision-id"] = 1
    report = sea_ice.night([*late, *final])
    assert (report.added, report.changed, report.removed) == ((), (), ())
    assert len(report.set_aside) == len(quick)


@pytest.mark.parametrize("stage", ["reading CMR", "writing the index", "publishing"])
def test_an_interrupted_build_is_resumed(
    cloud: EarthdataStandin, tmp_path: Path, stage: str
) -> None:
    sea_ice = SeaIce(cloud, tmp_path, BOTH, "files")
    quick, final = of(QUICK), of(FINAL)
    sea_ice.night([*quick, *final[:1]])
    arrived = copy.deepcopy(final)
    for one in arrived[1:]:
        revise(one)
        one["meta"]["revision-id"] = 1

    def interrupt(progress: object) -> None:
        if getattr(progress, "stage", None) == stage:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_from(
            cloud,
            sea_ice.folder,
            [*quick, *arrived],
            BOTH,
            world=WORLD,
            jobs=1,
            progress=interrupt,
        )
    sea_ice.night([*quick, *arrived])
    assert not sea_ice.quick_looks


def test_verify_finds_a_quick_look_beside_its_final_granule(
    cloud: EarthdataStandin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a build of an older version left them."""
    sea_ice = SeaIce(cloud, tmp_path, BOTH, "files")
    monkeypatch.setattr("catalog_builder.catalog.build.build_run.drop_quick_looks", keep_all)
    sea_ice.build([*of(QUICK), *of(FINAL)[:1]])
    quick, final = file_of(of(QUICK)[0]), file_of(of(FINAL)[0])
    assert verify(sea_ice.folder).problems == (
        f"items.parquet has the quick look {quick} beside its final granule {final}.",
    )


def keep_all(*_: object) -> set[str]:
    return set()
