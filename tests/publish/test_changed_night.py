"""A night with 170 changes among 5,000 granules uploads those, their pages and the index alone.

100 granules are revised, 50 new, 20 withdrawn.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.mission_cmr import mission_cmr
from benchmarks.mission_records import record_file
from catalog_builder.catalog.build.build import build
from catalog_builder.catalog.definition import Definition
from catalog_builder.catalog.stac.layout import ROOT_FILES, is_item
from catalog_builder.publish.publication import publish

DEFINITION = Definition(
    name="mission", title="Mission", short_name="ATL03", version="007", provider="NSIDC_CPRD"
)


def files(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    return {name: body for name, body in found.items() if not name.startswith(".")}


@pytest.mark.heavy
def test_a_night_uploads_what_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count, catalog, hosted = 5_000, tmp_path / "catalog", tmp_path / "hosted"
    _ = record_file(count).columns  # made once
    with mission_cmr(count) as cmr:
        monkeypatch.setenv("CMR_URL", cmr.url)
        cmr.first()
        build(DEFINITION, catalog)
        first = publish(catalog, str(hosted))
        assert len(first.uploaded) == first.files > count
        before = files(catalog)
        cmr.changed(datetime.now(UTC))
        report = build(DEFINITION, catalog)
        after = files(catalog)
    items = [path for path in after if is_item(path) and after[path] != before.get(path)]
    gone = {path for path in before if path not in after}
    gone_items = [path for path in gone if is_item(path)]
    assert len(items) == report.added_count + report.changed_count == 150
    # 20 are withdrawn, and 20 of those that were revised have another name.
    assert len(gone_items) == report.removed_count == 40
    night = publish(catalog, str(hosted))
    assert {*night.uploaded} == {path for path in after if after[path] != before.get(path)}
    assert {*night.removed} == gone
    pages = [path for path in night.uploaded if not is_item(path) and path not in ROOT_FILES]
    days = {path.rpartition("/")[0] for path in [*items, *gone_items]}
    cycles = {day.rpartition("/")[0] for day in days}
    allowed = {f"{folder}/catalog.json" for folder in days | cycles}
    assert {*pages} <= allowed | {"ATL03_007/collection.json"}
    assert "items.parquet" in night.uploaded
    assert "catalog.yml" not in night.uploaded
    assert files(hosted) == after
