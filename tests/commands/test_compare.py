"""The verb that compares the cloud with on premises, or with a STAC API."""

from __future__ import annotations

import copy
import dataclasses
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from several_collections import SEVERAL

from earthdata_standin import EarthdataStandin, World
from tests.commands.running import FIJI, run


def test_compare(cloud: EarthdataStandin) -> None:
    found = json.loads(run("compare", FIJI, "--json").stdout)
    text = run("compare", FIJI).stdout
    assert f"in both              {found['both']}\n" in text
    for ids in (found["only_cloud"], found["only_on_premises"]):
        assert all(f"  {one}\n" in text for one in ids)


@pytest.fixture
def other(cloud: EarthdataStandin, world: World) -> Iterator[EarthdataStandin]:
    """The stand-in that has the STAC API; ``cloud`` has CMR."""
    with EarthdataStandin(world=world) as other:
        yield other


V007 = "C3326974349-NSIDC_CPRD"


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


def test_the_command(
    cloud: EarthdataStandin, other: EarthdataStandin, world: World, definition: str
) -> None:
    granules = records(world)
    hold(cloud, granules[1:])
    hold(other, granules[:-1])
    text = run("compare", definition, "--stac", url(other))
    assert text.exit_code == 0, text.stderr
    facts = dict(re.split(r"  +", line, maxsplit=1) for line in text.stdout.splitlines()[:6])
    assert (facts["in both"], facts["only in the STAC API"]) == ("10", "1")
    assert "granules of release 007 (ATL03_007)\n" in text.stdout
    assert f"\nonly in CMR's cloud:\n  {file_id(granules[-1])}\n" in text.stdout
    assert f"\nonly in the STAC API:\n  {file_id(granules[0])}\n" in text.stdout
    found = json.loads(run("compare", definition, "--stac", url(other), "--json").stdout)
    assert (found["both"], found["only_stac"]) == (10, [file_id(granules[0])])
    assert found["stac"]["matched"] == 11


def test_the_command_tells_what_is_wrong(other: EarthdataStandin, definition: str) -> None:
    assert run("compare", definition, "--collection", "x").exit_code == 2
    result = run("compare", definition, "--stac", f"{other.stac_url}/NSIDC_XYZ")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: There is no {other.stac_url}/NSIDC_XYZ (HTTP 404)")
    result = run("compare", definition, "--stac", url(other), "--collection", "ATL03_005")
    assert "of ATL03 it has ATL03_006, ATL03_007" in result.stderr


def test_the_command_tells_of_items_left_out(
    other: EarthdataStandin, world: World, definition: str
) -> None:
    granules = records(world)
    granules[0]["umm"] |= {"GranuleUR": "SC:broken", "RelatedUrls": []}
    hold(other, granules)
    result = run("compare", definition, "--stac", url(other))
    assert "the STAC API: SC:broken is left out: 'SC:broken' is not the name" in result.stderr


def test_one_of_several_collections_is_compared(cloud: EarthdataStandin, tmp_path: Path) -> None:
    file = tmp_path / "several.toml"
    file.write_text(SEVERAL.to_toml())
    found = json.loads(run("compare", str(file), "--only", "ATL03_006", "--json").stdout)
    assert found["cloud"]["version"] == "006"
    refused = run("compare", str(file))
    assert "has several collections: name one of ATL03_007" in refused.stderr
