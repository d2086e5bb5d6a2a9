"""Options that verbs share which query CMR."""

from __future__ import annotations

from earthdata_standin import EarthdataStandin
from tests.commands.running import FIJI, run


def test_a_restricted_collection_takes_the_login(cloud: EarthdataStandin) -> None:
    cloud.faults.restricted = {"C3326974349-NSIDC_CPRD"}
    assert run("search", FIJI).exit_code == 1
    result = run("search", FIJI, "--login", "--limit", "1")
    assert result.exit_code == 0
    assert cloud.token not in result.output


def test_a_definition_that_is_not_there() -> None:
    result = run("search", "catalogs/nowhere")
    assert result.exit_code == 1
    assert "There is no definition catalogs/nowhere" in result.stderr
