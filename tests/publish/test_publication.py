"""A catalog is published whole: what changed, in order, and whatever interrupts it."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from catalog_builder.catalog.build.publish import PublishedFolder
from catalog_builder.catalog.stac.layout import is_published, is_reference
from catalog_builder.errors import (
    CatalogError,
    CatalogNotFoundError,
    FolderError,
    PublishError,
)
from catalog_builder.progress import Progress
from catalog_builder.publish.destination import FolderDestination
from catalog_builder.publish.manifest import MANIFEST, STATE
from catalog_builder.publish.publication import publish
from catalog_builder.publish.source_files import rank
from tests.publish.published import Failing, InterruptedRunError, content, dangling

ONE_OF_EACH = 14


def test_a_published_folder_is_equal_to_its_source(first: Path, tmp_path: Path) -> None:
    to, seen = tmp_path / "site", []
    report = publish(first, str(to), progress=seen.append)
    assert content(to) == content(first)
    assert report.files == len(report.uploaded) == len(content(first))
    assert report.uploaded_bytes == sum(map(len, content(first).values()))
    assert not dangling(content(to))
    assert isinstance(seen[-1], Progress)
    assert seen[-1].done == seen[-1].total == report.files


def test_a_night_uploads_what_changed_alone(first: Path, second: Path, tmp_path: Path) -> None:
    to = tmp_path / "site"
    publish(first, str(to))
    old, new = content(first), content(second)
    report = publish(second, str(to))
    assert set(report.uploaded) == {path for path in new if old.get(path) != new[path]}
    assert set(report.removed) == old.keys() - new.keys()
    assert len(report.uploaded) < len(new)
    assert content(to) == new


def test_a_second_run_writes_nothing(first: Path, tmp_path: Path) -> None:
    to = tmp_path / "site"
    publish(first, str(to))
    spy = Failing(FolderDestination(str(to)), 10**6, after=False)
    report = publish(first, spy)
    assert report.uploaded == report.removed == []
    assert not spy.puts


def test_another_time_of_the_same_content_uploads_nothing(first: Path, tmp_path: Path) -> None:
    """As after a checkout, or a cache that was restored."""
    to = tmp_path / "site"
    publish(first, str(to))
    for path in first.rglob("*.json"):
        os.utime(path, (1, 1))
    spy = Failing(FolderDestination(str(to)), 10**6, after=False)
    assert publish(first, spy).uploaded == []
    assert spy.puts == [MANIFEST]
    spy.puts.clear()
    publish(first, spy)
    assert not spy.puts


def test_files_come_after_all_that_they_point_to(
    first: Path, second: Path, tmp_path: Path
) -> None:
    """After each single operation, and wherever a run is broken off, no pointer leads nowhere."""
    to = tmp_path / "site"
    number, ended = 0, False
    while not ended:
        shutil.rmtree(to, ignore_errors=True)
        publish(first, str(to))
        for source in (second, first):
            try:
                publish(source, Failing(FolderDestination(str(to)), number, after=number % 2 > 0))
                ended |= source is second
            except InterruptedRunError:
                pass
            assert not dangling(content(to)), number
        publish(second, str(to))
        assert content(to) == content(second), number
        number += 3
    assert number > ONE_OF_EACH


@pytest.mark.parametrize("at", [0, 1, 5, 20, 29])
def test_a_first_run_that_was_broken_off_is_resumed(first: Path, tmp_path: Path, at: int) -> None:
    to = tmp_path / "site"
    with pytest.raises(InterruptedRunError):
        publish(first, Failing(FolderDestination(str(to)), at, after=True))
    assert not dangling(content(to))
    publish(first, str(to))
    assert content(to) == content(first)


def test_what_was_uploaded_before_an_error_is_not_uploaded_again(
    first: Path, tmp_path: Path
) -> None:
    to = FolderDestination(str(tmp_path / "site"))

    class Refusing(Failing):
        async def put(self, path, body, headers):  # type: ignore[no-untyped-def]
            if path == "items.parquet":
                raise PublishError("no more")
            return await super().put(path, body, headers)

    with pytest.raises(PublishError, match="no more"):
        publish(first, Refusing(to, 10**6, after=False))
    report = publish(first, to)
    assert report.uploaded[0] == "items.parquet"
    assert content(tmp_path / "site") == content(first)


def test_a_source_that_goes_back_is_uploaded_again(first: Path, tmp_path: Path) -> None:
    """What a broken-off run had uploaded does not pass for what was there before."""
    to, (item, *_) = tmp_path / "site", sorted(first.glob("*/cycle-*/*/ATL03_*.json"))
    publish(first, str(to))
    before = item.read_bytes()
    item.write_bytes(before.replace(b"icesat-2", b"icesat-3"))
    with pytest.raises(InterruptedRunError):
        publish(first, Failing(FolderDestination(str(to)), 2, after=True))
    assert content(to) != content(first) or b"icesat-3" in item.read_bytes()
    item.write_bytes(before)
    publish(first, str(to))
    assert content(to) == content(first)


@pytest.mark.parametrize("full", [False, True])
def test_full_finds_what_was_changed_at_the_destination(
    first: Path, tmp_path: Path, full: bool
) -> None:
    to = tmp_path / "site"
    publish(first, str(to))
    lost, changed, *_ = sorted(to.glob("*/cycle-*/*/ATL03_*.json"))
    lost.unlink()
    changed.write_bytes(b"x" * changed.stat().st_size)
    strange = changed.with_name(changed.name.replace("_01.json", "_02.json"))
    strange.write_bytes(b"{}")
    report = publish(first, str(to), full=full)
    assert (content(to) == content(first)) is full
    assert len(report.uploaded) == (2 if full else 0)


def test_a_damaged_or_hostile_manifest_removes_nothing_else(first: Path, tmp_path: Path) -> None:
    import msgspec
    import zstandard

    to = tmp_path / "site"
    publish(first, str(to))
    own = to / "notes.txt"
    own.write_text("mine")
    hostile = {"catalog": "everywhere", "version": 1, "run": "../..", "files": {"notes.txt": [1]}}
    for body in (b"", b"\x28\xb5\x2f\xfd", zstandard.compress(msgspec.json.encode(hostile))):
        (to / MANIFEST).write_bytes(body)
        report = publish(first, str(to))
        assert len(report.uploaded) == report.files
        assert own.read_text() == "mine"
    own.unlink()
    assert content(to) == content(first)


def test_what_a_killed_run_left_half_written_is_removed(first: Path, tmp_path: Path) -> None:
    to = tmp_path / "site"
    publish(first, str(to))
    (to / STATE / "0123456789abcdef.part").write_bytes(b"half")
    (first / "catalog.yml").write_text("# changed\n")
    publish(first, str(to))
    assert [path.name for path in (to / STATE).iterdir()] == [Path(MANIFEST).name]
    names = {path.relative_to(to).as_posix() for path in to.rglob("*") if path.is_file()}
    assert names == {*content(first), MANIFEST}


def test_dry_run_changes_nothing(first: Path, second: Path, tmp_path: Path) -> None:
    to = tmp_path / "site"
    assert publish(first, str(to), dry_run=True).dry_run
    assert not to.exists()
    publish(first, str(to))
    before = content(to)
    report = publish(second, str(to), dry_run=True)
    assert report.uploaded
    assert report.removed
    assert content(to) == before


def test_only_files_of_the_catalog_leave_the_folder(first: Path, tmp_path: Path) -> None:
    (first / ".env").write_text("EARTHDATA_TOKEN=secret")
    (first / "notes.txt").write_text("mine")
    (first / ".catalog-builder" / "new").mkdir(parents=True)
    (first / ".catalog-builder" / "new" / "catalog.json").write_text("{}")
    to = tmp_path / "site"
    report = publish(first, str(to))
    assert all(is_published(path) or is_reference(path) for path in report.uploaded)
    assert not [path for path in content(to) if "catalog-builder" in path or path[0] == "."]
    assert "notes.txt" not in content(to)


def test_links_are_refused(first: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text("{}")
    item = next(first.glob("*/cycle-*/*/ATL03_*.json"))
    item.unlink()
    item.symlink_to(secret)
    with pytest.raises(FolderError, match="link"):
        publish(first, str(tmp_path / "site"))
    assert not (tmp_path / "site").exists()


def test_a_link_at_the_destination_is_not_followed(first: Path, tmp_path: Path) -> None:
    to, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    to.mkdir()
    (to / "ATL03_007").symlink_to(elsewhere)
    with pytest.raises(FolderError):
        publish(first, str(to))
    assert not list(elsewhere.iterdir())


def test_what_cannot_be_published_is_told(first: Path, tmp_path: Path) -> None:
    with pytest.raises(CatalogNotFoundError, match="no folder"):
        publish(tmp_path / "none", str(tmp_path / "site"))
    with pytest.raises(FolderError, match="lie in each other"):
        publish(first, str(first / "site"))
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(CatalogNotFoundError, match="not a catalog"):
        publish(other, str(tmp_path / "site"))
    (other / "catalog.json").write_text('{"id": "another"}')
    with pytest.raises(PublishError, match=r"another catalog, 'another'"):
        publish(first, str(other))
    (first / ".catalog-builder").mkdir()
    PublishedFolder(first).mark_outdated("some")  # as indexing does, and was killed
    with pytest.raises(CatalogError, match="interrupted"):
        publish(first, str(tmp_path / "site"))


def test_a_build_at_work_is_not_published(first: Path, tmp_path: Path) -> None:
    import fcntl

    handle = os.open(first, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with pytest.raises(CatalogError, match="is writing"):
        publish(first, str(tmp_path / "site"))
    os.close(handle)


def test_a_catalog_without_items_has_few_files(first: Path) -> None:
    ranks = {path: rank(path) for path in content(first)}
    assert max(ranks, key=ranks.__getitem__) == "build-report.json"
    assert sorted(set(ranks.values())) == list(range(9))


@pytest.mark.heavy
@pytest.mark.parametrize("kind", ["folder", "s3"])
def test_twenty_kills(
    kind: str, first: Path, second: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Real processes, ended by SIGKILL at any moment; then the other version is published."""
    bucket = request.getfixturevalue("bucket") if kind == "s3" else ""
    to = f"s3://{bucket}/site" if bucket else str(tmp_path / "site")
    chance, versions = random.Random(5), [first, second]
    killed = 0
    started = time.monotonic()
    publish(first, to)
    longest = time.monotonic() - started
    tries = 0
    while killed < 20:
        tries += 1
        assert tries < 200
        source = versions[tries % 2]
        command = [sys.executable, "-m", "catalog_builder.cli", "publish", str(source), to]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
            assert run.stderr is not None
            run.stderr.readline()  # it has begun
            time.sleep(chance.uniform(0, longest + 0.8))
            run.send_signal(signal.SIGKILL)
            run.communicate()
        killed += run.returncode == -signal.SIGKILL
        assert not dangling(there(to, bucket, tmp_path))
    publish(second, to)
    assert there(to, bucket, tmp_path) == content(second)


def there(to: str, bucket: str, tmp_path: Path) -> dict[str, bytes]:
    """What lies at a destination."""
    if not bucket:
        return content(Path(to))
    import boto3

    client = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL_S3"])
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    keys = [one["Key"] for page in pages for one in page.get("Contents", [])]
    found = {
        key.removeprefix("site/"): client.get_object(Bucket=bucket, Key=key)["Body"].read()
        for key in keys
        if STATE not in key
    }
    client.close()
    return found
