"""The folder that is published: how its files change while others read them.

New content is first put aside, complete, beside the published files. Then a journal says what is
to be removed, and all takes its place, each file whole by rename, or a new folder with all that is
in it: items before the pages that point to them, pages before what points to those, the root
last. What is no longer pointed to is removed after that. So a reader never sees half a file, nor a
pointer to a file that is not there yet. A build that dies before its journal is written has
changed nothing; of one that dies after it, the next build first does the rest.

Indexing writes granule by granule, and the index of all only now and then. Which granules the
index is behind in is noted before their files are written, so that who dies leaves word of it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Final

import orjson

from catalog_builder.catalog.stac.layout import (
    CATALOG,
    INDEX,
    REPORT,
    ROOT_FILES,
    is_item,
    is_published,
)
from catalog_builder.errors import CatalogError
from catalog_builder.progress import Progress, Reporter

ASIDE: Final = ".catalog-builder"
"""Folder of what is put aside, inside the published one so that a rename suffices. It is there
while a build runs, or where one died."""

_NEW: Final = "new"
"""Folder in :data:`ASIDE` of new content, laid out as it will be published."""

_WORK: Final = "work"
"""Folder in :data:`ASIDE` for what a build has read so far."""

_JOURNAL: Final = "journal"
"""File in :data:`ASIDE` with the paths to be removed, a line each; with it, publishing begins."""

_TOUCHED: Final = "touched"
"""File in :data:`ASIDE` with the ids of the granules that are new, other or gone, a line each."""

_BEHIND: Final = "behind"
"""File in :data:`ASIDE` with the ids of the granules whose files were written since the index was,
a line each. It is there until the index is made again, whoever else writes here meanwhile."""


class PublishedFolder:
    """One published folder. Touches only files of the layout, and its own :data:`ASIDE`."""

    def __init__(self, root: Path) -> None:
        """Nothing is read or written."""
        self.root = root
        self.died = False
        """Whether the last who wrote here died while published files did not agree."""
        self.unfinished = False
        """Whether published files do not agree now. Who dies then leaves :data:`ASIDE` as a mark
        of it."""
        self.resumable = False
        """Whether :attr:`work` is worth keeping where a build breaks off."""
        self._made: set[str] = set()
        self._root, self._aside = str(root), str(self.aside)

    @property
    def work(self) -> Path:
        """Folder for what a build has read so far; the next build finds it where one broke off."""
        return self.root / ASIDE / _WORK

    @property
    def aside(self) -> Path:
        """Folder of the new content."""
        return self.root / ASIDE / _NEW

    def require_ours(self, catalog_id: str) -> None:
        """Raise CatalogError unless this is a folder in which that catalog may be built.

        It may be missing or empty, hold that very catalog, or what a dead build left of it.
        """
        if not self.root.exists():
            return
        if not self.root.is_dir():
            raise CatalogError(f"{self.root} is a file: choose a folder to build into.")
        died = (self.root / ASIDE).is_dir()
        page = self.root / CATALOG
        if page.is_file():
            try:
                there = orjson.loads(page.read_bytes())["id"]
            except (orjson.JSONDecodeError, KeyError, TypeError):
                there = None
            if there == catalog_id and (died or (self.root / REPORT).is_file()):
                return
            raise CatalogError(
                f"{self.root} holds another catalog, {there!r}, not {catalog_id!r}: "
                "choose another folder, or remove it first."
            )
        if not died and any(not entry.name.startswith(".") for entry in self.root.iterdir()):
            raise CatalogError(
                f"{self.root} is not empty and holds no catalog: nothing was written there. "
                "Choose another folder."
            )

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the folder against other builds; finish or clear away what a dead one left.

        Raises :class:`~catalog_builder.errors.CatalogError` where another build holds it.
        """
        aside = self.root / ASIDE
        made = not self.root.exists()
        self.root.mkdir(parents=True, exist_ok=True)
        with _lock(self.root):
            self.died = aside.is_dir()
            published = (aside / _JOURNAL).exists()
            if published:
                self._carry_out(None)
            if published or not self.work.is_dir():
                self._clear()
            self.aside.mkdir(parents=True, exist_ok=True)
            try:
                yield
            except BaseException:
                if not self.unfinished and not self.resumable:
                    self._clear()
                    if self.died:  # what it left is still there, and so is the mark of it
                        aside.mkdir(exist_ok=True)
                    elif made:
                        with contextlib.suppress(OSError):  # someone put something there
                            self.root.rmdir()
                raise
            self._clear()

    def _clear(self) -> None:
        """Remove what is aside, the journal first: what it is about is done.

        Without a journal, no build made the index again that may be behind.
        """
        aside = self.root / ASIDE
        if self.behind and not (aside / _JOURNAL).exists():
            for folder in (self.work, self.aside):
                shutil.rmtree(folder, ignore_errors=True)
            return
        (aside / _JOURNAL).unlink(missing_ok=True)
        shutil.rmtree(aside, ignore_errors=True)

    def forget_work(self) -> None:
        """Clear away what was read and put aside."""
        for folder in (self.work, self.aside):
            shutil.rmtree(folder, ignore_errors=True)
        self._made.clear()

    def put(self, path: str, body: bytes) -> bool:
        """Put new content of a file aside, unless that is what is published already."""
        assert is_published(path), path
        if self.published(path) == body:
            return False
        self.place(path).write_bytes(body)
        return True

    def place(self, path: str) -> Path:
        """Where the new content of a file is put aside."""
        self.place_of(path)
        return self.aside / path

    def place_of(self, path: str) -> str:
        """Folder in which the new content of a file is put aside; it is there."""
        folder = f"{self._aside}/{path.rpartition('/')[0]}"
        if folder not in self._made:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self._made.add(folder)
        return folder

    def read(self, path: str) -> bytes:
        """Content of a file as it will be published."""
        try:
            return (self.aside / path).read_bytes()
        except FileNotFoundError:
            return (self.root / path).read_bytes()

    def published(self, path: str) -> bytes | None:
        """Content of a file as it is published now; None where there is none."""
        try:
            # As text: half a million times, a Path costs more than to look.
            with open(f"{self._root}/{path}", "rb", buffering=0) as file:  # noqa: PTH123
                return file.read()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def size(self, path: str) -> int | None:
        """Bytes of any file that is published now; None where there is none."""
        try:
            return (self.root / path).stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def publish(
        self, removed: Iterable[str], touched: Iterable[str], progress: Reporter | None = None
    ) -> None:
        """Let what was put aside take its place, then remove files.

        ``removed`` are their paths, ``touched`` the ids of the granules that it is about. From the
        first moment on it is carried out to its end, if need be by the next build. The journal
        stays until :meth:`writing` ends, for what is written after this belongs to it.
        """
        half = self.root / ASIDE / f"{_JOURNAL}.part"
        _write_lines(half.with_name(_TOUCHED), touched)
        _write_lines(half, removed)
        self.unfinished = True
        half.replace(half.with_name(_JOURNAL))
        self._carry_out(progress)
        self.unfinished = False

    def _carry_out(self, progress: Reporter | None) -> None:
        """Do what is left of publishing."""
        done = 0

        def step() -> None:
            nonlocal done
            if progress is not None:
                progress(Progress(stage="publishing", done=done))
            done += 1

        for source, path in _moves(self.aside, self.root, ""):
            step()
            target = self.root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            source.replace(target)
        with (self.root / ASIDE / _JOURNAL).open(encoding="utf-8") as journal:
            for line in journal:
                step()
                self.remove(line.rstrip("\n"))
        step()

    def half_published(self) -> frozenset[str] | None:
        """Ids of the granules that were being published or indexed by who died; None if none were.

        Their items, the pages and the index may not agree; those of all others do.
        """
        aside = self.root / ASIDE
        told = {_JOURNAL: _TOUCHED, _BEHIND: _BEHIND}
        files = [aside / file for mark, file in told.items() if (aside / mark).exists()]
        if not files:
            return None
        return frozenset(chain.from_iterable(file.read_text("utf-8").split() for file in files))

    @property
    def behind(self) -> bool:
        """Whether the index is older than files of granules."""
        return (self.root / ASIDE / _BEHIND).exists()

    def fall_behind(self, granule: str) -> None:
        """Note that files of a granule are written from now on, and the index is not yet."""
        with (self.root / ASIDE / _BEHIND).open("a", encoding="utf-8") as file:
            file.write(f"{granule}\n")
        self.unfinished = True

    def catch_up(self) -> None:
        """Let the index that was put aside take its place: it says what all files say."""
        self.move(INDEX)
        (self.root / ASIDE / _BEHIND).unlink(missing_ok=True)
        self.unfinished = False

    def write(self, path: str, body: bytes) -> None:
        """Write a file at once, whole by rename."""
        self.place(path).write_bytes(body)
        self.move(path)

    def move(self, path: str) -> None:
        """Let what was written to :meth:`place` take its place at once."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        self.place(path).replace(target)

    def remove(self, path: str) -> None:
        """Remove a file, and the folders that are empty then."""
        target = self.root / path
        target.unlink(missing_ok=True)
        folder = target.parent
        while folder != self.root:
            try:
                folder.rmdir()
            except OSError:  # something is in it: more to remove, or another's; or it is gone
                if folder.exists():
                    return
            folder = folder.parent


def _write_lines(file: Path, lines: Iterable[str]) -> None:
    with file.open("w", encoding="utf-8") as opened:
        opened.writelines(f"{line}\n" for line in lines)
        opened.flush()
        os.fsync(opened.fileno())


def _moves(aside: Path, root: Path, inside: str) -> Iterator[tuple[Path, str]]:
    """What is put aside and the paths it will have, what is pointed to before what points to it.

    A folder that is not published yet goes as a whole: nothing points into it.
    """
    folder = aside / inside
    entries = sorted(os.scandir(folder), key=lambda entry: entry.name) if folder.is_dir() else []
    for entry in entries:
        if entry.is_dir():
            path = f"{inside}{entry.name}"
            if (root / path).exists():
                yield from _moves(aside, root, f"{path}/")
            else:
                yield Path(entry.path), path
    files = [entry.name for entry in entries if entry.is_file()]
    for name in sorted(files, key=lambda name: _order(f"{inside}{name}")):
        yield folder / name, f"{inside}{name}"


def _order(path: str) -> tuple[int, int, str]:
    """Key that sorts the files of a folder: what is pointed to before what points to it."""
    if is_item(path):
        return 0, 0, path
    return 1, ROOT_FILES.index(path) if path in ROOT_FILES else 0, path


@contextlib.contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Hold a lock on the folder; the system lets go of it when the process ends, however."""
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CatalogError(
                f"Another build is writing to {folder}, or its beams are being indexed: "
                "start again when that has finished."
            ) from error
        yield
    finally:
        os.close(handle)
