"""Items as rows and back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_items import make_item, make_table

from catalog_builder.catalog.index.to_arrow import to_items
from catalog_builder.errors import (
    CatalogError,
)

_OPTIONAL = ("sat:absolute_orbit", "processing:datetime", "storage:schemes", "auth:schemes")


@given(
    lost=st.sets(st.sampled_from(_OPTIONAL)),
    lost_assets=st.sets(st.sampled_from(["data", "https", "metadata", "thumbnail"])),
    title=st.text(max_size=6),
    size=st.integers(0, 2**40),
)
@settings(max_examples=60, deadline=None)
def test_optional_fields_come_back_where_they_are(
    lost: set[str], lost_assets: set[str], title: str, size: int
) -> None:
    odd = make_item(4)
    odd["properties"] |= {"title": title, "sat:absolute_orbit": size, "processing:datetime": "x"}
    for name in lost:
        odd["properties"].pop(name, None)
    odd["assets"]["thumbnail"] = {"href": title, "file:size": size} if size % 2 else {"href": "h"}
    odd["assets"]["thumbnail"].pop("file:size", None)
    for name in lost_assets:
        odd["assets"].pop(name, None)
    plain = make_item(11)
    back = {item["id"]: item for item in to_items(make_table([plain, odd]))}
    assert back == {plain["id"]: plain, odd["id"]: odd}


def test_a_field_without_a_column_is_an_error() -> None:
    item = make_item(0)
    item["properties"]["icesat2:unheard"] = 1
    with pytest.raises(CatalogError, match="does not fit the columns"):
        make_table([item])


def test_times_keep_their_microseconds() -> None:
    item = make_item(0)
    item["properties"]["end_datetime"] = "2018-10-14T00:06:43.118001Z"
    assert next(to_items(make_table([item]))) == item
