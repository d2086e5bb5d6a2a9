"""The folder that is published: how its files change while others read them.

New content is first put aside, complete, beside the published files. Then a journal says what is
to be removed, and all takes its place, each file whole by rename, or a new folder with all that is
in it: items before the pages that point to them, pages before what points to those, the root
last. What is no longer pointed to is removed after that. So a reader never sees half a file, nor a
pointer to a file that is not there yet. A build that dies before its journal is written has
changed nothing; of one that dies after it, the next build first does the rest.

Indexing writes granule by granule, and the index of all only now and then. Which granules the
index is behind in is noted before their files are written, so that who dies leaves word of it.

What lies there is not trusted, the journal neither: only paths of the layout are published or
removed, and no link is followed (:mod:`~catalog_builder.safe_folder`).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
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
    is_ours,
    is_published,
    is_removable,
)
from catalog_builder.errors import CatalogError, FolderError
from catalog_builder.safe_folder import SafeFolder
from catalog_builder.progress import Progress, Reporter

ASIDE: Final = ".catalog-builder"
"""Folder of what is put aside, inside the published one so that a rename suffices. It is there
while a build runs, or where one died."""

_NEW: Final = f"{ASIDE}/new"
"""Folder of new content, laid out as it will be published."""

_WORK: Final = f"{ASIDE}/work"
"""Folder for what a build has read so far."""

_JOURNAL: Final = f"{ASIDE}/journal"
"""File with the paths to be removed, a line each; with it, publishing begins."""

_TOUCHED: Final = f"{ASIDE}/touched"
"""File with the ids of the granules that are new, other or gone, a line each."""

_BEHIND: Final = f"{ASIDE}/behind"
"""File with the ids of the granules whose files were written since the index was,
a line each. It is there until the index is made again, whoever else writes here meanwhile."""


class PublishedFolder:
    """One published folder. Touches only files of the layout, and its own :data:`ASIDE`."""

    def __init__(self, root: Path) -> None:
        """Nothing is read or written."""
        self.root = root
        self.files = SafeFolder(root)
        """All that is read and changed in it."""
        self.died = False
        """Whether the last who wrote here died while published files did not agree."""
        self.unfinished = False
        """Whether published files do not agree now. Who dies then leaves :data:`ASIDE` as a mark
        of it."""
        self.resumable = False
        """Whether :attr:`work` is worth keeping where a build breaks off."""

    @property
    def work(self) -> Path:
        """Folder for what a build has read so far; the next build finds it where one broke off."""
        return self.root / _WORK

    def require_ours(self, catalog_id: str) -> None:
        """Raise CatalogError unless this is a folder in which that catalog may be built.

        It may be missing or empty, hold that very catalog, or what a dead build left of it.
        """
        if not self.root.exists():
            if self.root.is_symlink():
                raise FolderError(f"{self.root} is a link that leads nowhere: remove it.")
            return
        if not self.root.is_dir():
            raise CatalogError(f"{self.root} is a file: choose a folder to build into.")
        died = self.files.has_folder(ASIDE)
        page = self.files.read(CATALOG)
        if page is not None:
            try:
                there = orjson.loads(page)["id"]
            except (orjson.JSONDecodeError, KeyError, TypeError):
                there = None
            if there == catalog_id and (died or self.files.size(REPORT) is not None):
                return
            raise CatalogError(
                f"{self.root} holds another catalog, {there!r}, not {catalog_id!r}: "
                "choose another folder, or remove it first."
            )
        if not died and any(not entry.name.startswith(".") for entry in self.files.entries()):
            raise CatalogError(
                f"{self.root} is not empty and holds no catalog: nothing was written there. "
                "Choose another folder."
            )

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the folder against other builds; finish or clear away what a dead one left.

        Raises :class:`~catalog_builder.errors.CatalogError` where another build holds it, or what
        was left there is not what a build leaves.
        """
        made = not self.root.exists()
        self.root.mkdir(parents=True, exist_ok=True)
        with _lock(self.root):
            self.died = self.files.has_folder(ASIDE)
            published = self._has_journal()
            self._require_plain(published)
            if published:
                self._carry_out(None)
            if published or not self.files.has_folder(_WORK):
                self._clear()
            self.files.make(_NEW)
            try:
                yield
            except BaseException:
                if not self.unfinished and not self.resumable:
                    self._clear()
                    if self.died:  # what it left is still there, and so is the mark of it
                        self.files.make(ASIDE)
                    elif made:
                        with contextlib.suppress(OSError):  # someone put something there
                            self.root.rmdir()
                raise
            self._clear()

    def _has_journal(self) -> bool:
        return self.files.size(_JOURNAL) is not None

    def _require_plain(self, published: bool) -> None:
        """Refuse what no build leaves aside, before anything is done; forget what is no content.

        ``published``: whether publishing had begun.
        """
        for _ in self.files.require_plain(ASIDE):
            pass
        if published:
            for path in self._journal():
                if not is_removable(path):
                    raise FolderError(
                        f"{self.root / _JOURNAL} names {path!r}, which no build removes: nothing "
                        f"was done. Remove {self.root / ASIDE}, then build again."
                    )
        self._sweep("", is_published if published else _is_aside)

    def _sweep(self, inside: str, wanted: Callable[[str], bool]) -> bool:
        """Remove what is aside and not wanted; returns whether anything is left."""
        left = False
        for name, is_folder, _ in self.files.entries(f"{_NEW}/{inside}".rstrip("/")):
            path = f"{inside}{name}"
            if is_folder and self._sweep(f"{path}/", wanted):
                left = True
            elif is_folder:
                self.files.remove_folder(f"{_NEW}/{path}")
            elif wanted(path):
                left = True
            else:
                self.files.remove(f"{_NEW}/{path}")
        return left

    def _clear(self) -> None:
        """Remove what is aside, the journal first: what it is about is done.

        Without a journal, no build made the index again that may be behind.
        """
        if self.behind and not self._has_journal():
            self.forget_work()
            return
        self.files.remove(_JOURNAL)
        self.files.remove_all(ASIDE)

    def forget_work(self) -> None:
        """Clear away what was read and put aside."""
        for folder in (_WORK, _NEW):
            self.files.remove_all(folder)

    def put(self, path: str, body: bytes) -> bool:
        """Put new content of a file aside, unless that is what is published already."""
        if self.files.read(path) == body:
            return False
        self.files.write(_aside(path), body)
        return True

    def create(self, path: str) -> int:
        """A descriptor of a new file aside. Raises FileExistsError where there is one."""
        return self.files.create(_aside(path))

    def create_beside(self, path: str, suffix: str) -> int:
        """The same under another name, the path's with a suffix; what was there is removed."""
        return self.files.create(_aside(path) + suffix, over=True)

    def place(self, path: str) -> Path:
        """Where the new content of a file is put aside; its folder is there."""
        place = _aside(path)
        self.files.make(place.rpartition("/")[0])
        return self.files.checked(place)

    def read(self, path: str) -> bytes:
        """Content of a file as it will be published. Raises CatalogError where there is none."""
        body = self.files.read(_aside(path))
        if body is None:
            body = self.files.read(path)
        if body is None:
            raise CatalogError(f"There is no {self.root / path}: build the catalog again.")
        return body

    def published(self, path: str) -> bytes | None:
        """Content of a file as it is published now; None where there is none."""
        return self.files.read(path)

    def size(self, path: str) -> int | None:
        """Bytes of any file that is published now; None where there is none."""
        return self.files.size(path)

    def publish(
        self, removed: Iterable[str], touched: Iterable[str], progress: Reporter | None = None
    ) -> None:
        """Let what was put aside take its place, then remove files.

        ``removed`` are their paths, ``touched`` the ids of the granules that it is about. From the
        first moment on it is carried out to its end, if need be by the next build. The journal
        stays until :meth:`writing` ends, for what is written after this belongs to it.
        """
        removed = list(removed)
        for path in chain(self._moves(""), removed):
            self.files.refuse(path)  # now, while nothing is done
        half = f"{_JOURNAL}.part"
        self._write_lines(_TOUCHED, touched)
        self._write_lines(half, removed)
        self.unfinished = True
        self.files.move(half, _JOURNAL)
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

        for path in self._moves(""):
            step()
            self.files.move(f"{_NEW}/{path}", path)
        for path in self._journal():
            step()
            self.remove(path)
        step()

    def _moves(self, inside: str) -> Iterator[str]:
        """Paths of what is put aside, what is pointed to before what points to it.

        A folder that is not published yet goes as a whole: nothing points into it.
        """
        entries = self.files.entries(f"{_NEW}/{inside}".rstrip("/"))
        for name, is_folder, _ in entries:
            path = f"{inside}{name}"
            if is_folder and self.files.has_folder(path):
                yield from self._moves(f"{path}/")
            elif is_folder:
                yield path
        files = [f"{inside}{name}" for name, _, is_file in entries if is_file]
        yield from sorted(filter(is_published, files), key=_order)

    def _journal(self) -> Iterator[str]:
        """The paths that are to be removed."""
        handle = self.files.open(_JOURNAL)
        with os.fdopen(handle, encoding="utf-8", errors="surrogateescape", newline="\n") as lines:
            for line in lines:
                yield line.removesuffix("\n")

    def half_published(self) -> frozenset[str] | None:
        """Ids of the granules that were being published or indexed by who died; None if none were.

        Their items, the pages and the index may not agree; those of all others do.
        """
        told = {_JOURNAL: _TOUCHED, _BEHIND: _BEHIND}
        files = [file for mark, file in told.items() if self.files.size(mark) is not None]
        if not files:
            return None
        return frozenset(
            chain.from_iterable(
                (self.files.read(file) or b"").decode(errors="replace").split() for file in files
            )
        )

    @property
    def behind(self) -> bool:
        """Whether the index is older than files of granules."""
        return self.files.size(_BEHIND) is not None

    def fall_behind(self, granule: str) -> None:
        """Note that files of a granule are written from now on, and the index is not yet."""
        handle = self.files.open(_BEHIND, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        with os.fdopen(handle, "a", encoding="utf-8") as file:
            file.write(f"{granule}\n")
        self.unfinished = True

    def catch_up(self) -> None:
        """Let the index that was put aside take its place: it says what all files say."""
        self.move(INDEX)
        self.files.remove(_BEHIND)
        self.unfinished = False

    def write(self, path: str, body: bytes) -> None:
        """Write a file at once, whole by rename; interrupted, nothing of it is left."""
        try:
            self.files.write(_aside(path), body)
            self.move(path)
        except BaseException:
            self.files.remove(_aside(path))
            raise

    def move(self, path: str) -> None:
        """Let what was written to :meth:`place` take its place at once."""
        self.files.move(_aside(path), path)

    def remove(self, path: str) -> None:
        """Remove a file that a build may remove, and the folders that are empty then."""
        if not is_removable(path):
            raise FolderError(f"{path!r} is no file of {self.root} that may be removed.")
        self.files.remove(path)
        folder = path.rpartition("/")[0]
        while folder and self.files.remove_folder(folder):
            folder = folder.rpartition("/")[0]

    def rename_aside(self, path: str, suffix: str) -> None:
        """Give what :meth:`create_beside` made its own name."""
        self.files.move(_aside(path) + suffix, _aside(path))

    def read_aside(self, path: str, suffix: str = "") -> bytes | None:
        """What was put aside; None where it is not there."""
        return self.files.read(_aside(path) + suffix)

    def remove_aside(self, path: str, suffix: str = "") -> None:
        """Remove what was put aside, if it is there."""
        self.files.remove(_aside(path) + suffix)

    def items_aside(self) -> Iterator[tuple[str, str]]:
        """Paths of the items that were put aside, and the suffixes that their names have."""
        for place in self.files.require_plain(_NEW):
            path, suffix = _without_suffix(place.removeprefix(f"{_NEW}/"))
            if is_item(path):
                yield path, suffix

    def _write_lines(self, path: str, lines: Iterable[str]) -> None:
        handle = self.files.create(path, over=True)
        with os.fdopen(handle, "w", encoding="utf-8") as opened:
            opened.writelines(f"{line}\n" for line in lines)
            opened.flush()
            os.fsync(opened.fileno())


def _aside(path: str) -> str:
    """Where the new content of a file lies until it is published."""
    if not is_ours(path):
        raise FolderError(f"{path!r} is no path of a catalog's file: nothing was written.")
    return f"{_NEW}/{path}"


def _without_suffix(path: str) -> tuple[str, str]:
    """Path of an item, and what follows ``.json``."""
    start, end, suffix = path.partition(".json")
    return start + end, suffix


def _is_aside(path: str) -> bool:
    """Whether a build may put a file of this path aside, before it publishes anything."""
    return is_published(path) or is_item(_without_suffix(path)[0])


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
