"""A page of CMR's records is kept as it came."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from catalog_builder.errors import FolderError
from catalog_builder.nasa_page import check_page
from catalog_builder.nasa_report import Answer
from earthdata_standin import EarthdataStandin, World

WORLD_WIDE = (-180.0, -90.0, 180.0, 90.0)


def test_a_page_is_kept_and_its_headers_are_told(cloud: EarthdataStandin, tmp_path: Path) -> None:
    answers: list[Answer] = []
    found = check_page("007", "NSIDC_CPRD", WORLD_WIDE, tmp_path / "kept", answers)
    (answer,) = answers
    assert (answer.status, answer.headers["CMR-Hits"]) == (200, found.partition(" ")[0])
    records = World.from_records(tmp_path / "kept" / "ATL03_007.umm.json").granules
    assert found.endswith(f", {len(records)} records in a page")
    assert check_page("007", "NSIDC_CPRD", WORLD_WIDE, None, []) == found
    with pytest.raises(FolderError, match="cannot be a folder"):
        check_page("007", "NSIDC_CPRD", WORLD_WIDE, tmp_path / "kept" / "ATL03_007.umm.json", [])


def test_a_refusal_is_told_and_is_an_error(cloud: EarthdataStandin, tmp_path: Path) -> None:
    answers: list[Answer] = []
    with pytest.raises(requests.HTTPError):
        check_page("007", "NSIDC_CPRD", (0.0, 80.0, 1.0, -80.0), tmp_path, answers)
    assert [one.status for one in answers] == [400]
    assert not list(tmp_path.iterdir())
