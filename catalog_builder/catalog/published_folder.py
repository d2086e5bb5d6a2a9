"""The folder that is published: how its files change while others read them.

New content is first put aside, complete, beside the published files. Then it takes their place,
file by file, each whole by rename: items before the pages that point to them, pages before what
points to those, the root last. What is no longer pointed to is removed after that, the beams'
reference sets too. So a reader never sees half a file, nor a pointer to a file that is not there
yet, and a build that dies at any moment leaves a catalog that works; the next build finishes the
work.
"""

from __future__ import annotations

import contextlib
import filecmp
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import orjson

from catalog_builder.catalog.layout import (
    CATALOG,
    REPORT,
    ROOT_FILES,
    is_item,
    is_published,
    published_files,
    reference_files,
)
from catalog_builder.errors import CatalogError
from catalog_builder.progress import Progress, Reporter

ASIDE: Final = ".catalog-builder"
"""Folder of what is put aside, inside the published one so that a rename suffices. It is there
while a build runs, or where one died."""


class PublishedFolder:
    """One published folder. Touches only files of the layout, and its own :data:`ASIDE`."""

    def __init__(self, root: Path) -> None:
        """Look at what is there; nothing is written."""
        self.root = root
        self.files = frozenset(published_files(root))
        """Paths, relative to the root, of the files of the layout that are there now; reference
        sets, of which there may be millions, are not among them."""
        self.died = False
        """Whether the last who wrote here died while published files did not agree."""
        self.unfinished = False
        """Whether published files do not agree now. Who dies then leaves :data:`ASIDE` as a mark
        of it."""
        self._wanted: set[str] = {REPORT}
        self._aside: set[str] = set()
        self._kept: dict[str, tuple[str, ...]] = {}

    @property
    def added(self) -> list[str]:
        """Paths put aside that are not published yet, sorted."""
        return sorted(self._aside - self.files)

    @property
    def changed(self) -> list[str]:
        """Paths put aside that are published with other content, sorted."""
        return sorted(self._aside & self.files)

    @property
    def removed(self) -> list[str]:
        """Paths that are published but were not put again, sorted."""
        return sorted(self.files - self._wanted)

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
        """Hold the folder against other builds; clear away what a dead one left.

        Raises :class:`~catalog_builder.errors.CatalogError` where another build holds it.
        """
        aside = self.root / ASIDE
        made = not self.root.exists()
        self.root.mkdir(parents=True, exist_ok=True)
        with _lock(self.root):
            self.files = frozenset(published_files(self.root))
            self.died = aside.is_dir()
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir()
            try:
                yield
            except BaseException:
                if not self.unfinished:
                    shutil.rmtree(aside)
                    if self.died:  # what it left is still there, and so is the mark of it
                        aside.mkdir()
                    elif made:
                        with contextlib.suppress(OSError):  # someone put something there
                            self.root.rmdir()
                raise
            shutil.rmtree(aside)

    def put(self, path: str, body: bytes, *, dry: bool = False) -> None:
        """Put new content of a file aside, unless that is what is published already.

        ``dry`` only takes note of it.
        """
        assert is_published(path), path
        self._wanted.add(path)
        self._aside.discard(path)
        if path in self.files and (self.root / path).read_bytes() == body:
            return
        if not dry:
            self.place(path).write_bytes(body)
        self._aside.add(path)

    def place(self, path: str) -> Path:
        """Where the new content of a file can be written, to be followed by :meth:`placed`."""
        place = self.root / ASIDE / path
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def placed(self, path: str) -> None:
        """Take in what was written to :meth:`place`, unless it is what is published already."""
        self._wanted.add(path)
        published = self.root / path
        if path not in self.files or not filecmp.cmp(self.place(path), published, shallow=False):
            self._aside.add(path)

    def read(self, path: str) -> bytes:
        """Content of a file as it will be published."""
        place = self.root / ASIDE / path if path in self._aside else self.root / path
        return place.read_bytes()

    def published(self, path: str) -> bytes | None:
        """Content of a file as it is published now; None where there is none."""
        return (self.root / path).read_bytes() if path in self.files else None

    def size(self, path: str) -> int | None:
        """Bytes of any file that is published now; None where there is none."""
        try:
            return (self.root / path).stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def keep_references(self, item: str, beams: tuple[str, ...]) -> None:
        """Keep the reference sets of these beams of the item at a path, and of no others."""
        self._kept[item] = beams

    def publish(self, progress: Reporter | None = None) -> None:
        """Let what was put aside take its place, then remove the files that were not put."""
        self.unfinished = True
        new = sorted(self._aside, key=_order)
        stale = sorted(self.removed, key=_order, reverse=True)
        for number, path in enumerate((*new, *stale)):
            if progress is not None:
                progress(Progress(stage="publishing", done=number, total=len(new) + len(stale)))
            if number < len(new):
                self.move(path)
            else:
                self.remove(path)
        self._remove_references()
        if progress is not None:
            total = len(new) + len(stale)
            progress(Progress(stage="publishing", done=total, total=total))

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
        self._remove_empty(target.parent)

    def _remove_references(self) -> None:
        """Remove the reference sets that were not kept."""
        for path, item, beam in reference_files(self.root):
            if beam not in self._kept.get(item, ()):
                self.remove(path)

    def _remove_empty(self, folder: Path) -> None:
        while folder != self.root:
            try:
                folder.rmdir()
            except OSError:  # something is in it: more to remove, or another's
                return
            folder = folder.parent


def _order(path: str) -> tuple[int, int, str]:
    """Key that sorts what is pointed to before what points to it."""
    if is_item(path):
        return 0, 0, path
    if path in ROOT_FILES:
        return 2, ROOT_FILES.index(path), path
    return 1, -path.count("/"), path


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
