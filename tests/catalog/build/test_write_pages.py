"""Pages of a catalog as a build writes them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from building import (
    broken,
    build_from,
    records_of,
)

from catalog_builder.catalog.stac.web_page import web_page
from catalog_builder.catalog.verify.checks import verify
from catalog_builder.errors import CatalogError
from earthdata_standin import EarthdataStandin


def test_the_folder_is_laid_out_as_promised(cloud: EarthdataStandin, out: Path) -> None:
    report = build_from(cloud, out)
    assert (report.hits, report.read, report.items, len(report.set_aside)) == (40, 40, 39, 1)
    files = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert {path for path in files if "/" not in path} == {
        "catalog.json",
        "catalog.yml",
        "items.parquet",
        "build-report.json",
        "index.html",
    }
    items = [path for path in files if re.search(r"/ATL03_\d{14}_\d{8}_007_\d{2}\.json$", path)]
    assert len(items) == 39
    for path in items:
        _, cycle, day, name = path.split("/")
        assert cycle == f"cycle-{name[25:27]}"
        assert day == f"{name[6:10]}-{name[10:12]}-{name[12:14]}"
        assert {f"ATL03_007/{cycle}/catalog.json", f"ATL03_007/{cycle}/{day}/catalog.json"} < files
    assert broken(out) == []


def test_the_one_absolute_link(cloud: EarthdataStandin, out: Path) -> None:
    build_from(cloud, out, url="https://example.org/ice/")
    links = json.loads((out / "catalog.json").read_text())["links"]
    assert [link["href"] for link in links if link["rel"] == "self"] == [
        "https://example.org/ice/catalog.json"
    ]
    for path in out.rglob("*.json"):
        if path.name not in ("catalog.json", "build-report.json") or path.parent != out:
            for link in json.loads(path.read_text()).get("links", []):
                rels = ("about", "cite-as", "license")
                assert link["rel"] in rels or link["href"].startswith(".")
    assert verify(out).ok
    with pytest.raises(CatalogError, match="ftp://example"):
        build_from(cloud, out, url="ftp://example.org")


def test_the_page_for_people_changes_only_where_it_is_another_version(
    cloud: EarthdataStandin, out: Path
) -> None:
    build_from(cloud, out)
    page = out / "index.html"
    assert page.read_bytes() == web_page()
    before = page.stat().st_mtime_ns
    build_from(cloud, out, records_of()[:-2])
    assert page.stat().st_mtime_ns == before
    page.write_bytes(web_page()[:3000])  # of an older version, or damaged
    build_from(cloud, out, records_of()[:-2])
    assert page.read_bytes() == web_page()
    page.unlink()  # a catalog of an older version
    build_from(cloud, out, records_of()[:-2])
    assert page.read_bytes() == web_page()


def test_a_page_that_the_user_put_there_stays(cloud: EarthdataStandin, out: Path) -> None:
    build_from(cloud, out)
    (out / "index.html").write_text("<!doctype html><title>My group</title>")
    build_from(cloud, out, full=True)
    assert "My group" in (out / "index.html").read_text()
    assert verify(out).ok
