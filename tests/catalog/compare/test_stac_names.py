"""Names of granules, read from the items of a STAC API."""

from __future__ import annotations

from typing import Any

import pytest

from catalog_builder.catalog.compare.stac_names import item_name
from catalog_builder.errors import RecordError
from catalog_builder.products.granule_name import GranuleName


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"id": "ATL03_20181014031924_02370102_007_01"}, "007_01"),
        ({"id": "ATL03_20181014031924_02370102_007_01.h5_dpyQXxz6", "assets": None}, "007_01"),
        (
            {
                "id": "SC:ATL03.006:256325263",
                "assets": {
                    "xml": {"href": "https://x/ATL03_20181014031924_02370102_007_09.iso.xml"},
                    "other": {"href": "https://x/ATL06_20181014031924_02370102_007_09.h5"},
                    "s3": {"href": "s3://b/ATL03_20181014031924_02370102_007_02.h5"},
                    "https": {"href": "https://x/ATL03_20181014031924_02370102_007_02.h5?a=b/c"},
                },
            },
            "007_02",
        ),
    ],
)
def test_names_of_items(item: dict[str, Any], expected: str) -> None:
    assert item_name(item) == GranuleName.parse(f"ATL03_20181014031924_02370102_{expected}")


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ({"id": "SC:ATL03.006:256325263"}, "is not the name of an ICESat-2 granule"),
        ({}, "does not follow STAC"),
        ({"id": "x", "assets": 7}, "does not follow STAC"),
        (7, "does not follow STAC"),
        (
            {
                "assets": {
                    "one": {"href": "s3://b/ATL03_20181014031924_02370102_007_01.h5"},
                    "two": {"href": "s3://b/ATL03_20181014031924_02370103_007_01.h5"},
                }
            },
            "files are of several granules",
        ),
    ],
)
def test_items_without_a_name(item: Any, words: str) -> None:
    with pytest.raises(RecordError, match=words):
        item_name(item)
