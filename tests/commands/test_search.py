"""The verb that lists the granules of a definition."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path

import pytest
from several_collections import EVERYTHING, SEVERAL

from catalog_builder.products.granule_name import collection_of
from earthdata_standin import EarthdataStandin
from tests.commands.running import FIJI, run


def test_search(cloud: EarthdataStandin) -> None:
    result = run("search", FIJI)
    lines = [line.split("\t") for line in result.stdout.splitlines()]
    assert lines[0][:2] == ["id", "start"]
    starts = [line[1] for line in lines[1:]]
    assert starts == sorted(starts)
    assert len(starts) > 1
    assert result.stderr == f"{len(starts)} of the {len(starts)} granules that CMR lists.\n"


def test_a_record_that_is_left_out_is_named(cloud: EarthdataStandin) -> None:
    known = json.loads(run("search", FIJI, "--json").stdout)[0]["concept_id"]
    records = copy.deepcopy(list(cloud.world.granules))
    (record,) = (one for one in records if one["meta"]["concept-id"] == known)
    record["umm"] |= {"GranuleUR": "no_granule.h5", "RelatedUrls": []}
    cloud.world = replace(cloud.world, granules=records)
    result = run("search", FIJI)
    assert f"Left out: no_granule.h5 ({known}): No link to the data" in result.stderr


def test_search_stops_at_its_limit(cloud: EarthdataStandin) -> None:
    result = run("search", FIJI, "--limit", "1", "--json")
    (found,) = json.loads(result.stdout)
    assert found["id"].startswith("ATL03_")
    assert len(found["bbox"]) == 4
    assert "1 of the " in result.stderr
    asked = [request for request in cloud.requests if "granules" in request.path]
    assert "page_size=100&" in f"{asked[0].query}&"


@pytest.mark.parametrize(("links", "start"), [("s3", "s3://nsidc-"), ("https", "http://127.")])
def test_search_gives_links(cloud: EarthdataStandin, links: str, start: str) -> None:
    lines = run("search", FIJI, "--links", links).stdout.splitlines()
    assert len(lines) > 1
    assert all(line.startswith(start) and line.endswith(".h5") for line in lines)


FIJI_BOX = "176.0,-20.0,-178.0,-15.0"


def test_search_without_a_definition(cloud: EarthdataStandin) -> None:
    lines = run("search", "--bbox", FIJI_BOX).stdout.splitlines()
    assert lines[0].split("\t")[0] == "id"
    found = [line.split("\t")[0] for line in lines[1:]]
    assert found
    assert found == sorted(found, key=lambda one: one[6:20])
    track, cycle = int(found[0][21:25]), int(found[0][25:27])
    numbers = ("--rgt", f"{track},1", "--cycle", str(cycle), "--datetime", "2018/..")
    some = run("search", "--area", FIJI_BOX, *numbers, "--json").stdout
    assert found[0] in [one["id"] for one in json.loads(some)]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 1, "Name a place or a time"),
        ((FIJI, "--bbox", "1,2,3,4"), 2, "not both"),
        (("--bbox", "1,2,3,4", "--area", "1,2,3,4"), 1, "not both"),
        (("--bbox", "1,2,3,4", "--version", "001"), 1, "no collection ATL03 version 001"),
        (("--area", "POINT(1 2)"), 1, "A Point has no area"),
    ],
)
def test_searches_that_cannot_be(
    cloud: EarthdataStandin, arguments: tuple[str, ...], code: int, words: str
) -> None:
    result = run("search", *arguments)
    assert result.exit_code == code
    assert words in result.stderr


def test_search_of_one_of_several_collections(cloud: EarthdataStandin, tmp_path: Path) -> None:
    world = cloud.world
    cloud.world = EVERYTHING
    try:
        file = tmp_path / "several.toml"
        file.write_text(SEVERAL.to_toml())
        for name in ("ATL08", "ATL03_006"):
            lines = run("search", str(file), "--collection", name, "--limit", "2").stdout
            ids = [line.split("\t")[0] for line in lines.splitlines()[1:]]
            assert len(ids) == 2
            assert {collection_of(one)[: len(name)] for one in ids} == {name}
        refused = run("search", str(file))
        assert "name one of ATL03_007, ATL08_007, ATL03_006, ATL24_002" in refused.stderr
        where = ("--collection", "ATL08", "--bbox", "-180,-90,180,90", "--limit", "1")
        lines = run("search", *where).stdout
        assert lines.splitlines()[1].startswith("ATL08_")
    finally:
        cloud.world = world
