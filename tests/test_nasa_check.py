"""The check of NASA's services runs against the stand-in, and its report holds no secret."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from catalog_builder.nasa_check import check_nasa
from catalog_builder.nasa_report import Finding
from earthdata_standin import EarthdataStandin, World

WORLD_WIDE = (-180.0, -90.0, 180.0, 90.0)


@pytest.fixture(autouse=True)
def off_amazon(cloud: EarthdataStandin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("ROOT_URL", cloud.harmony_url)
    monkeypatch.setenv("VERBOSE", "FALSE")


def states(findings: tuple[Finding, ...]) -> set[str]:
    return {one.state for one in findings}


@pytest.mark.parametrize(
    "releases", [["007"], pytest.param(["006", "007"], marks=pytest.mark.heavy)]
)
def test_every_claim_is_checked_and_nothing_is_told(
    cloud: EarthdataStandin, tmp_path: Path, releases: list[str]
) -> None:
    report, kept = tmp_path / "report.md", tmp_path / "kept"
    findings = check_nasa(report, area=WORLD_WIDE, releases=releases, recordings=kept)
    assert states(findings) == {"ok"}, [one for one in findings if one.state != "ok"]
    text = report.read_text()
    assert cloud.token not in text
    for key in ("Authorization", "Set-Cookie", "Location", "Signature", "sessionToken"):
        assert key.lower() not in text.lower()
    claims = [
        "bit for bit",
        "206 after",
        "CMR-Hits",
        "valid until",
        "photons of 1 pass",
        "good ones",
        "| Harmony cuts a granule: the same bits | ok |",
    ]
    for claim in claims:
        assert claim in text
    assert len(findings) == 17 * len(releases)
    for release in releases:
        again = World.from_records(kept / f"ATL03_{release}.umm.json")
        assert again.granules


@pytest.mark.parametrize(
    "way",
    [
        "not asked",
        pytest.param("no extra", marks=pytest.mark.heavy),
        pytest.param("it fails", marks=pytest.mark.heavy),
    ],
)
def test_harmony_is_left_out_or_fails_by_itself(
    cloud: EarthdataStandin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    if way == "no extra":
        monkeypatch.setitem(sys.modules, "harmony", None)
    if way == "it fails":
        cloud.faults.harmony_fails = 1
    report = tmp_path / "report.md"
    *others, last = check_nasa(
        report, area=WORLD_WIDE, releases=["007"], harmony=way != "not asked"
    )
    assert states(tuple(others)) == {"ok"}
    words = {
        "not asked": ("left out", "--no-harmony"),
        "no extra": ("left out", "[harmony]"),
        "it fails": ("failed", "failed, with 0 results"),
    }
    state, told = words[way]
    assert last.state == state
    assert told in last.found
    assert told in report.read_text()


def test_out_of_region_is_no_failure(cloud: EarthdataStandin, tmp_path: Path) -> None:
    cloud.faults.in_region = False
    findings = check_nasa(tmp_path / "report.md", area=WORLD_WIDE, releases=["007"])
    assert states(findings) == {"ok", "elsewhere"}, findings


def test_without_a_login_it_says_so_and_still_builds(
    cloud: EarthdataStandin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EARTHDATA_TOKEN")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    findings = check_nasa(tmp_path / "report.md", area=WORLD_WIDE, releases=["007"])
    by_claim = {one.claim: one for one in findings}
    assert by_claim["build: a static STAC catalog"].state == "ok"
    assert by_claim["the driver gets temporary S3 keys"].state == "failed"
    assert "EARTHDATA_TOKEN" in by_claim["the driver gets temporary S3 keys"].found
