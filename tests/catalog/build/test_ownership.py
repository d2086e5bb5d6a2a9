"""A damaged catalog is repaired by a full build; one that is not the builder's is left alone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from building import DEFINITION, WORLD, build_from, records_of, tree

from catalog_builder.catalog.build import fetch_pages
from catalog_builder.catalog.build.staging_directory import STAGING
from catalog_builder.catalog.verify.checks import verify
from catalog_builder.errors import CatalogError
from earthdata_standin import LocalCloud

RECORDS = records_of()[:8]

DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda body: b"",
    "truncated": lambda body: body[: len(body) // 2],
    "garbage": lambda body: bytes(range(255, 0, -1)) * 3,
    "overwritten": lambda body: body[: len(body) // 3] + b"\xff" * 64 + body[-64:],
    "another value": lambda body: b"[]",
    "no id": lambda body: b'{"id": 7, "definition": null}',
    "nested": lambda body: b"[" * 100_000,
}


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(world=WORLD) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def built(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built") / "public"
    build_from(cloud, folder, RECORDS)
    return folder


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "public"))


def damage(folder: Path, name: str, how: str) -> None:
    path = folder / name
    if how == "missing":
        path.unlink()
    else:
        path.write_bytes(DAMAGES[how](path.read_bytes()))


def whole(folder: Path) -> dict[str, str]:
    """All files with the report."""
    report = (folder / "build-report.json").read_bytes()
    return {**tree(folder), "build-report.json": report.decode(errors="replace")}


@pytest.mark.parametrize("how", [*DAMAGES, "missing"])
def test_a_damaged_root_is_written_anew_by_a_full_build(
    cloud: LocalCloud, folder: Path, built: Path, how: str
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


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("how", DAMAGES)
def test_with_a_damaged_report_all_records_are_read(
    cloud: LocalCloud,
    folder: Path,
    built: Path,
    caplog: pytest.LogCaptureFixture,
    how: str,
    full: bool,
) -> None:
    damage(folder, "build-report.json", how)
    report = build_from(cloud, folder, RECORDS, full=full)
    assert "build-report.json cannot be used" in caplog.text
    assert report.mode == "full"
    assert report.read == len(RECORDS)
    assert tree(folder) == tree(built)
    assert verify(folder).ok


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("asked", "9999-01-01T00:00:00Z"),
        ("listed", "2999-01-01T00:00:00Z"),
        ("asked", "yesterday"),
        ("hits", "many"),
        ("hits", 1e999),
        ("set_aside", [{"granule_ur": 1, "concept_id": "C", "reason": "R"}]),
        ("set_aside", ["x"]),
        ("set_aside", [{}]),
        ("recipe", None),
    ],
)
def test_a_report_that_cannot_be_is_not_used(
    cloud: LocalCloud, folder: Path, key: str, value: object
) -> None:
    path = folder / "build-report.json"
    path.write_bytes(orjson.dumps({**orjson.loads(path.read_bytes()), key: value}))
    assert build_from(cloud, folder, RECORDS).mode == "full"
    assert build_from(cloud, folder, RECORDS).mode == "update"


def test_a_report_that_is_gone_is_written_anew_by_a_full_build(
    cloud: LocalCloud, folder: Path, built: Path
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
    cloud: LocalCloud, tmp_path: Path, how: str, items: str
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
    cloud: LocalCloud, folder: Path
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


@pytest.mark.parametrize("how", ["empty", "truncated", "garbage", "overwritten"])
@pytest.mark.parametrize("full", [False, True])
def test_a_damaged_build_state_is_read_again(
    cloud: LocalCloud,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    how: str,
    full: bool,
) -> None:
    monkeypatch.setattr(fetch_pages, "PAGE", 4)

    def stop(progress: object) -> None:
        if getattr(progress, "stage", None) == "reading CMR":
            raise KeyboardInterrupt

    records = records_of()[:12]
    with pytest.raises(KeyboardInterrupt):
        build_from(cloud, folder, records, full=full, progress=stop)
    state = folder / STAGING / "work"
    for companion in ("-wal", "-shm"):
        (state / f"rows.sqlite{companion}").unlink(missing_ok=True)
    damage(folder, f"{STAGING}/work/rows.sqlite", how)
    build_from(cloud, folder, records, full=full)
    assert "all is read again" in caplog.text
    build_from(cloud, tmp_path / "other", records)
    assert tree(folder) == tree(tmp_path / "other")
    assert not (folder / STAGING).exists()


def test_with_root_and_report_damaged_the_intake_catalog_tells(
    cloud: LocalCloud, folder: Path, built: Path
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
    cloud: LocalCloud, folder: Path, name: str
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
    cloud: LocalCloud, tmp_path: Path, text: str | None, full: bool
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
