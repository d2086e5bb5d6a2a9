"""File names of every product's granules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_builder.errors import ProductError
from catalog_builder.products.facts import PRODUCTS
from catalog_builder.products.file_name import ProductFileName

NAMES = {
    "ATL03_20181014002445_02350104_006_02": (235, 1, 4, "006", 2),
    "ATL06_20250913142324_13722807_007_01": (1372, 28, 7, "007", 1),
    "ATL07-01_20190323101341_12980201_005_01": (1298, 2, 1, "005", 1),
    "ATL08_20260718174253_05303206_007_01": (530, 32, 6, "007", 1),
    "ATL10-02_20181227215113_13790101_006_02": (1379, 1, 1, "006", 2),
    "ATL13_20230607174704_11971901_007_01": (1197, 19, 1, "007", 1),
    "ATL24_20241107234251_08052501_006_01_002_01": (805, 25, 1, "002", 1),
}


@pytest.mark.parametrize("name", NAMES)
def test_names_are_read_and_written(name: str) -> None:
    for text in (name, f"{name}.h5", f"s3://b/a/{name}.h5?x=1", f"processed_{name}.h5"):
        found = ProductFileName.parse(text)
        facts = (found.rgt, found.cycle, found.region, found.release, found.revision)
        assert facts == NAMES[name]
        assert found.id == name


def test_names_of_products_bear_what_others_lack() -> None:
    assert ProductFileName.parse("ATL10-02_20181227215113_13790101_006_02").hemisphere == 2
    bathymetry = ProductFileName.parse("ATL24_20241107234251_08052501_006_01_002_03.h5")
    assert bathymetry.made_from == ("006", 1)
    assert (bathymetry.release, bathymetry.revision) == ("002", 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ATL08_20260718174253_05303206_007.h5", "expected ATL08_"),
        ("ATL08-01_20260718174253_05303206_007_01.h5", "expected ATL08_"),
        ("ATL07_20190323101341_12980201_005_01.h5", "expected ATL07-"),
        ("ATL24_20241107234251_08052501_006_01.h5", "expected ATL24_"),
        ("ATL08_20260718174253_14003206_007_01.h5", "impossible track 1400"),
        ("ATL08_20260718174253_05303215_007_01.h5", "region 15"),
        ("ATL13_20230607174704_11971902_007_01.h5", "region 2"),
        ("ATL08_20261318174253_05303206_007_01.h5", "impossible time"),
        ("ATL11_051911_0328_007_01.h5", "ATL11 is not opened here: its rows are places"),
        ("ATL99_20260718174253_05303206_007_01.h5", "no product of ICESat-2 that is known"),
        ("GEDI.h5", "not the name of an ICESat-2 granule"),
    ],
)
def test_other_names_are_refused_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(ProductError, match=message):
        ProductFileName.parse(text)


@given(st.text(max_size=60), st.sampled_from(sorted(PRODUCTS)))
def test_any_text_is_a_name_or_an_error(text: str, product: str) -> None:
    for name in (text, f"{product}_{text}", f"{product}-01_{text}"):
        try:
            found = ProductFileName.parse(name)
        except ProductError:
            continue
        assert ProductFileName.parse(found.id) == found
