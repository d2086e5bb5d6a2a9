"""A damaged catalog is repaired by a full build; one that is not the builder's is left alone."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from building import (
    DEFINITION,
    build_from,
    records_of,
    tree,
)

from catalog_builder.catalog.build.staging_directory import STAGING
from catalog_builder.catalog.verify.checks import verify
from catalog_builder.errors import CatalogError
from earthdata_standin import EarthdataStandin
from tests.catalog.build.damage import DAMAGES, RECORDS, damage, whole


@pytest.mark.parametrize("how", [*DAMAGES, "missing"])
def test_a_damaged_root_is_written_anew_by_a_full_build(
    cloud: EarthdataStandin, folder: Path, built: Path, how: str
) -> None:
    damage(folder, "catalog.json", how)
    before = whole(folder)
    state = "missing" if how == "missing" else "damaged"
    with pytest.raises(CatalogError, match=rf"catalog\.json is {state}: build with --full"):
        build_from(cloud, folder, RECORDS)
    assert whole(folder) == before
    build_from(cloud, folder, RECORDS, full=True)
    assert tree(folder) == tree(built)
    assert verify(folder).ok


def test_a_report_that_is_gone_is_written_anew_by_a_full_build(
    cloud: EarthdataStandin, folder: Path, built: Path
) -> None:
    (folder / "build-report.json").unlink()
    with pytest.raises(CatalogError, match=r"build-report\.json is missing: build with --full"):
        build_from(cloud, folder, RECORDS)
    build_from(cloud, folder, RECORDS, full=True)
    assert tree(folder) == tree(built)


@pytest.mark.parametrize("items", ["files", "none"])
@pytest.mark.parametrize(
    "how", ["empty", "truncated", "garbage", "overwritten", "missing", "footer"]
)
def test_a_damaged_index_is_written_anew_by_a_full_build(
    cloud: EarthdataStandin, tmp_path: Path, how: str, items: str
) -> None:
    folder = tmp_path / "public"
    build_from(cloud, folder, RECORDS, items=items)
    before = tree(folder)
    if how == "footer":
        index = folder / "items.parquet"
        body = index.read_bytes()
        index.write_bytes(body[:-64] + b"\xff" * 54 + body[-10:])
    else:
        damage(folder, "items.parquet", how)
    build_from(cloud, folder, RECORDS, items=items, full=True)
    assert tree(folder) == before
    assert verify(folder).ok


def test_a_build_that_meets_a_damaged_index_says_what_to_do(
    cloud: EarthdataStandin, folder: Path
) -> None:
    index = folder / "items.parquet"
    body = index.read_bytes()
    footer = len(body) - 8 - int.from_bytes(body[-8:-4], "little")
    index.write_bytes(body[:4] + b"\xff" * (footer - 4) + body[footer:])
    before = whole(folder)
    with pytest.raises(CatalogError, match=r"index is damaged .* build with --full"):
        build_from(cloud, folder, records_of()[:10])
    shutil.rmtree(folder / STAGING)  # what it had read, for the next build
    assert whole(folder) == before
    build_from(cloud, folder, records_of()[:10], full=True)
    assert verify(folder).ok


def test_with_root_and_report_damaged_the_intake_catalog_tells(
    cloud: EarthdataStandin, folder: Path, built: Path
) -> None:
    for name in ("catalog.json", "build-report.json"):
        damage(folder, name, "truncated")
    with pytest.raises(CatalogError, match="build with --full"):
        build_from(cloud, folder, RECORDS)
    other = replace(DEFINITION, name="fiji", title="Fiji")
    before = whole(folder)
    with pytest.raises(CatalogError, match="another catalog"):
        build_from(cloud, folder, RECORDS, other, full=True)
    assert whole(folder) == before
    build_from(cloud, folder, RECORDS, full=True)
    assert tree(folder) == tree(built)


@pytest.mark.parametrize("name", ["catalog.json", "build-report.json"])
def test_a_damaged_catalog_of_another_definition_is_left_alone(
    cloud: EarthdataStandin, folder: Path, name: str
) -> None:
    damage(folder, name, "empty")
    before = whole(folder)
    other = replace(DEFINITION, name="fiji", title="Fiji")
    with pytest.raises(CatalogError, match="another catalog, 'everywhere', not 'fiji'"):
        build_from(cloud, folder, RECORDS, other, full=True)
    assert whole(folder) == before


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(
    "text",
    [
        "sources: {}\n",
        "# Made by catalog-builder. Opening an intake catalog runs code that its author chose:\n"
        "# open those of people you trust.\nmetadata: {title: Other}\n",
        "# Made by catalog-builder. Opening an intake catalog runs code that its author chose:\n"
        "# open those of people you trust.\n" + "[" * 5000,
        None,
    ],
)
def test_a_strangers_files_are_left_alone(
    cloud: EarthdataStandin, tmp_path: Path, text: str | None, full: bool
) -> None:
    folder = tmp_path / "public"
    folder.mkdir()
    (folder / "catalog.json").write_bytes(os.urandom(100))
    (folder / "thesis.tex").write_text("all I have")
    if text is not None:
        (folder / "catalog.yml").write_text(text)
    before = tree(folder)
    with pytest.raises(CatalogError, match="another catalog"):
        build_from(cloud, folder, RECORDS, full=full)
    assert tree(folder) == before


def test_a_folder_of_something_else_is_left_alone(cloud: EarthdataStandin, out: Path) -> None:
    out.mkdir()
    (out / "thesis.tex").write_text("all I have")
    with pytest.raises(CatalogError, match="is not empty and not a catalog"):
        build_from(cloud, out)
    assert [path.name for path in out.iterdir()] == ["thesis.tex"]


def test_another_catalog_is_left_alone(cloud: EarthdataStandin, out: Path) -> None:
    build_from(cloud, out)
    before = tree(out)
    other = replace(DEFINITION, name="fiji")
    with pytest.raises(CatalogError, match="another catalog, 'everywhere', not 'fiji'"):
        build_from(cloud, out, definition=other)
    assert tree(out) == before


def test_a_catalog_that_others_made_is_left_alone(cloud: EarthdataStandin, out: Path) -> None:
    out.mkdir()
    (out / "catalog.json").write_text('{"id": "everywhere", "type": "Catalog"}')
    with pytest.raises(CatalogError, match="another catalog"):
        build_from(cloud, out)


def test_a_file_is_no_folder(cloud: EarthdataStandin, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CatalogError, match="is a file"):
        build_from(cloud, tmp_path / "file")


def test_hidden_files_do_not_make_a_folder_anothers(cloud: EarthdataStandin, out: Path) -> None:
    out.mkdir()
    (out / ".gitkeep").touch()
    assert build_from(cloud, out).items == 39
    assert (out / ".gitkeep").exists()
