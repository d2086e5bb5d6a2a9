"""Pages of records, fetched by several queries and made items in several processes."""

from __future__ import annotations

from pathlib import Path

import pytest
from building import build_from, tree

from catalog_builder.catalog.build import fetch_pages
from catalog_builder.errors import CatalogError
from earthdata_standin import EarthdataStandin


@pytest.mark.parametrize("at_once", [1, 3])
def test_processes_and_queries_at_once_give_the_same_bytes(
    cloud: EarthdataStandin,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    small_pages: None,
    at_once: int,
) -> None:
    build_from(cloud, tmp_path / "plain", jobs=1)
    monkeypatch.setattr(fetch_pages, "_FEW", 0)
    report = build_from(cloud, tmp_path / "other", jobs=2, at_once=at_once)
    assert tree(tmp_path / "other") == tree(tmp_path / "plain")
    assert (report.hits, report.read, report.items) == (40, 40, 39)


@pytest.mark.parametrize("at_once", [0, 5])
def test_only_one_to_four_queries_run_at_once(
    cloud: EarthdataStandin, tmp_path: Path, at_once: int
) -> None:
    with pytest.raises(CatalogError, match="1 to 4"):
        build_from(cloud, tmp_path / "out", at_once=at_once)


def test_all_wait_where_cmr_asks_one_to_wait(cloud: EarthdataStandin, tmp_path: Path) -> None:
    build_from(cloud, tmp_path / "plain")
    cloud.faults.retry_after = 2
    try:
        build_from(cloud, tmp_path / "other", at_once=4)
    finally:
        cloud.faults.retry_after = 0
    assert tree(tmp_path / "other") == tree(tmp_path / "plain")
