"""New files of a catalog until they are published."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from catalog_builder.catalog.build.staging_directory import STAGING, StagingDirectory
from catalog_builder.errors import FolderError
from catalog_builder.safe_folder import SafeFolder

DAY = "ATL03_007/cycle-01/2018-10-14"
ITEM = f"{DAY}/ATL03_20181014031924_02370102_007_01.json"
OTHER = f"{DAY}/ATL03_20181014045341_02380102_007_01.json"
PAGE = f"{DAY}/catalog.json"
CYCLE = "ATL03_007/cycle-01/catalog.json"
COLLECTION = "ATL03_007/collection.json"
SUFFIX = ".0123456789abcdef"


@pytest.fixture
def staging(tmp_path: Path) -> StagingDirectory:
    staging = StagingDirectory(SafeFolder(tmp_path))
    staging.prepare()
    return staging


def publish_all(staging: StagingDirectory) -> list[str]:
    order = []
    for path in staging.publishing_order():
        staging.publish(path)
        order.append(path)
    return order


def test_a_file_is_published_by_rename(staging: StagingDirectory, tmp_path: Path) -> None:
    staging.write(ITEM, b"{}")
    assert staging.read(ITEM) == b"{}"
    assert not (tmp_path / "ATL03_007").exists()
    staging.publish(ITEM)
    assert (tmp_path / ITEM).read_bytes() == b"{}"
    assert staging.read(ITEM) is None


def test_a_file_equal_to_the_published_one_is_not_written(
    staging: StagingDirectory, tmp_path: Path
) -> None:
    assert staging.put(PAGE, b"one")
    staging.publish(PAGE)
    assert not staging.put(PAGE, b"one")
    assert staging.read(PAGE) is None
    assert staging.put(PAGE, b"two")
    assert (staging.read(PAGE), (tmp_path / PAGE).read_bytes()) == (b"two", b"one")


def test_a_file_comes_after_all_that_it_points_to(
    staging: StagingDirectory, tmp_path: Path
) -> None:
    everything = [ITEM, PAGE, CYCLE, COLLECTION, "items.parquet", "catalog.yml", "catalog.json"]
    for path in everything:
        staging.write(path, b"1")
    # Nothing points into a folder that is new, so it is published whole.
    assert publish_all(staging) == ["ATL03_007", *everything[4:]]
    for path in everything[::-1]:
        staging.write(path, b"2")
    staging.write(OTHER, b"2")
    assert publish_all(staging) == [ITEM, OTHER, *everything[1:]]
    assert all((tmp_path / path).read_bytes() == b"2" for path in [*everything, OTHER])


def test_one_variant_of_an_item_is_chosen(staging: StagingDirectory) -> None:
    os.close(staging.create(ITEM))
    with pytest.raises(FileExistsError):
        staging.create(ITEM)
    handle = staging.create_variant(ITEM, SUFFIX)
    os.write(handle, b"second")
    os.close(handle)
    assert sorted(staging.items()) == [(ITEM, ""), (ITEM, SUFFIX)]
    assert (staging.read(ITEM), staging.read(ITEM, SUFFIX)) == (b"", b"second")
    staging.choose_variant(ITEM, SUFFIX)
    assert list(staging.items()) == [(ITEM, "")]
    assert staging.read(ITEM) == b"second"
    staging.remove(ITEM)
    staging.remove(ITEM)  # no error if there is none
    assert list(staging.items()) == []


@pytest.mark.parametrize("variants", [True, False])
def test_files_that_no_build_writes_are_removed(
    staging: StagingDirectory, tmp_path: Path, variants: bool
) -> None:
    new = tmp_path / STAGING / "new"
    staging.write(ITEM, b"1")
    os.close(staging.create_variant(ITEM, SUFFIX))
    for path in ("notes.txt", f"{DAY}/.hidden", "other/deep/x.json"):
        (new / path).parent.mkdir(parents=True, exist_ok=True)
        (new / path).write_text("not ours")
    staging.remove_strangers(variants=variants)
    left = sorted(path.relative_to(new).as_posix() for path in new.rglob("*") if path.is_file())
    assert left == [ITEM, f"{ITEM}{SUFFIX}"][: 1 + variants]
    assert not (new / "other").exists()


@pytest.mark.parametrize("path", ["../x.json", "notes.txt", f"{DAY}/x.json", "/etc/passwd", ""])
def test_a_path_outside_the_layout_is_refused(staging: StagingDirectory, path: str) -> None:
    for act in (staging.read, staging.remove, staging.create, staging.path):
        with pytest.raises(FolderError, match="not the path of a catalog's file"):
            act(path)
    with pytest.raises(FolderError):
        staging.write(path, b"")


def test_all_new_files_can_be_cleared(staging: StagingDirectory, tmp_path: Path) -> None:
    staging.write(ITEM, b"1")
    staging.path("items.parquet").write_bytes(b"1")
    staging.clear()
    assert list(staging.publishing_order()) == []
    assert (tmp_path / STAGING).is_dir()
