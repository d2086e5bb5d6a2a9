"""Items come from anyone: what is read of them is of its type, or it is a RecordError."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from sample_items import make_indexed_item, make_item

from catalog_builder.catalog.stac.item_shape import require_shape
from catalog_builder.errors import RecordError


@pytest.mark.parametrize("number", range(8))
def test_items_of_a_build_have_it(number: int) -> None:
    require_shape(make_item(number))
    require_shape(make_indexed_item(number))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["properties"], None),
        (["assets"], []),
        (["assets", "data"], "s3://b/k"),
        (["assets", "data", "storage:refs"], [1]),
        (["assets", "data", "file:checksum"], {}),
        (["properties", "icesat2:beams"], [1]),
        (["properties", "icesat2:beams", "gt1l"], "x"),
        (["properties", "icesat2:beams", "gt1l", "photons"], -1),
        (["properties", "storage:schemes"], {"nsidc": "x"}),
    ],
)
def test_other_shapes_are_refused_by_name(path: list[str], value: Any) -> None:
    item = copy.deepcopy(make_indexed_item(1))
    inside: Any = item
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = value
    with pytest.raises(RecordError, match=rf"{item['id']}.* is no STAC Item"):
        require_shape(item)
