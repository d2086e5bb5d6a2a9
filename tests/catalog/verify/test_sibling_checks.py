"""Items that name other siblings than the catalog holds are found."""

from __future__ import annotations

import json
from pathlib import Path

from several_collections import (
    a_pair,
)

from catalog_builder.catalog.verify.checks import verify


def test_verify_finds_items_that_name_other_siblings(copied: Path) -> None:
    granule, sibling = a_pair(copied)
    path = next(copied.rglob(f"{granule}.json"))
    item = json.loads(path.read_bytes())
    del item["properties"]["icesat2:atl08"]
    path.write_text(json.dumps(item))
    problems = "\n".join(verify(copied).problems)
    assert f"names the siblings none, not {sibling}" in problems
    assert "links to the siblings ATL08_007/" in problems
