"""CMR's cloud against a STAC API: two stand-ins, one for CMR and one that has the STAC API."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import shapely
from shapely.geometry import mapping, shape

from catalog_builder.catalog.cmr.client import CmrClient
from catalog_builder.catalog.compare.comparison import StacComparison, compare_with_stac
from catalog_builder.catalog.compare.stac_api import StacApi
from catalog_builder.catalog.definition import Definition
from catalog_builder.catalog.stac.granule import parse_umm
from catalog_builder.progress import Progress
from earthdata_standin import EarthdataStandin, World, stac_items

ROOT = Path(__file__).parent.parent.parent.parent
V007 = "C3326974349-NSIDC_CPRD"
EVERYWHERE = Definition(
    name="all", title="All", short_name="ATL03", version="007", provider="NSIDC_CPRD"
)
ACROSS = (170.0, -30.0, -175.0, 10.0)


@pytest.fixture
def other(cloud: EarthdataStandin, world: World) -> Iterator[EarthdataStandin]:
    """The stand-in that has the STAC API; ``cloud`` has CMR."""
    with EarthdataStandin(world=world) as other:
        yield other


def records(world: World) -> list[dict[str, Any]]:
    """Records of release 007 in the cloud, free to be changed."""
    found = [r for r in world.granules if r["meta"]["collection-concept-id"] == V007]
    return copy.deepcopy(found)


def hold(cloud: EarthdataStandin, granules: Sequence[dict[str, Any]]) -> None:
    cloud.world = dataclasses.replace(cloud.world, granules=list(granules))


def file_id(record: dict[str, Any]) -> str:
    return str(record["umm"]["GranuleUR"])[:36]


def url(cloud: EarthdataStandin) -> str:
    return f"{cloud.stac_url}/NSIDC_CPRD"


def compared(
    other: EarthdataStandin, definition: Definition = EVERYWHERE, **options: Any
) -> StacComparison:
    with CmrClient() as client, StacApi.open(url(other), sleep=lambda _: None) as api:
        return compare_with_stac(definition, client, api, **options)


def inside(world: World, box: tuple[float, float, float, float]) -> set[str]:
    """Granules whose footprint meets a box across ±180, tested on a map that goes on beyond."""
    west, south, east, north = box
    areas = shapely.union_all(
        [shapely.box(west, south, 180, north), shapely.box(-180, south, east, north)]
    )
    return {
        granule.id
        for granule in map(parse_umm, records(world))
        if shape(granule.footprint.geometry).intersects(areas)
    }


def test_the_same_on_both_sides(other: EarthdataStandin, world: World) -> None:
    steps: list[Progress] = []
    found = compared(other, progress=steps.append)
    count = len(records(world))
    assert (found.both, found.only_cloud, found.only_stac) == (count, (), ())
    assert (found.cloud.granules, found.cloud.listed) == (count, count)
    assert (found.stac.granules, found.stac.listed, found.stac.matched) == (count,) * 3
    assert (found.stac.collection, found.stac.releases) == ("ATL03_007", ("007",))
    assert found.stac.url == url(other)
    assert found.other_revision == found.stac.unplaced == found.stac.unusable == ()
    assert {step.stage for step in steps} == {"reading CMR, cloud", "reading the STAC API"}
    assert steps[-1] == Progress(stage="reading the STAC API", done=count, total=count)


def test_what_each_has_that_the_other_has_not(
    cloud: EarthdataStandin, other: EarthdataStandin, world: World
) -> None:
    granules = records(world)
    hold(cloud, granules[2:])
    hold(other, granules[:-3])
    found = compared(other)
    assert found.only_stac == tuple(sorted(map(file_id, granules[:2])))
    assert found.only_cloud == tuple(sorted(map(file_id, granules[-3:])))
    assert found.both == len(granules) - 5


def test_another_revision_is_the_same_granule(other: EarthdataStandin, world: World) -> None:
    granules = records(world)
    name = file_id(granules[0])
    revised = f"{name[:-2]}09"
    granules[0] = json.loads(json.dumps(granules[0]).replace(name, revised))
    hold(other, granules)
    found = compared(other)
    assert found.other_revision == ((name, revised),)
    assert (found.both, found.only_cloud, found.only_stac) == (len(granules), (), ())


def test_another_release_is_no_other_revision(other: EarthdataStandin) -> None:
    found = compared(other, collection="ATL03_006")
    assert (found.stac.collection, found.stac.releases) == ("ATL03_006", ("006",))
    assert found.both > 0
    assert found.other_revision == ()


@pytest.mark.parametrize("loose", [True, False])
@pytest.mark.parametrize("there", [True, False])
def test_across_180(
    cloud: EarthdataStandin, other: EarthdataStandin, world: World, there: bool, loose: bool
) -> None:
    """Also what only the STAC API has is counted by its footprint, not by its wide box."""
    cloud.faults.loose_search = other.faults.loose_search = loose
    if there:
        hold(cloud, records(world)[:0])
    definition = dataclasses.replace(EVERYWHERE, bounding_box=ACROSS)
    found = compared(other, definition)
    expected = tuple(sorted(inside(world, ACROSS)))
    assert 0 < len(expected) < len(records(world))
    assert found.only_stac == (expected if there else ())
    assert found.both == (0 if there else len(expected))
    assert found.stac.granules == len(expected)
    assert found.stac.unplaced == ()


@pytest.mark.parametrize("name", ["fiji", "south-pole", "juneau-icefield"])
def test_definitions_with_all_their_conditions(
    cloud: EarthdataStandin, other: EarthdataStandin, world: World, name: str
) -> None:
    definition = Definition.load(ROOT / "catalogs" / name)
    same = compared(other, definition)
    assert same.both == same.cloud.granules == same.stac.granules > 0
    hold(cloud, records(world)[:0])
    assert compared(other, definition).only_stac
    assert compared(other, definition).stac.granules == same.both


def test_a_geometry_that_is_no_footprint(
    cloud: EarthdataStandin, other: EarthdataStandin, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A box, here up to 359° wide, places nothing; what CMR lists too is placed by CMR."""

    def as_box(umm: Any) -> Any:
        _, (west, south, east, north) = place(umm)
        return mapping(shapely.box(west, south, east, north)), [west, south, east, north]

    place = stac_items._place
    monkeypatch.setattr(stac_items, "_place", as_box)
    granules = records(world)
    definition = dataclasses.replace(EVERYWHERE, bounding_box=ACROSS)
    expected = inside(world, ACROSS)
    found = compared(other, definition)
    assert (found.both, found.stac.unplaced) == (len(expected), ())
    hold(cloud, granules[:0])
    found = compared(other, definition)
    assert (found.both, found.stac.granules) == (0, 0)
    assert expected <= set(found.stac.unplaced)
    assert compared(other).only_stac == tuple(sorted(map(file_id, granules)))  # without a box


