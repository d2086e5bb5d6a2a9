"""Paths of a published catalog: where each file lies, and which files are the layout's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog_builder.catalog.stac import layout
from catalog_builder.products.granule_name import GranuleName
from catalog_builder.safe_folder import SafeFolder

NAME = GranuleName.parse("ATL03_20181014031924_02370102_007_01")
DAY = "ATL03_007/cycle-01/2018-10-14"
ITEM = f"{DAY}/{NAME.id}.json"
REFERENCES = f"ATL03_007/references/cycle-01/2018-10-14/{NAME.id}.json.zst"
OLDER = f"ATL03_007/references/cycle-01/2018-10-14/{NAME.id}_gt1l.json.zst"


def test_an_item_lies_by_cycle_and_day() -> None:
    assert layout.item_path("ATL03_007", NAME) == ITEM
    assert layout.path_of("ATL03_007", NAME.id) == ITEM
    assert layout.references_path("ATL03_007", NAME) == REFERENCES
    assert layout.references_path("ATL03_007", NAME, "references_gt1l") == OLDER


@pytest.mark.parametrize(
    "path",
    [
        *layout.ROOT_FILES,
        "ATL03_007/collection.json",
        "ATL03_007/cycle-01/catalog.json",
        f"{DAY}/catalog.json",
        ITEM,
    ],
)
def test_what_the_layout_has_may_be_replaced(path: str) -> None:
    assert layout.is_published(path)


@pytest.mark.parametrize(
    "path",
    [
        "README.md",
        "ATL03_007/README.md",
        "items.parquet/catalog.json",
        f"{DAY}/notes.json",
        f"../{ITEM}",
        f"/{ITEM}",
        f"{ITEM}.bak",
        ITEM.replace("cycle-01", "cycle-02"),
        ITEM.replace("2018-10-14", "2018-10-15"),
        ITEM.replace(DAY, "ATL03_007"),
        f"{DAY}/catalog.json\n",
    ],
)
def test_what_a_user_put_there_may_not(path: str) -> None:
    assert not layout.is_published(path)


def test_only_files_of_the_layout_are_found(tmp_path: Path) -> None:
    own = {"catalog.json", "items.parquet", f"{DAY}/catalog.json", ITEM}
    foreign = {"notes.txt", f"{DAY}/notes.json", f"old/{ITEM}", "ATL03_007/cycle-1/catalog.json"}
    for path in own | foreign | {REFERENCES, OLDER}:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    assert set(layout.published_files(SafeFolder(tmp_path))) == own
    assert sorted(layout.reference_files(SafeFolder(tmp_path))) == [
        (REFERENCES, ITEM, "references"),
        (OLDER, ITEM, "references_gt1l"),
    ]
    assert all(map(layout.is_removable, (REFERENCES, OLDER)))


def test_a_collection_is_no_path() -> None:
    assert layout.is_collection("ATL03_007")
    for other in ("../ATL03_007", "ATL03_007/..", "/ATL03_007", "ATL03_007\n", "", None, 7):
        assert not layout.is_collection(other)
