"""The sibling of an ATL03 granule, in its own catalog or another."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog_builder.catalog.build.build import build
from catalog_builder.catalog.cmr.client import CmrClient
from catalog_builder.catalog.definition import Definition
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.errors import MissingSiblingError, ProductError
from catalog_builder.opening.derived_columns import DerivedRequest
from catalog_builder.products.granule_name import GranuleName
from catalog_builder.siblings.pairs import sibling_of
from catalog_builder.siblings.photon_classes import PhotonClassColumns
from earthdata_standin import EarthdataStandin, World
from earthdata_standin.sibling_records import with_siblings


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A catalog of each of ATL03 (007 and 006), ATL08 and ATL24."""
    wanted = {"ATL03": "007", "ATL03_006": "006", "ATL08": "007", "ATL24": "002"}
    folder = tmp_path_factory.mktemp("catalogs")
    world = with_siblings(World.simulate(granules=9))
    with EarthdataStandin(world=world) as cloud, CmrClient(cloud.cmr_url) as client:
        for name, release in wanted.items():
            definition = Definition(
                name=name, title=name, short_name=name[:5], version=release, provider="NSIDC_CPRD"
            )
            build(definition, folder / name, client=client, jobs=1)
    return {name: folder / name for name in wanted}


def test_the_sibling_is_of_the_same_pass_and_release(folders: dict[str, Path]) -> None:
    catalog, missing = ItemIndex.open(folders["ATL08"]), 0
    for item in ItemIndex.open(folders["ATL03"]):
        granule = GranuleName.parse(item.id)
        try:
            found = GranuleName.parse(sibling_of(item, "atl08", catalog).id)
        except MissingSiblingError:
            missing += 1
            continue
        assert found.collection == "ATL08_007"
        assert (found.rgt, found.cycle, found.region) == (
            *(granule.rgt, granule.cycle, granule.region),
        )
    assert 0 < missing < len(ItemIndex.open(folders["ATL03"]))
    assert any(name.endswith("_007_02") for name in ItemIndex.open(folders["ATL03"]).ids)


def test_bathymetry_says_what_it_was_made_from(folders: dict[str, Path]) -> None:
    found = 0
    for item in ItemIndex.open(folders["ATL03_006"]):
        try:
            sibling = sibling_of(item.to_dict(), "ATL24", folders["ATL24"])
        except MissingSiblingError:
            continue
        found += 1
        granule = GranuleName.parse(item.id)
        assert GranuleName.parse(sibling.id).made_from == (granule.release, granule.revision)
    assert found
    newest = next(iter(ItemIndex.open(folders["ATL03"])))
    with pytest.raises(MissingSiblingError):
        sibling_of(newest, "atl24", folders["ATL24"])


def test_its_own_catalog_holds_none(folders: dict[str, Path]) -> None:
    item = next(iter(ItemIndex.open(folders["ATL03"])))
    with pytest.raises(MissingSiblingError, match=rf"no granule of ATL08 .* {item.id}"):
        sibling_of(item, "atl08")


def test_only_photons_have_siblings(folders: dict[str, Path]) -> None:
    item = next(iter(ItemIndex.open(folders["ATL08"])))
    with pytest.raises(ProductError, match=r"has no photons"):
        sibling_of(item, "atl08")


def test_classes_come_from_an_index_of_siblings(folders: dict[str, Path]) -> None:
    catalog, missing = ItemIndex.open(folders["ATL08"]), 0
    _, needed = DerivedRequest.parse(None, {"atl08": catalog}, None)
    _, optional = DerivedRequest.parse(None, {"atl08?": catalog}, None)
    for item in ItemIndex.open(folders["ATL03"]):
        (columns,) = optional.columns_of(item, ["gt1l"])
        assert isinstance(columns, PhotonClassColumns)
        if columns.links is None:
            missing += 1
            with pytest.raises(MissingSiblingError, match=item.id):
                needed.columns_of(item, ["gt1l"])
            continue
        assert columns.links.s3 is not None
        assert columns.links.s3.endswith(f"{sibling_of(item, 'atl08', catalog).id}.h5")
    assert 0 < missing < len(ItemIndex.open(folders["ATL03"]))
    _, own = DerivedRequest.parse(None, "atl08", None)
    with pytest.raises(MissingSiblingError, match="holds no granule of ATL08"):
        own.columns_of(item, ["gt1l"])
