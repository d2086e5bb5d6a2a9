"""What users ask for beside a granule's own datasets: classes and heights."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog_builder.beams.columns.heights import HeightColumns
from catalog_builder.beams.storage.links import GranuleLinks
from catalog_builder.catalog.index.item_index import ItemIndex
from catalog_builder.errors import PairError, VariableNotFoundError
from catalog_builder.opening.derived_columns import DerivedRequest
from catalog_builder.siblings.photon_classes import PhotonClassColumns

NAME = "20220401221822_01501506_006_02.h5"


def test_variables_are_divided_among_the_granules() -> None:
    names, derived = DerivedRequest.parse(
        ["h_ph", "ATL08/ph_h", "geolocation/segment_id"],
        {"atl08": f"/a/ATL08_{NAME}", "ATL24": "/b"},
        ["geoid"],
    )
    assert names == ["h_ph", "geolocation/segment_id"]
    land, bathymetry, heights = derived.columns_of(f"ATL03_{NAME}", ["gt1l"])
    assert isinstance(land, PhotonClassColumns)
    assert land.datasets == ("ph_h",)
    assert land.links == GranuleLinks(local=f"/a/ATL08_{NAME}")
    assert isinstance(bathymetry, PhotonClassColumns)
    assert bathymetry.product == "ATL24"
    assert heights == HeightColumns(heights=("geoid",))


def test_siblings_of_many_granules_are_known_by_ids_or_names() -> None:
    granule = f"/x/ATL03_{NAME}"
    newer, other = NAME.replace("_02.h5", "_03.h5"), NAME.replace("_0150", "_0151")
    for siblings in (
        {granule[3:-3]: f"/b/ATL08_{newer}"},
        [f"/a/ATL08_{NAME}", f"/b/ATL08_{newer}", f"/b/ATL08_{other}", "/b/readme.h5"],
    ):
        _, derived = DerivedRequest.parse(None, {"atl08": siblings}, None)
        (land,) = derived.columns_of(granule, ["gt1l"])
        assert isinstance(land, PhotonClassColumns)
        assert land.links == GranuleLinks(local=f"/b/ATL08_{newer}")


def test_what_nothing_gives_is_refused() -> None:
    _, derived = DerivedRequest.parse(None, "atl08", None)
    with pytest.raises(PairError, match=r"classes=\{\"atl08\":"):
        derived.columns_of(f"/a/ATL03_{NAME}", ["gt1l"])
    with pytest.raises(PairError, match="'atl06' gives photons no classes: atl08 and atl24 do"):
        DerivedRequest.parse(None, {"atl06": "/a"}, None)
    with pytest.raises(PairError, match="atl08 is named twice"):
        DerivedRequest.parse(None, ["atl08", "atl08?"], None)
    with pytest.raises(VariableNotFoundError, match="ask for its classes"):
        DerivedRequest.parse(["atl08/ph_h"], None, None)


@pytest.mark.parametrize("address", ["/b", "a" * 5000, "~/nowhere", "https://h/ATL08_x.h5?sig=1"])
def test_what_is_no_catalog_is_a_granule(address: str) -> None:
    _, derived = DerivedRequest.parse(None, {"atl08": address}, None)
    assert derived.classes[0].granules == address


@pytest.mark.parametrize("address", ["s3://b/c", "https://h/c/", "https://h/c/catalog.json?sig=1"])
def test_the_address_of_a_catalog_opens_its_index(address: str, tmp_path: Path) -> None:
    for one in (address, f"{tmp_path}", tmp_path, tmp_path / "catalog.json"):
        _, derived = DerivedRequest.parse(None, {"atl08": one}, None)
        assert isinstance(derived.classes[0].granules, ItemIndex)
