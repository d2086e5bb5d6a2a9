"""A catalog, a search, a Dataset and a check of each product, and an index where there is one."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import h5py
import numpy as np
import pytest

from catalog_builder.catalog.build.build import build
from catalog_builder.catalog.cmr.client import CmrClient
from catalog_builder.catalog.definition import Definition
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.catalog.index.lookup import find_item
from catalog_builder.catalog.verify.checks import verify
from catalog_builder.errors import CatalogError, PhotonsError
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
    world: World
    folders: dict[str, Path]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    folder = tmp_path_factory.mktemp("products")
    world = World.simulate(granules=5, photons=600, folder=folder / "files")
    world = with_siblings(world, tuple(PRODUCTS))
    with EarthdataStandin(world=world) as cloud, CmrClient(cloud.cmr_url) as client:
        for name, release in RELEASES.items():
            definition = Definition(
                name=name, title=name, short_name=name, version=release, provider="NSIDC_CPRD"
            )
            report = build(definition, folder / name, client=client, jobs=1)
            assert not report.set_aside, report.set_aside
            again = build(definition, folder / name, client=client, jobs=1)
            assert (again.mode, again.files_written) == ("update", 0)
    return Published(world, {name: folder / name for name in RELEASES})


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


@pytest.mark.parametrize("product", [name for name in PRODUCTS if name != "ATL03"])
def test_what_only_photons_have_is_refused_with_the_reason(
    published: Published, product: str
) -> None:
    with pytest.raises(CatalogError, match=f"beams of {product} are read without"):
        index_catalog(published.folders[product])
    with pytest.raises(PhotonsError, match=f"granules of {product}, which are not opened by"):
        open_photons(published.folders[product], [-180, -90, 180, 90])


def test_hemispheres_stand_in_names(published: Published) -> None:
    names = map(GranuleName.parse, ItemIndex.open(published.folders["ATL07"]).ids)
    assert {name.hemisphere for name in names} == {1, 2}
