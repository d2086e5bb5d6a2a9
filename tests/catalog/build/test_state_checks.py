"""Interrupted builds: what the next one resumes, and what it reads again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from building import DEFINITION, build_from, records_of, tree

from catalog_builder.catalog.build import fetch_pages
from catalog_builder.catalog.build.staging_directory import STAGING
from catalog_builder.catalog.verify.checks import verify
from catalog_builder.errors import CmrUnavailableError
from earthdata_standin import EarthdataStandin
from tests.catalog.build.damage import damage


def test_an_interrupted_build_is_resumed_after_the_last_page(
    cloud: EarthdataStandin, tmp_path: Path, small_pages: None
) -> None:
    build_from(cloud, tmp_path / "plain")
    out = tmp_path / "out"
    seen: list[int] = []

    def stop(progress: Any) -> None:
        if progress.stage == "reading CMR":
            seen.append(progress.done)
            if progress.done >= 21:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_from(cloud, out, progress=stop)
    assert (out / STAGING).is_dir()
    assert not (out / "catalog.json").exists()
    went: list[int] = []
    build_from(cloud, out, progress=lambda p: went.append(p.done) if p.total == 40 else None)
    assert went[0] > 21
    assert tree(out) == tree(tmp_path / "plain")
    assert not (out / STAGING).exists()


def test_an_interrupted_build_is_not_resumed_for_another_definition(
    cloud: EarthdataStandin, tmp_path: Path, small_pages: None
) -> None:
    out = tmp_path / "out"

    def stop(progress: Any) -> None:
        if progress.stage == "reading CMR" and progress.done >= 14:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_from(cloud, out, progress=stop)
    boxed = replace(DEFINITION, bounding_box=(-180.0, 0.0, 180.0, 90.0))
    build_from(cloud, out, definition=boxed)
    build_from(cloud, tmp_path / "plain", definition=boxed)
    assert tree(out) == tree(tmp_path / "plain")


def test_a_listing_that_lacks_records_is_not_resumed(
    cloud: EarthdataStandin, tmp_path: Path, small_pages: None
) -> None:
    out = tmp_path / "out"
    cloud.faults.unavailable = 1000
    try:
        with pytest.raises(CmrUnavailableError):
            build_from(cloud, out)
    finally:
        cloud.faults.unavailable = 0
    assert not out.exists()
    build_from(cloud, out)
    assert verify(out).ok


@pytest.mark.parametrize("how", ["empty", "truncated", "garbage", "overwritten"])
@pytest.mark.parametrize("full", [False, True])
def test_a_damaged_build_state_is_read_again(
    cloud: EarthdataStandin,
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
    assert "all records are fetched again" in caplog.text
    build_from(cloud, tmp_path / "other", records)
    assert tree(folder) == tree(tmp_path / "other")
    assert not (folder / STAGING).exists()
