from __future__ import annotations

import copy
import dataclasses
from pathlib import Path

import pytest

from catalog_builder.catalog.cmr.client import CmrClient
from catalog_builder.catalog.compare.comparison import compare
from catalog_builder.catalog.definition import Definition
from catalog_builder.errors import CmrQueryError
from catalog_builder.progress import Progress
from earthdata_standin import EarthdataStandin

ROOT = Path(__file__).parent.parent.parent.parent
EVERYWHERE = Definition(
    name="all", title="All", short_name="ATL03", version="006", provider="NSIDC_CPRD"
)


def file_names(cloud: EarthdataStandin, provider: str, version: str) -> set[str]:
    """What a collection of the stand-in holds, read with none of the code under test."""
    names = set()
    for record in cloud.world.granules:
        urls = (link["URL"] for link in record["umm"]["RelatedUrls"] if link["Type"] == "GET DATA")
        name = next(url for url in urls if url.endswith(".h5")).rsplit("/", 1)[1][:-3]
        if record["meta"]["provider-id"] == provider and name.split("_")[3] == version:
            names.add(name)
    return names


def test_the_same_release_on_both_sides(cloud: EarthdataStandin) -> None:
    here = file_names(cloud, "NSIDC_CPRD", "006")
    there = file_names(cloud, "NSIDC_ECS", "006")
    steps: list[Progress] = []
    with CmrClient() as client:
        found = compare(EVERYWHERE, client, progress=steps.append)
    assert (found.cloud.listed, found.on_premises.listed) == (len(here), len(there))
    assert found.cloud.granules != found.on_premises.granules
    assert found.both == len(here & there)
    assert found.only_cloud == tuple(sorted(here - there))
    assert found.only_on_premises == tuple(sorted(there - here))
    assert found.other_revision == ()
    assert {step.stage for step in steps} == {"reading CMR, cloud", "reading CMR, on premises"}


def test_the_newest_release_on_premises_where_the_definitions_is_not_there(
    cloud: EarthdataStandin,
) -> None:
    here = {name[:-7] for name in file_names(cloud, "NSIDC_CPRD", "007")}
    there = {name[:-7] for name in file_names(cloud, "NSIDC_ECS", "006")}
    with CmrClient() as client:
        found = compare(dataclasses.replace(EVERYWHERE, version="007"), client)
    assert (found.cloud.version, found.on_premises.version) == ("007", "006")
    assert found.both == len(here & there)
    assert {name[:-7] for name in found.only_cloud} == here - there
    assert {name[:-7] for name in found.only_on_premises} == there - here
    assert found.other_revision == ()


def test_another_revision_is_the_same_granule(cloud: EarthdataStandin) -> None:
    both = sorted(file_names(cloud, "NSIDC_CPRD", "006") & file_names(cloud, "NSIDC_ECS", "006"))
    name = both[0]
    revised = f"{name[:-2]}09"
    granules = []
    for record in cloud.world.granules:
        if record["meta"]["provider-id"] == "NSIDC_ECS":
            record = copy.deepcopy(record)
            for link in record["umm"]["RelatedUrls"]:
                link["URL"] = link["URL"].replace(name, revised)
        granules.append(record)
    cloud.world = dataclasses.replace(cloud.world, granules=granules)
    with CmrClient() as client:
        found = compare(EVERYWHERE, client)
    assert found.other_revision == ((name, revised),)
    assert found.both == len(both)


@pytest.mark.parametrize("name", ["fiji", "south-pole", "juneau-icefield"])
def test_what_cmr_lists_outside_the_box_is_not_counted(cloud: EarthdataStandin, name: str) -> None:
    definition = dataclasses.replace(
        Definition.load(ROOT / "catalogs" / name), version="006", temporal=(None, None)
    )
    with CmrClient() as client:
        cloud.faults.loose_search = False
        exact = compare(definition, client)
        cloud.faults.loose_search = True
        loose = compare(definition, client)
    assert exact.cloud.granules == loose.cloud.granules
    assert (exact.both, exact.only_cloud) == (loose.both, loose.only_cloud)
    assert 0 < loose.cloud.granules <= loose.cloud.listed


def test_records_that_cannot_be_read_are_listed_with_the_reason(cloud: EarthdataStandin) -> None:
    broken = copy.deepcopy(
        next(r for r in cloud.world.granules if r["meta"]["provider-id"] == "NSIDC_ECS")
    )
    broken["meta"]["concept-id"] = "G1-NSIDC_ECS"
    broken["umm"] |= {"GranuleUR": "SC:broken", "RelatedUrls": []}
    cloud.world = dataclasses.replace(cloud.world, granules=[*cloud.world.granules, broken])
    with CmrClient() as client:
        side = compare(EVERYWHERE, client).on_premises
    assert [name for name, _ in side.unusable] == ["SC:broken"]
    assert "no link to its data" in side.unusable[0][1]
    assert side.granules == side.listed - 1


def test_a_provider_that_has_nothing(cloud: EarthdataStandin) -> None:
    definition = dataclasses.replace(EVERYWHERE, on_premises_provider="NOBODY")
    with CmrClient() as client, pytest.raises(CmrQueryError, match="NOBODY; of ATL03 it has"):
        compare(definition, client)
