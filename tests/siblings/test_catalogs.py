"""A catalog, a search, references, a Dataset and a check of each product."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

from catalog_builder.catalog.build.build import build
from catalog_builder.catalog.cmr.client import CmrClient
from catalog_builder.catalog.definition import Definition
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.index.lookup import find_item
from catalog_builder.catalog.stac.beam_assets import BEAM_FACTS
from catalog_builder.catalog.verify.checks import verify
from catalog_builder.errors import PhotonsError
from catalog_builder.indexing.index_catalog import index_catalog
from catalog_builder.opening.one_granule import open_beam
from catalog_builder.photons.open_photons import open_photons
from catalog_builder.products.facts import PRODUCTS, product_named
from catalog_builder.products.granule_name import GranuleName
from earthdata_standin import EarthdataStandin, World
from earthdata_standin.sibling_records import with_siblings

RELEASES = dict.fromkeys(PRODUCTS, "007") | {"ATL24": "002"}


@dataclasses.dataclass(frozen=True)
class Published:
    cloud: EarthdataStandin
    folders: dict[str, Path]

    @property
    def world(self) -> World:
        return self.cloud.world


def definition_of(product: str) -> Definition:
    return Definition(
        name=product,
        title=product,
        short_name=product,
        version=RELEASES[product],
        provider="NSIDC_CPRD",
    )


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    folder = tmp_path_factory.mktemp("products")
    world = World.simulate(granules=5, photons=600, folder=folder / "files")
    world = with_siblings(world, tuple(PRODUCTS))
    with (
        EarthdataStandin(world=world, rewrite_links=True) as cloud,
        CmrClient(cloud.cmr_url) as client,
    ):
        for name in RELEASES:
            definition = definition_of(name)
            report = build(definition, folder / name, client=client, jobs=1)
            assert not report.set_aside, report.set_aside
            again = build(definition, folder / name, client=client, jobs=1)
            assert (again.mode, again.files_written) == ("update", 0)
        yield Published(cloud, {name: folder / name for name in RELEASES})


@pytest.mark.parametrize("product", PRODUCTS)
def test_a_catalog_of_each_product_is_sound(published: Published, product: str) -> None:
    report = verify(published.folders[product])
    assert not report.problems
    assert report.items_read == report.items > 0


@pytest.mark.parametrize("product", PRODUCTS)
def test_it_is_searched_and_opened(published: Published, product: str) -> None:
    index = ItemIndex.open(published.folders[product])
    for item in index:
        name = GranuleName.parse(item.id)
        assert name.product is product_named(product)
        assert item.collection_id == f"{product}_{RELEASES[product]}" == name.collection
        west, south, east, north = item.bbox
        near = index.search(bbox=[west, south, east, north], rgt=name.rgt, cycle=name.cycle)
        assert item.id in near.ids
        assert find_item(published.folders[product], item.id)["id"] == item.id
    key = item.assets["data"].href.removeprefix("s3://")
    path = published.world.objects.get(key)
    assert path is not None
    main = name.product.main
    with h5py.File(path) as file:
        beam = next(name for name in file if name.startswith("gt"))
        expected = file[f"{beam}/{main.path(main.latitude)}"][:]
    dataset = open_beam(path, beam)
    assert dataset.sizes[main.dimension] == len(expected) > 0
    latitude = "lat_ph" if "lat_ph" in dataset.coords else "latitude"
    np.testing.assert_array_equal(dataset[latitude].values, expected)


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.filterwarnings("error::catalog_builder.errors.ReferencesWarning")
def test_it_is_indexed_and_opened_by_its_references(
    published: Published, product: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in published.cloud.environment.items():
        monkeypatch.setenv(name, value)
    folder = Path(shutil.copytree(published.folders[product], tmp_path / "public"))
    with ThreadPoolExecutor(2) as executor:
        report = index_catalog(folder, executor=executor)
    assert not report.failed
    assert not verify(folder).problems
    index = ItemIndex.open(folder)
    assert sorted(report.indexed) == sorted(index.ids)
    for item in index:
        beams = [beam for beam, one in item.properties[BEAM_FACTS].items() if one["photons"]]
        by_references = open_beam(item, beams[-1])
        xr.testing.assert_identical(by_references, open_beam(item, beams[-1], references=False))
    with CmrClient(published.cloud.cmr_url) as client:
        definition = definition_of(product)
        assert build(definition, folder, client=client, jobs=1).files_written == 0


@pytest.mark.parametrize("product", [name for name in PRODUCTS if name != "ATL03"])
def test_photons_are_of_atl03_alone(published: Published, product: str) -> None:
    with pytest.raises(PhotonsError, match=f"granules of {product}, which are not opened by"):
        open_photons(published.folders[product], [-180, -90, 180, 90])


def test_hemispheres_stand_in_names(published: Published) -> None:
    names = map(GranuleName.parse, ItemIndex.open(published.folders["ATL07"]).ids)
    assert {name.hemisphere for name in names} == {1, 2}


def test_a_quick_look_leaves_when_its_archive_removes_it(
    published: Published, tmp_path: Path
) -> None:
    """Which it does as soon as the final granule is there."""
    folder = Path(shutil.copytree(published.folders["ATL07QL"], tmp_path / "public"))
    ids = ItemIndex.open(folder).ids
    final = ItemIndex.open(published.folders["ATL07"]).ids
    assert {one.replace("ATL07QL", "ATL07") for one in ids} == set(final)
    world = published.world
    kept = [one for one in world.granules if ids[0] not in one["umm"]["GranuleUR"]]
    assert len(kept) == len(world.granules) - 1
    try:
        published.cloud.world = dataclasses.replace(world, granules=kept)
        with CmrClient(published.cloud.cmr_url) as client:
            report = build(definition_of("ATL07QL"), folder, client=client, jobs=1)
    finally:
        published.cloud.world = world
    assert report.removed == (ids[0],)
    assert sorted(ItemIndex.open(folder).ids) == sorted(ids[1:])
    assert not verify(folder).problems
