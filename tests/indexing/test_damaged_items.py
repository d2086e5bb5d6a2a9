"""An item file that is damaged stops neither the indexing of the others nor their index."""

from __future__ import annotations

from pathlib import Path

import pytest
from building import WORLD, build_from, records_of, tree
from canned_scans import CannedScans

from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.verify.checks import verify
from catalog_builder.indexing.index_catalog import index_catalog
from earthdata_standin import EarthdataStandin

RECORDS = records_of()[:5]


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"",
        b"[]",
        b"7",
        b"null",
        b'{"id": "',
        b"\xff" * 90,
        b'{"id": "ATL03_20181220132500_12660111_007_01"}',
        b'{"id": "%s", "properties": 7, "assets": {}, "geometry": {}, "bbox": []}',
        b'{"id": "%s", "properties": {}, "assets": {"references": 3}, "geometry": {}, "bbox": []}',
        None,
    ],
)
def test_a_damaged_item_fails_alone(tmp_path: Path, body: bytes | None) -> None:
    folder, whole = tmp_path / "public", tmp_path / "whole"
    with EarthdataStandin(world=WORLD) as cloud:
        build_from(cloud, folder, RECORDS)
        build_from(cloud, whole, RECORDS)
        index_catalog(whole, executor=CannedScans())
        path = sorted(folder.glob("ATL03_007/cycle-*/*/ATL03_*.json"))[1]
        row = next(
            item for item in ItemIndex.open(folder).dictionaries() if item["id"] == path.stem
        )
        if body is None:
            path.unlink()
        else:
            path.write_bytes(body.replace(b"%s", path.stem.encode()))
        report = index_catalog(folder, executor=CannedScans())
        assert [failed.granule for failed in report.failed] == [path.stem]
        assert "build" in report.failed[0].error
        assert (report.granules, report.before, len(report.indexed)) == (5, 0, 4)
        rows = {item["id"]: item for item in ItemIndex.open(folder).dictionaries()}
        assert len(rows) == 5
        assert rows[path.stem] == row
        assert sum("icesat2:beams" in item["properties"] for item in rows.values()) == 4
        build_from(cloud, folder, RECORDS, full=True)
        assert index_catalog(folder, executor=CannedScans()).indexed == (path.stem,)
        assert verify(folder).ok
    assert tree(folder) == tree(whole)
