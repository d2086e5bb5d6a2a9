"""A folder of files: nothing is followed, nothing leads out, nothing waits."""

from __future__ import annotations

import os
import pickle
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from planted import KINDS, Outside, plant

from catalog_builder.errors import FolderError
from catalog_builder.safe_folder import SafeFolder

pytestmark = pytest.mark.timeout(20)

ODD = [kind for kind in KINDS if kind not in ("garbage", "hard link")]


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


ON_A_FILE: dict[str, Callable[[SafeFolder], object]] = {
    "read": lambda f: f.read("a/b/file"),
    "open": lambda f: f.open("a/b/file"),
    "open to write": lambda f: f.open("a/b/file", os.O_RDWR | os.O_CREAT),
    "create": lambda f: f.create("a/b/file", over=True),
    "write": lambda f: f.write("a/b/file", b"new"),
    "size": lambda f: f.size("a/b/file"),
    "checked": lambda f: f.checked("a/b/file"),
    "move": lambda f: f.move("other", "a/b/file"),
    "remove": lambda f: f.remove("a/b/file"),
    "replacing": lambda f: f.replacing("a/b/file").__enter__(),
}
IN_A_FOLDER: dict[str, Callable[[SafeFolder], object]] = {
    **ON_A_FILE,
    "has_folder": lambda f: f.has_folder("a"),
    "make": lambda f: f.make("a/c"),
    "entries": lambda f: f.entries("a"),
    "remove_folder": lambda f: f.remove_folder("a/b"),
    "remove_all": lambda f: f.remove_all("a/b"),
    "move out": lambda f: f.move("a/b/file", "new"),
}


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("act", ON_A_FILE)
def test_only_a_file_is_a_file(folder: SafeFolder, outside: Outside, act: str, kind: str) -> None:
    plant(folder.root / "a" / "b" / "file", kind, outside)
    before = outside.state()
    with pytest.raises(FolderError, match="a/b/file"):
        ON_A_FILE[act](folder)
    assert outside.state() == before
    assert (folder.root / "other").read_text() == "another"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "folder"])
@pytest.mark.parametrize("act", IN_A_FOLDER)
def test_only_a_folder_is_gone_through(
    folder: SafeFolder, outside: Outside, act: str, kind: str
) -> None:
    plant(folder.root / "a", kind, outside)
    before = outside.state()
    with pytest.raises(FolderError, match="root/a is "):
        IN_A_FOLDER[act](folder)
    assert outside.state() == before


@pytest.mark.parametrize(
    "path", ["../x", "/x", "a/../../x", "a//b", "./x", "a/", "", "a\0b", ".."]
)
def test_no_path_leads_out(folder: SafeFolder, path: str) -> None:
    for act in (
        *(folder.read, folder.size, folder.create, folder.remove, folder.checked, folder.open),
        *(folder.make, folder.remove_all, folder.remove_folder, folder.has_folder),
        lambda path: folder.move("other", path),
        lambda path: folder.move(path, "a/new"),
    ):
        with pytest.raises(FolderError, match="no path inside"):
            act(path)
    assert (folder.root / "other").read_text() == "another"


def test_a_socket_is_no_file(folder: SafeFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.root)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("door")
        with pytest.raises(FolderError, match="a socket"):
            folder.read("door")


def test_what_has_a_second_name_is_not_written_in_place(
    folder: SafeFolder, outside: Outside
) -> None:
    plant(folder.root / "file", "hard link", outside)
    assert folder.read("file") == b"precious"
    with pytest.raises(FolderError, match="second name"):
        folder.open("file", os.O_RDWR)
    with pytest.raises(FolderError, match="second name"):
        folder.checked("file", alone=True)
    folder.write("file", b"new")
    assert folder.read("file") == b"new"
    assert outside.file.read_text() == "precious"


def test_the_folders_own_path_may_lead_over_links(folder: SafeFolder, tmp_path: Path) -> None:
    (tmp_path / "door").symlink_to(folder.root)
    through = SafeFolder(tmp_path / "door")
    through.write("c/d", b"1")
    assert folder.read("c/d") == b"1"
    assert pickle.loads(pickle.dumps(through)).read("a/b/file") == b"own"


def test_what_is_not_there(tmp_path: Path, folder: SafeFolder) -> None:
    for empty in (folder, SafeFolder(tmp_path / "none"), SafeFolder(folder.root / "other")):
        assert empty.read("x/y") is empty.size("x/y") is None
        assert not empty.has_folder("x")
        assert empty.entries("x") == []
        assert empty.checked("x/y") == empty.root / "x" / "y"
        empty.remove("x/y")
        empty.remove_all("x")
        with pytest.raises(FileNotFoundError):
            empty.open("x/y")


def test_files_take_their_place_whole_and_leave_no_part(folder: SafeFolder) -> None:
    with folder.replacing("a/b/file") as part:
        part.write_text("new")
        assert folder.read("a/b/file") == b"own"
    assert folder.read("a/b/file") == b"new"
    with pytest.raises(ZeroDivisionError), folder.replacing("a/b/file") as part:
        raise ZeroDivisionError
    assert [name for name, _, _ in folder.entries("a/b")] == ["file"]
    usual = folder.root / "usual"
    usual.touch()
    assert (folder.root / "a" / "b" / "file").stat().st_mode == usual.stat().st_mode


def test_a_tree_with_anything_odd_in_it_is_refused(folder: SafeFolder, outside: Outside) -> None:
    assert sorted(folder.require_plain("")) == ["a/b/file", "other"]
    plant(folder.root / "a" / "b" / "odd", "dangling link", outside)
    with pytest.raises(FolderError, match="a/b/odd"):
        list(folder.require_plain(""))
    folder.remove_all("a")
    assert not folder.has_folder("a")
    assert outside.file.read_text() == "precious"


@pytest.mark.parametrize("inside", ["", "inner", "inner/deeper"])
def test_what_is_no_folder_is_named_where_one_is_made(tmp_path: Path, inside: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(FolderError, match=r"file.* cannot be a folder: it, or what"):
        SafeFolder(tmp_path / "file" / inside).make_root()
    SafeFolder(tmp_path / "new" / inside).make_root()
    SafeFolder(tmp_path / "new" / inside).make_root()
