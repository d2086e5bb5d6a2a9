"""The verb that lists the granules of a definition."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import pytest

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
    assert len(asked) == 1
    assert "page_size=1&" in f"{asked[0].query}&"


@pytest.mark.parametrize(("links", "start"), [("s3", "s3://nsidc-"), ("https", "http://127.")])
def test_search_gives_links(cloud: EarthdataStandin, links: str, start: str) -> None:
    lines = run("search", FIJI, "--links", links).stdout.splitlines()
    assert len(lines) > 1
    assert all(line.startswith(start) and line.endswith(".h5") for line in lines)
