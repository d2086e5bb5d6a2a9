"""Catalogs of the layout before, which has a reference set a beam, and of one yet to come."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from building import CLOUD_007, DEFINITION, tree
from older_references import older_item, older_set
from published_catalog import publish

from catalog_builder.catalog.build.build import build
from catalog_builder.catalog.build.reindex import write_index
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.stac.layout import COLLECTION, INDEX, LAYOUT, LAYOUT_KEY
from catalog_builder.catalog.verify.checks import verify
from catalog_builder.errors import CatalogError
from catalog_builder.indexing.index_catalog import index_catalog
from catalog_builder.opening.one_granule import open_beam
from catalog_builder.opening.resolve import resolve
from earthdata_standin import EarthdataStandin, World

Item = dict[str, Any]


@pytest.fixture(scope="module")
def running(world: World) -> Iterator[EarthdataStandin]:
    with EarthdataStandin(world=world, rewrite_links=True) as cloud:
        granules = [r for r in cloud.world.granules if in_the_catalog(r)]
        cloud.world = replace(cloud.world, granules=granules[:3])
        yield cloud


def in_the_catalog(record: dict[str, Any]) -> bool:
    links = {link["Type"] for link in record["umm"]["RelatedUrls"]}
    concept = record["meta"]["collection-concept-id"]
    return concept == CLOUD_007 and "GET DATA VIA DIRECT ACCESS" in links


@pytest.fixture(scope="module")
def made(running: EarthdataStandin, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An indexed catalog, as this version writes it."""
    folder = tmp_path_factory.mktemp("made") / "public"
    with pytest.MonkeyPatch.context() as patch:
        lead_to(running, patch)
        index(publish(folder))
    return folder


@pytest.fixture
def cloud(running: EarthdataStandin, monkeypatch: pytest.MonkeyPatch) -> EarthdataStandin:
    """The one that the items name."""
    lead_to(running, monkeypatch)
    running.requests.clear()
    return running


@pytest.fixture
def newest(cloud: EarthdataStandin, made: Path, tmp_path: Path) -> Path:
    """A copy of the catalog, to be changed."""
    return Path(shutil.copytree(made, tmp_path / "public"))


def lead_to(cloud: EarthdataStandin, patch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name in {"CMR_URL", "NETRC"} or name.startswith(("EARTHDATA_", "AWS_")):
            patch.delenv(name)
    for name, value in cloud.environment.items():
        patch.setenv(name, value)


def index(folder: Path, **options: Any) -> None:
    with ThreadPoolExecutor(2) as threads:
        assert index_catalog(folder, executor=threads, **options).failed == ()


def make_older(folder: Path) -> None:
    """Rewrite the catalog as version 0.2 wrote it."""
    items = [
        older_files(path)
        for path in sorted(folder.glob("*/cycle-*/*/*.json"))
        if "ATL03_" in path.name
    ]
    write_index(items, folder / INDEX)
    with_index_metadata(folder, lambda known: known.pop(LAYOUT_KEY.encode()))
    with_collection(folder, lambda known: known.pop(LAYOUT_KEY))


def older_files(path: Path) -> Item:
    """Write an item's references as a set a beam, and the item; returns it."""
    item: Item = json.loads(path.read_bytes())
    known = resolve({**item, "links": [{"rel": "self", "href": str(path)}]}).load_all()
    assert known is not None
    newer = path.parent / item["assets"]["references"]["href"]
    sets = {beam: older_set(references) for beam, references in known.beams.items()}
    item = older_item(item, {beam: len(body) for beam, body in sets.items()})
    for beam, body in sets.items():
        (path.parent / item["assets"][f"references_{beam}"]["href"]).write_bytes(body)
    newer.unlink()
    path.write_text(json.dumps(item))
    return item


def with_collection(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    (path,) = folder.glob(f"*/{COLLECTION}")
    known = json.loads(path.read_bytes())
    change(known)
    path.write_text(json.dumps(known))


def with_index_metadata(folder: Path, change: Callable[[dict[bytes, bytes]], Any]) -> None:
    table = pq.read_table(folder / INDEX)
    known = dict(table.schema.metadata)
    change(known)
    pq.write_table(table.replace_schema_metadata(known), folder / INDEX)


def list_ids(folder: Path) -> None:
    assert ItemIndex.open(folder).ids


def build_anew(folder: Path) -> None:
    build(replace(DEFINITION, name="everything", title="All of it"), folder, full=True)


def values_of(folder: Path) -> dict[str, Any]:
    found = ItemIndex.open(folder)
    return {name: open_beam(found.item(name), "gt2l", ["h_ph"]).load() for name in found.ids[:2]}


def test_a_catalog_of_the_layout_before_is_read_and_verified(
    newest: Path, cloud: EarthdataStandin
) -> None:
    expected = values_of(newest)
    make_older(newest)
    cloud.requests.clear()
    found = values_of(newest)
    assert all(found[name].identical(expected[name]) for name in expected)
    reads = [r for r in cloud.requests if r.service == "s3" and r.method == "GET"]
    assert 0 < len(reads) < 60  # by their references
    assert verify(newest).ok


@pytest.mark.parametrize("rebuilt", [False, True])
def test_indexing_leaves_of_it_what_it_makes_anew(newest: Path, rebuilt: bool) -> None:
    expected = tree(newest)
    make_older(newest)
    if rebuilt:
        publish(newest)
        assert verify(newest).ok
    index(newest, limit=2)  # some of either layout, side by side
    assert verify(newest).ok
    if rebuilt:
        publish(newest)
    index(newest)
    assert verify(newest).ok
    if not rebuilt:
        publish(newest)
    assert tree(newest) == expected


@pytest.mark.parametrize(
    ("read", "of"),
    [
        (list_ids, "the index"),
        *product((verify, index, publish, build_anew), ("the index", "the collection")),
    ],
)
def test_a_catalog_of_a_newer_layout_is_refused_in_one_sentence(
    newest: Path, of: str, read: Callable[[Path], Any]
) -> None:
    newer = LAYOUT + 1
    if of == "the index":
        with_index_metadata(
            newest, lambda known: known.update({LAYOUT_KEY.encode(): b"%d" % newer})
        )
    else:
        with_collection(newest, lambda known: known.update({LAYOUT_KEY: newer}))
    before = tree(newest)
    with pytest.raises(CatalogError, match=rf"layout .*{newer}.*use a newer catalog-builder"):
        read(newest)
    assert tree(newest) == before
