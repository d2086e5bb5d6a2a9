"""A catalog that holds ATL03, ATL08 and ATL24: their pairs are found in it, and opened."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from catalog_builder.catalog.build.build import build
from catalog_builder.catalog.cmr.client import CmrClient
from catalog_builder.catalog.definition import Definition
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.stac.beam_assets import BEAM_FACTS
from catalog_builder.catalog.verify.checks import verify
from catalog_builder.errors import SeveralReleasesError
from catalog_builder.indexing.index_catalog import index_catalog
from catalog_builder.opening.many_granules import open_beams
from catalog_builder.opening.one_granule import open_beam
from catalog_builder.photons.open_photons import open_photons
from catalog_builder.siblings.pairs import sibling_of
from earthdata_standin import EarthdataStandin, World
from earthdata_standin.sibling_records import with_siblings

DEFINITION = Definition.read(
    "pairs",
    'title = "Pairs"\nprovider = "NSIDC_CPRD"\n'
    + "".join(
        f'[[collections]]\nshort_name = "{name}"\nversion = "{release}"\n'
        for name, release in (
            ("ATL03", "007"),
            ("ATL08", "007"),
            ("ATL03", "006"),
            ("ATL24", "002"),
        )
    ),
)


@dataclass(frozen=True)
class Pairs:
    cloud: EarthdataStandin
    folder: Path

    def build(self, folder: Path) -> int:
        with CmrClient(self.cloud.cmr_url) as client:
            return build(DEFINITION, folder, client=client, jobs=1).files_written


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pairs]:
    folder = tmp_path_factory.mktemp("pairs")
    world = World.simulate(granules=5, photons=600, folder=folder / "files")
    world = with_siblings(world, ("ATL08", "ATL24"))
    with EarthdataStandin(world=world, rewrite_links=True) as cloud:
        known = Pairs(cloud, folder / "public")
        known.build(known.folder)
        yield known


@pytest.fixture(autouse=True)
def at_the_stand_in(pairs: Pairs, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in pairs.cloud.environment.items():
        monkeypatch.setenv(name, value)


def path_of(pairs: Pairs, item: object) -> str:
    key = item.assets["data"].href.removeprefix("s3://")  # type: ignore[attr-defined]
    path = pairs.cloud.world.objects.get(key)
    assert path is not None
    return str(path)


@pytest.mark.parametrize("key", ["atl08", "atl24"])
def test_classes_come_from_the_sibling_that_the_item_names(pairs: Pairs, key: str) -> None:
    index = ItemIndex.open(pairs.folder)
    named = [item for item in index if f"icesat2:{key}" in item.properties]
    assert named
    for item in named[:2]:
        sibling = index.item(item.properties[f"icesat2:{key}"])
        assert sibling_of(item, key).id == sibling.id
        found = open_beam(item, "gt1l", ["h_ph"], classes=key)
        assert found.attrs[f"{key}_granule"] == sibling.id
        by_path = open_beam(item, "gt1l", ["h_ph"], classes={key: path_of(pairs, sibling)})
        xr.testing.assert_identical(found, by_path)
        assert (found[f"class_{key}"] != -1).any()


@pytest.mark.filterwarnings("ignore::catalog_builder.errors.ReferencesWarning")
def test_photons_of_a_catalog_of_several_products_are_of_atl03(pairs: Pairs) -> None:
    index = ItemIndex.open(pairs.folder)
    item = next(item for item in index if "icesat2:atl08" in item.properties)
    area = list(item.bbox)
    with pytest.raises(SeveralReleasesError, match="006 and 007"):
        open_photons(pairs.folder, area)
    photons = open_photons(pairs.folder, area, release="007", classes="atl08?")
    assert all(one.startswith("ATL03") for one in photons["granule"].values.tolist())
    siblings = photons["atl08_granule"].values.tolist()
    known = {one.id: one.properties.get("icesat2:atl08", "") for one in index}
    assert siblings == [known[one] for one in photons["granule"].values.tolist()]
    by_collection = open_photons(index.search(collections="ATL03_007"), area, classes="atl08?")
    np.testing.assert_array_equal(by_collection["h_ph"], photons["h_ph"])


def test_beams_of_a_catalog_of_several_products_are_of_atl03(pairs: Pairs) -> None:
    found = open_beams(ItemIndex.open(pairs.folder), "gt1l", ["h_ph"])
    nodes = [*found.children]
    assert nodes
    assert all(name.startswith("ATL03") for name in nodes)
    assert "ATL08" not in found.attrs["left_out"]


def test_it_is_indexed_and_keeps_references_and_siblings(pairs: Pairs, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(pairs.folder, tmp_path / "public"))
    with ThreadPoolExecutor(2) as executor:
        report = index_catalog(folder, executor=executor)
    assert not report.failed
    assert {one[:5] for one in report.indexed} == {"ATL03", "ATL08", "ATL24"}
    assert not verify(folder).problems
    assert pairs.build(folder) == 0
    index = ItemIndex.open(folder)
    item = next(item for item in index if "icesat2:atl08" in item.properties)
    classes = open_beam(item, "gt1l", ["h_ph"], classes="atl08")
    xr.testing.assert_identical(
        classes, open_beam(item, "gt1l", ["h_ph"], classes="atl08", references=False)
    )

    # Its sibling goes: the item is written again, and keeps its references.
    sibling = item.properties["icesat2:atl08"]
    world = pairs.cloud.world
    left = [one for one in world.granules if sibling not in json.dumps(one)]
    pairs.cloud.world = replace(world, granules=left)
    try:
        assert pairs.build(folder) > 0
        after = ItemIndex.open(folder).item(item.id)
        assert "icesat2:atl08" not in after.properties
        assert after.properties[BEAM_FACTS] == item.properties[BEAM_FACTS]
        assert not verify(folder).problems
    finally:
        pairs.cloud.world = world
