"""What is known of a destination, as it is kept there."""

from __future__ import annotations

import pytest

from catalog_builder.publish.manifest import (
    UNKNOWN,
    Manifest,
    PublishedFile,
    decode_manifest,
    decode_uploads,
    encode_uploads,
)

FILES = {
    "catalog.json": PublishedFile(12, 34, "ab" * 16, "tag"),
    "items.parquet": PublishedFile(5, 6, "cd" * 16),
}


def test_it_is_read_as_it_was_written() -> None:
    manifest = Manifest(catalog="everywhere", files=FILES, run="1")
    assert decode_manifest(manifest.encode()) == manifest
    assert decode_uploads(encode_uploads(FILES)) == FILES


def test_what_a_run_will_change_is_unknown_from_its_start() -> None:
    before = Manifest(catalog="everywhere", files=FILES, run="1")
    begun = before.begun({"catalog.json", "catalog.yml"})
    assert begun.files["catalog.json"] == begun.files["catalog.yml"] == UNKNOWN
    assert begun.files["items.parquet"] == FILES["items.parquet"]
    assert begun.run not in ("", "1")
    assert before.files == FILES


@pytest.mark.parametrize("path", ["../catalog.json", "/etc/passwd", "notes.txt", ""])
def test_paths_outside_the_layout_are_not_believed(path: str) -> None:
    files = {**FILES, path: UNKNOWN}
    assert decode_manifest(Manifest(catalog="everywhere", files=files, run="1").encode()) is None
    assert decode_uploads(encode_uploads(files)) == {}


@pytest.mark.parametrize("body", [None, b"", b"x", b"\x28\xb5\x2f\xfd\x00", encode_uploads({})])
def test_what_is_none_is_none(body: bytes | None) -> None:
    assert decode_manifest(body) is None


@pytest.mark.parametrize("run", ["", "../..", "/etc", "a/b", "a" * 40])
def test_a_run_that_is_no_name_of_a_folder_is_not_believed(run: str) -> None:
    assert decode_manifest(Manifest(catalog="e", files={}, run=run).encode()) is None


def test_another_version_is_not_read() -> None:
    assert decode_manifest(Manifest(catalog="e", files={}, run="1", version=2).encode()) is None
