"""What an item holds of its granule's beams."""

from __future__ import annotations

import json
from typing import Any

from sample_items import make_item

from catalog_builder.catalog.stac.beam_assets import (
    add_references,
    frames_of,
    photons_of,
    references_of,
)
from catalog_builder.catalog.stac.layout import path_of, references_path
from catalog_builder.products.granule_name import GranuleName
from tests.catalog.indexed_catalog import Item


def test_indexing_again_replaces_older_assets() -> None:
    item = make_item(4)
    path = path_of(item["collection"], item["id"])
    plain = json.loads(json.dumps(item))
    item["assets"]["references_gt1l"] = {"href": "as layout 1 has it"}
    for names in (["gt1l", "gt2r"], ["gt3r"]):
        beams: dict[Any, Item] = {beam: {"photons": 3} for beam in names}
        add_references(item, path, size=7, beams=beams, orientation=None)
        assert [key for key in item["assets"] if "references" in key] == ["references"]
        assert item["assets"]["references"]["file:size"] == 7
        assert item["properties"]["icesat2:beams"] == beams
        assert "icesat2:sc_orient" not in item["properties"]
    assert plain["assets"].items() <= item["assets"].items()


def test_what_is_put_in_can_be_read_again() -> None:
    item = make_item(4)
    path = path_of(item["collection"], item["id"])
    frame = {"offset": 0, "length": 9, "crc32": 5}
    beams: dict[Any, Any] = {
        "gt3r": {"photons": 0},
        "gt1l": {"photons": 12, "references": frame},
    }
    add_references(item, path, size=9, beams=beams, orientation=1)
    assert list(item["properties"]["icesat2:beams"]) == ["gt1l", "gt3r"]  # as tracks lie
    assert item["properties"]["icesat2:sc_orient"] == 1
    assert photons_of(item) == {"gt1l": 12, "gt3r": 0}
    assert frames_of(item) == {"gt1l": frame}
    name = GranuleName.parse(item["id"])
    assert references_of(item, path) == {
        "references": (references_path(item["collection"], name), 9)
    }


def test_an_item_that_is_not_indexed_has_none() -> None:
    item = make_item(4)
    assert (photons_of(item), frames_of(item), references_of(item, "a/b.json")) == ({}, {}, {})


def test_reference_files_of_layout_1_are_found_by_beam() -> None:
    item = make_item(4)
    item["assets"]["references_gt2l"] = {"href": "../../references/x_gt2l.json.zst"}
    assert references_of(item, "ATL03_007/cycle-01/2018-10-14/x.json") == {
        "references_gt2l": ("ATL03_007/references/x_gt2l.json.zst", None)
    }
