"""References that items name: where they are not as an item says, that is found and named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from catalog_builder.catalog.serve import Host
from catalog_builder.catalog.stac.layout import reference_files, references_path
from catalog_builder.catalog.verify.checks import verify
from catalog_builder.products.granule_name import GranuleName
from catalog_builder.safe_folder import SafeFolder
from tests.catalog.indexed_catalog import Item, indexed, item_files


def test_all_of_it_is_verified(indexed_built: Path, schemas: Path) -> None:
    report = verify(indexed_built, schemas=schemas)
    assert (report.problems, report.notes) == ((), ())
    with Host(indexed_built) as host:
        assert verify(host.url, schemas=schemas).problems == ()
    assert verify(indexed_built, sample=5).problems == ()


def file_of(folder: Path, *, older: bool = False) -> Path:
    """A reference file."""
    return next(
        folder / path
        for path, _, key in reference_files(SafeFolder(folder))
        if key == ("references_gt2l" if older else "references")
    )


def lose(folder: Path) -> None:
    file_of(folder).unlink()


def lose_older(folder: Path) -> None:
    file_of(folder, older=True).unlink()


def shorten(folder: Path) -> None:
    file_of(folder).write_bytes(b"")


def flip(folder: Path) -> None:
    body = bytearray(file_of(folder).read_bytes())
    body[len(body) // 2] ^= 4
    file_of(folder).write_bytes(body)


def shift(folder: Path) -> None:
    change_frame(folder, offset=10**6)


def forget(folder: Path) -> None:
    change_item(folder, lambda item: item["properties"]["icesat2:beams"]["gt2l"].pop("references"))


def garble(folder: Path) -> None:
    change_frame(folder, offset="0")


def change_frame(folder: Path, **changes: Any) -> None:
    change_item(
        folder,
        lambda item: item["properties"]["icesat2:beams"]["gt2l"]["references"].update(changes),
    )


def change_item(folder: Path, change: Callable[[Item], Any]) -> None:
    path = indexed(folder)[0]
    item = json.loads(path.read_bytes())
    change(item)
    path.write_bytes(orjson.dumps(item))


def leave_behind(folder: Path) -> None:
    file = file_of(folder)
    items = item_files(folder).values()
    bare = next(item for item in items if not any("references" in key for key in item["assets"]))
    other = folder / references_path("ATL03_007", GranuleName.parse(bare["id"]))
    other.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(file, other)


def leave_without_item(folder: Path) -> None:
    file = file_of(folder)
    shutil.copy(file, file.with_name(file.name.replace("_007_", "_006_")))


def misplace(folder: Path) -> None:
    other = item_files(folder)[indexed(folder)[1].relative_to(folder).as_posix()]
    change_item(
        folder, lambda item: item["assets"].update(references=other["assets"]["references"])
    )


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lose, "names references that cannot be read"),
        (lose_older, "names references_gt2l that cannot be read"),
        (flip, "that differs from"),
        (shift, "has references of gt2l beyond the end of"),
        (forget, "has photons without references of gt2l"),
        (garble, "has no usable offsets of references"),
        (shorten, ", which has 0"),
        (leave_behind, "holds references that no item names"),
        (leave_without_item, "holds references that no item names"),
        (misplace, "has references at"),
    ],
)
def test_damage_is_found_and_named(
    indexed_copy: Path, damage: Callable[[Path], None], words: str
) -> None:
    damage(indexed_copy)
    report = verify(indexed_copy)
    assert any(words in problem for problem in report.problems), report.problems
