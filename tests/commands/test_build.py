"""The verb that builds a catalog."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from building import WORLD, records_of

from catalog_builder.catalog.index.item_index import ItemIndex
from earthdata_standin import EarthdataStandin
from tests.commands.running import run


def test_build_tells_what_it_did(cmr: EarthdataStandin, definition: str, tmp_path: Path) -> None:
    result = run("build", definition, "--out", str(tmp_path / "public"))
    assert result.exit_code == 0
    facts = dict(
        line.split(maxsplit=1) for line in result.stdout.splitlines() if "set" not in line
    )
    assert (facts["granules"], facts["added"], facts["removed"]) == ("39", "39", "0")
    assert facts["catalog"].endswith("public/catalog.json")
    assert "Set aside: ATL03_" in result.stderr
    assert "no direct-access (S3) link" in result.stderr


def test_build_as_json_and_dry(cmr: EarthdataStandin, definition: str, tmp_path: Path) -> None:
    result = run("build", definition, "--out", str(tmp_path / "public"), "--dry-run", "--json")
    report = json.loads(result.stdout)
    assert (report["items"], report["dry_run"], report["hits"]) == (39, True, 40)
    assert not (tmp_path / "public").exists()


def test_build_refuses_to_empty_a_catalog(
    cmr: EarthdataStandin, definition: str, built: Path
) -> None:
    cmr.world = replace(WORLD, granules=records_of()[:5])
    result = run("build", definition, "--out", str(built))
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: The catalog holds 39 granules, but CMR lists only 5")
    assert run("build", definition, "--out", str(built), "--full").exit_code == 0
    assert len(ItemIndex.open(built)) == 5


def test_build_without_network_is_one_sentence(
    definition: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CMR_URL", "http://127.0.0.1:9/search")
    result = run("build", definition, "--out", str(tmp_path / "public"))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: CMR at 127.0.0.1:9 cannot be reached")
    assert not (tmp_path / "public").exists()
