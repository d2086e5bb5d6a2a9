"""Items by number, plain or indexed, and the rows they become."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import pyarrow as pa
from sample_items import make_indexed_item, make_item

from catalog_builder.catalog.index.schema import item_schema
from catalog_builder.catalog.index.to_arrow import to_rows

SCHEMA = item_schema(beams=False)


Choice = tuple[int, bool]
"""Number of a granule, and whether it is indexed."""


@cache
def item_of(choice: Choice) -> dict[str, Any]:
    number, is_indexed = choice
    return make_indexed_item(number) if is_indexed else make_item(number)


def table_of(choices: Sequence[Choice], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_batches([to_rows(list(map(item_of, choices)), schema)], schema)
