"""Without what only Unix has, the same is made; only nothing is locked."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import catalog_builder as cb
from catalog_builder import open_folders, safe_folder, system_files
from catalog_builder.errors import FolderError
from catalog_builder.safe_folder import SafeFolder
from catalog_builder.system_files import folder_lock, read_at, require_file
from earthdata_standin import EarthdataStandin, World
from tests.conftest import forget_keys
from tests.planted import Outside, plant

ROOT = Path(__file__).parent.parent
AS_ON_WINDOWS = """
import importlib.abc, os, signal, sys

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name in {"fcntl", "grp", "pty", "pwd", "resource", "termios", "tty"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
for name in ("fcntl", "grp", "pwd", "resource", "termios"):
    sys.modules.pop(name, None)
for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_DIRECTORY", "pread", "pwrite", "fchmod",
             "register_at_fork", "fork", "sched_getaffinity", "sysconf"):
    delattr(os, name) if hasattr(os, name) else None
for name in ("pthread_sigmask", "SIGKILL", "SIGHUP", "SIGALRM", "SIGUSR1", "setitimer"):
    delattr(signal, name) if hasattr(signal, name) else None

def only_paths(function):
    def called(*arguments, **options):
        if any(options.get(name) is not None for name in ("dir_fd", "src_dir_fd", "dst_dir_fd")):
            raise NotImplementedError("dir_fd unavailable on this platform")
        if function.__name__ in ("scandir", "utime") and isinstance(arguments[0], int):
            raise TypeError("path should be string, bytes or os.PathLike, not int")
        return function(*arguments, **options)
    return called

for name in ("open", "stat", "unlink", "mkdir", "rmdir", "rename", "replace", "scandir", "utime"):
    setattr(os, name, only_paths(getattr(os, name)))
os.supports_dir_fd, os.supports_fd = set(), {os.stat, os.truncate}
if "shutil" in sys.modules:
    sys.modules["shutil"]._use_fd_functions = False
"""
"""What Windows lacks is taken away before anything of ours, or of others, is imported."""

PIPELINE = """
import importlib, pathlib, pkgutil, sys
import catalog_builder as cb
from tests.test_system_files import make_all

if __name__ == "__main__":
    for found in pkgutil.walk_packages(cb.__path__, "catalog_builder."):
        importlib.import_module(found.name)
    make_all(pathlib.Path(sys.argv[1]))
