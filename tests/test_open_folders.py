"""Folders opened one below the other: none is a link, none leads out."""

from __future__ import annotations

import os
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest
from planted import Outside, plant

from catalog_builder.errors import FolderError
from catalog_builder.open_folders import OpenFolders, refusal
from catalog_builder.safe_folder import SafeFolder


@pytest.fixture
def outside(tmp_path: Path) -> Outside:
    return Outside.make(tmp_path / "outside")


@pytest.fixture
def folder(tmp_path: Path) -> SafeFolder:
    root = tmp_path / "root"
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "file").write_text("own")
    (root / "other").write_text("another")
    return SafeFolder(root)


def test_folders_held_open_are_the_same_folders(
    folder: SafeFolder, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog_builder.open_folders._MOST_HELD", 3)
    handles = len(list(Path("/dev/fd").iterdir()))
    with folder.holding():
        for number in range(40):
            folder.write(f"a/{number % 7}/{number}", b"new")
            assert folder.read(f"a/{number % 7}/{number}") == b"new"
            assert folder.read(f"none/{number}") is None
        assert len(list(Path("/dev/fd").iterdir())) <= handles + 3
        for path in ("../x", "a/..", "a/", "a/./x", "a/0/\0", "a/../../x"):
            with pytest.raises(FolderError, match="no path inside"):
                folder.read(path)
        folder.write("b/file", b"own")
        plant(folder.root / "b", "folder link", outside)
        before = outside.state()
        with suppress(FileNotFoundError):  # it is gone, under whatever name
            folder.write("b/other", b"new")
        assert outside.state() == before
    assert len(list(Path("/dev/fd").iterdir())) == handles
    with pytest.raises(FolderError, match="root/b is"):
        folder.write("b/other", b"new")


def test_a_path_is_opened_folder_by_folder(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    folders = OpenFolders(tmp_path)
    with folders.parent("a/b/file") as (handle, name):
        assert os.path.samestat(os.fstat(handle), (tmp_path / "a" / "b").stat())
        assert name == "file"
    with folders.parent("file") as (handle, name):
        assert os.path.samestat(os.fstat(handle), tmp_path.stat())
        assert name == "file"
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(handle)


def test_folders_are_made_only_where_that_is_wanted(tmp_path: Path) -> None:
    folders = OpenFolders(tmp_path / "root")
    with pytest.raises(FileNotFoundError), folders.parent("x/file", make=True):
        pass
    (tmp_path / "root").mkdir()
    with pytest.raises(FileNotFoundError), folders.parent("x/y/file"):
        pass
    with folders.parent("x/y/file", make=True):
        assert (tmp_path / "root" / "x" / "y").is_dir()


@pytest.mark.parametrize("holding", [True, False])
@pytest.mark.parametrize("path", ["", "/x", "x/", "a//b", "..", "a/../b", "./a", "a/\0"])
def test_a_path_that_may_lead_out_is_refused(tmp_path: Path, path: str, holding: bool) -> None:
    folders = OpenFolders(tmp_path)
    refused = pytest.raises(FolderError, match="no path inside")
    with folders.holding() if holding else nullcontext(), refused, folders.parent(path, make=True):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_says_what_lies_there(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/etc")
    (tmp_path / "file").touch()
    for name, kind in (("pipe", "a named pipe"), ("link", "a symbolic link"), ("file", "a file")):
        refused = pytest.raises(FolderError, match=rf"/{name} is {kind}")
        with refused, OpenFolders(tmp_path).parent(f"{name}/x"):
            pass
    error = refusal(tmp_path, "pipe", (tmp_path / "pipe").stat().st_mode)
    assert "where a file should be. Remove it" in str(error)
