from __future__ import annotations

import pytest

from catalog_builder.catalog.stac.sibling_links import fits, sibling_property
from catalog_builder.products.facts import CLASSES, product_named
from catalog_builder.products.granule_name import GranuleName

GRANULE = GranuleName.parse("ATL03_20181014031924_02370102_006_02")


@pytest.mark.parametrize(
    ("product", "name", "expected"),
    [
        ("ATL08", "ATL08_20181014031925_02370102_006_01", True),
        ("ATL08", "ATL08_20181014031925_02370102_007_01", False),
        ("ATL08", "ATL08_20181014031925_02370103_006_01", False),
        ("ATL08", "ATL08_20181014031925_02370202_006_01", False),
        ("ATL24", "ATL08_20181014031925_02370102_006_01", False),
        ("ATL24", "ATL24_20181014031925_02370102_006_02_002_01", True),
        ("ATL24", "ATL24_20181014031925_02370102_006_01_002_01", False),
    ],
)
def test_which_granules_go_with_one(product: str, name: str, expected: bool) -> None:
    assert fits(GranuleName.parse(name), GRANULE, product_named(product)) is expected


def test_siblings_are_those_that_give_classes() -> None:
    assert [sibling_property(product_named(key)) for key in CLASSES] == [
        "icesat2:atl08",
        "icesat2:atl24",
    ]