"""
AREA = (-135.2, 58.3, -133.3, 59.0)


def make_all(to: Path) -> None:
    """A catalog, its references, its publication, and photons, with what is made meanwhile."""
    from catalog_builder.publish.publication import publish

    definition = cb.Definition(
        name="small",
        title="Small",
        short_name="ATL03",
        version="007",
        provider="NSIDC_CPRD",
        bounding_box=AREA,
    )
    for _ in range(2):
        cb.build(definition, to / "catalog")
        with ThreadPoolExecutor(1) as threads:
            cb.index_catalog(to / "catalog", executor=threads)
    assert cb.verify(to / "catalog").ok
    index = cb.open_index(to / "catalog")
    first, again = (cb.open_photons(index, list(AREA), cache=to / "cache") for _ in range(2))
    assert first.identical(again)
    assert first.sizes["photon"] > 100
    cb.write_photons(cb.plan_photons(index, list(AREA), beams="strong"), to / "photons.parquet")
    publish(to / "catalog", str(to / "published"))


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix not in {".sqlite", ".db"}
    }


def test_without_what_windows_lacks_the_same_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World.simulate(granules=3, photons=300, folder=tmp_path / "world")
    for folder in ("lacking", "unix", "windows"):
        (tmp_path / folder).mkdir()
    (tmp_path / "lacking" / "sitecustomize.py").write_text(AS_ON_WINDOWS)
    (tmp_path / "pipeline.py").write_text(PIPELINE)
    path = os.pathsep.join([str(tmp_path / "lacking"), str(ROOT)])
    with EarthdataStandin(world=world, rewrite_links=True) as cloud:
        for name, value in cloud.environment.items():
            monkeypatch.setenv(name, value)
        forget_keys(monkeypatch)
        with subprocess.Popen(
            [sys.executable, tmp_path / "pipeline.py", tmp_path / "windows"],
            env={**os.environ, "PYTHONPATH": path},
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            make_all(tmp_path / "unix")
            _, stderr = process.communicate()
    assert process.returncode == 0, stderr
    ours, theirs = tree(tmp_path / "unix"), tree(tmp_path / "windows")
    assert len(ours) > 20
    assert ours.keys() == theirs.keys()
    differing = {name for name in ours if ours[name] != theirs[name]}
    timed = ("build-report.json", "photons.parquet", "manifest.json.zst")
    assert {name for name in differing if not name.endswith(timed)} == set()
    photons = [pq.read_table(tmp_path / kind / "photons.parquet") for kind in ("unix", "windows")]
    assert photons[0].equals(photons[1])


@pytest.fixture
def by_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SafeFolder:
    """A folder that is used by its paths, as on Windows."""
    monkeypatch.setattr(open_folders, "BY_DESCRIPTOR", False)
    monkeypatch.setattr(safe_folder, "NO_LINK", 0)
    monkeypatch.setattr(safe_folder, "_FILE", system_files.PLAIN)
    (tmp_path / "root").mkdir()
    return SafeFolder(tmp_path / "root")


def test_a_folder_used_by_its_paths_is_the_same(by_path: SafeFolder) -> None:
    by_path.write("a/b/file", b"own")
    with by_path.holding():
        assert by_path.read("a/b/file") == b"own"
        assert by_path.read("a/none") is None
        assert by_path.read("none/none") is None
    assert [one.name for one in by_path.entries("a")] == ["b"]
    assert by_path.entries("none") == []
    by_path.move("a/b/file", "c/other")
    assert by_path.remove_folder("a/b")
    assert not by_path.remove_folder("c")
    assert list(by_path.require_plain("")) == ["c/other"]
    by_path.remove_all("c")
    assert not by_path.has_folder("c")


@pytest.mark.parametrize("kind", ["folder link", "link"])
def test_links_in_it_are_refused(kind: str, by_path: SafeFolder, tmp_path: Path) -> None:
    outside = Outside.make(tmp_path / "outside")
    plant(by_path.root / "a", kind, outside)
    before = outside.state()
    for path in ("a", "a/file"):
        with pytest.raises(FolderError, match="is a symbolic link"):
            by_path.read(path)
        with pytest.raises(FolderError, match="is a symbolic link"):
            by_path.write(path, b"new")
    assert outside.state() == before
    with pytest.raises(FolderError, match="no path inside"):
        by_path.read("../outside/file")


def test_threads_read_where_they_mean_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pread")
    (tmp_path / "file").write_bytes(bytes(range(256)) * 100)
    with (tmp_path / "file").open("rb", buffering=0) as file, ThreadPoolExecutor(4) as pool:
        starts = [(start * 97) % 25_000 for start in range(2_000)]
        read = list(pool.map(lambda start: read_at(file.fileno(), 3, start), starts))
    assert read == [bytes((start + i) % 256 for i in range(3)) for start in starts]


def test_a_lock_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with folder_lock(tmp_path, shared=True), folder_lock(tmp_path, shared=True):
        with pytest.raises(BlockingIOError), folder_lock(tmp_path):
            pass
        monkeypatch.setattr(system_files, "fcntl", None)
        with folder_lock(tmp_path):
            pass


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_only_a_file_is_read_that_a_user_names(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("file")
    for name in ("file", "link"):
        require_file(tmp_path / name)
    for name in ("pipe", "zero"):
        with pytest.raises(OSError, match="a pipe, a socket or a device, and no file"):
            require_file(tmp_path / name, folder=True)
    require_file(tmp_path, folder=True)
    with pytest.raises(IsADirectoryError, match="it is a folder"):
        require_file(tmp_path)
    with pytest.raises(FileNotFoundError):
        require_file(tmp_path / "none")
