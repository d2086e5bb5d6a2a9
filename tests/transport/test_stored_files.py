"""Files of an object store through fsspec, here in its memory and on disk."""

from __future__ import annotations

from pathlib import Path

import fsspec
import pytest

from catalog_builder.transport.stored_files import StoredFiles


def test_bytes_and_sizes(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"0123456789")
    fsspec.filesystem("memory").pipe_file("/folder/file", b"0123456789")
    for protocol, url in (("file", f"{tmp_path}/file"), ("memory", "memory://folder/file")):
        files = StoredFiles(protocol)
        assert files.read(url) == b"0123456789"
        assert files.size(url) == 10
        with pytest.raises(FileNotFoundError):
            files.read(f"{url}.other")
        with pytest.raises(FileNotFoundError):
            files.size(f"{url}.other")


def test_options_are_those_of_the_file_system() -> None:
    files = StoredFiles("s3", {"key": "a-key", "secret": "a-secret", "anon": False})
    assert (files.system.key, files.system.secret) == ("a-key", "a-secret")
