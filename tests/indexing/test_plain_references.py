"""Plain references, where they are asked for: beside the others, and kept by builds."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import orjson
from building import tree
from published_catalog import publish

from catalog_builder.beams.references.frames import inflate_file
from catalog_builder.catalog.index.item_index import open_index
from catalog_builder.catalog.verify.checks import verify
from catalog_builder.indexing.index_catalog import IndexingReport, index_catalog
from catalog_builder.publish.file_headers import headers_of
from earthdata_standin import EarthdataStandin


def index(folder: Path, granules: list[str], **options: bool) -> IndexingReport:
    with ThreadPoolExecutor(2) as executor:
        return index_catalog(folder, granules=granules, executor=executor, **options)


def plain_files(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in folder.glob("ATL03_007/references/*/*/*.json")}


def test_plain_references_stand_beside_the_others(cloud: EarthdataStandin, tmp_path: Path) -> None:
    folder = publish(tmp_path / "catalog")
    first, second, third = open_index(folder).ids[:3]
    index(folder, [first, second])
    cloud.requests.clear()
    report = index(folder, [first], plain=True)
    assert not [
        one for one in cloud.requests if one.service in ("s3", "data")
    ]  # nothing is scanned
    assert not report.failed
    assert [*plain_files(folder)] == [first]
    index(folder, [third], plain=True)
    assert sorted(plain_files(folder)) == sorted([first, third])
    assert verify(folder).ok, verify(folder).problems
    # The same content, without templates.
    for granule, path in plain_files(folder).items():
        whole = orjson.loads(inflate_file(path.with_suffix(".json.zst").read_bytes()))
        plain = json.loads(path.read_text())
        address = open_index(folder).item(granule).assets["data"].href
        assert "templates" not in plain
        assert whole["templates"] == {"u": address}
        assert plain["refs"] == {
            key: [address, *value[1:]] if isinstance(value, list) else value
            for key, value in whole["refs"].items()
        }
        asset = open_index(folder).item(granule).assets["plain_references"]
        assert asset.media_type == headers_of(str(path.relative_to(folder)))["Content-Type"]
        assert asset.extra_fields["file:size"] == path.stat().st_size
    # A build keeps them, and a scan makes them anew.
    told = tree(folder)
    publish(folder)
    assert plain_files(folder)
    kept = {name: body for name, body in tree(folder).items() if "references" in name}
    assert kept == {name: body for name, body in told.items() if "references" in name}
    index(folder, [first, second], again=True)
    assert sorted(plain_files(folder)) == sorted([first, third])
    assert verify(folder).ok


def test_damaged_references_are_told(cloud: EarthdataStandin, tmp_path: Path) -> None:
    folder = publish(tmp_path / "catalog")
    (granule,) = open_index(folder).ids[:1]
    index(folder, [granule])
    (path,) = folder.glob("ATL03_007/references/*/*/*.json.zst")
    path.write_bytes(b"nothing")
    report = index(folder, [granule], plain=True)
    assert [one.granule for one in report.failed] == [granule]
    assert not plain_files(folder)
