"""The verb that lists collections."""

from __future__ import annotations

import json

from earthdata_standin import EarthdataStandin
from tests.commands.running import run


def test_collections(cloud: EarthdataStandin) -> None:
    lines = [line.split("\t") for line in run("collections").stdout.splitlines()]
    assert lines[0] == ["concept id", "version", "provider", "cloud", "granules", "title"]
    assert [line[1:4] for line in lines[1:]] == [
        ["006", "NSIDC_CPRD", "yes"], ["007", "NSIDC_CPRD", "yes"], ["006", "NSIDC_ECS", "no"]
    ]  # fmt: skip
    assert lines[2][0] == "C3326974349-NSIDC_CPRD"


def test_collections_of_one_provider_as_json(cloud: EarthdataStandin) -> None:
    found = json.loads(run("collections", "--provider", "NSIDC_ECS", "--json").stdout)
    assert [one["concept_id"] for one in found] == ["C2559919423-NSIDC_ECS"]
    assert found[0]["cloud_hosted"] is False
    assert json.loads(run("collections", "--on-premises", "--json").stdout) == found


def test_no_collections(cloud: EarthdataStandin) -> None:
    result = run("collections", "--short-name", "ATL99", "--json")
    assert json.loads(result.stdout) == []
    assert "no such collection of ATL99" in result.stderr


def test_a_pause_of_cmr_is_shown(cloud: EarthdataStandin) -> None:
    found = run("collections").stdout
    cloud.faults.retry_after = 1
    cloud.faults.retry_after_seconds = 0
    with_pause = run("collections")
    assert with_pause.stdout == found
    assert with_pause.stderr == "CMR cannot answer now. Trying again in 0 s.\n"