def test_a_record_without_a_place_is_there_all_the_same(
    cloud: EarthdataStandin, other: EarthdataStandin, world: World
) -> None:
    granules = records(world)
    for record in granules:
        points = record["umm"]["SpatialExtent"]["HorizontalSpatialDomain"]["Geometry"]["GPolygons"]
        points[0]["Boundary"]["Points"] = points[0]["Boundary"]["Points"][:2]
    hold(cloud, granules)
    cloud.faults.loose_search = True
    definition = dataclasses.replace(EVERYWHERE, bounding_box=ACROSS)
    found = compared(other, definition)
    assert found.cloud.left_out == len(found.cloud.unusable) == found.cloud.listed > 0
    assert found.both > 0
    assert {one[:36] for one, _ in found.cloud.unusable}.isdisjoint(found.only_stac)


def test_items_whose_name_cannot_be_read_are_listed_with_the_reason(
    other: EarthdataStandin, world: World
) -> None:
    granules = records(world)
    granules[0]["umm"] |= {"GranuleUR": "SC:broken", "RelatedUrls": []}
    granules[1]["umm"]["RelatedUrls"] = []  # the id will do
    hold(other, granules)
    found = compared(other)
    assert [title for title, _ in found.stac.unusable] == ["SC:broken"]
    assert found.stac.left_out == 1
    assert found.only_cloud == (file_id(records(world)[0]),)


@pytest.mark.parametrize("fault", ["stac_unavailable", "stac_truncate", "stac_not_json"])
def test_faults_in_the_middle(other: EarthdataStandin, world: World, fault: str) -> None:
    def fail(step: Progress) -> None:
        setattr(other.faults, fault, 1)

    found = compared(other, progress=fail)
    assert found.both == len(records(world))
