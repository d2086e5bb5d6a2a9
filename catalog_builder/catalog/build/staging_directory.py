"""The staging directory: where new files of a catalog lie until they are published.

It is inside the published folder, so that publishing a file is a rename. Its content is not
trusted: only paths of the catalog's layout are written or read, and no link is followed
(:mod:`~catalog_builder.safe_folder`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from catalog_builder.catalog.stac.layout import ROOT_FILES, is_item, is_ours, is_published
from catalog_builder.errors import FolderError
from catalog_builder.safe_folder import SafeFolder

STAGING: Final = ".catalog-builder"
"""Name of the staging directory. It exists while a build or an indexing run writes to the
published folder, and after one that was interrupted or crashed."""

_NEW: Final = f"{STAGING}/new"
"""Folder of the new files, laid out as they will be published."""


class StagingDirectory:
    """The new files of one published folder, given by the paths at which they will be published.

    All methods raise :class:`~catalog_builder.errors.FolderError` for a path that is not one of
    the catalog's layout.
    """

    def __init__(self, files: SafeFolder) -> None:
        """``files`` is the published folder. Nothing is read or written."""
        self._files = files

    def prepare(self) -> None:
        """Create the directory unless it exists."""
        self._files.make(_NEW)

    def clear(self) -> None:
        """Remove all new files."""
        self._files.remove_all(_NEW)

    def put(self, path: str, body: bytes) -> bool:
        """Write a new file unless the published one has this content; True if written."""
        if self._files.read(path) == body:
            return False
        self.write(path, body)
        return True

    def write(self, path: str, body: bytes) -> None:
        """Write a new file; replaces one of this path."""
        self._files.write(_staged(path), body)

    def create(self, path: str) -> int:
        """A descriptor of a new, empty file. Raises FileExistsError if there is one."""
        return self._files.create(_staged(path))

    def create_variant(self, path: str, suffix: str) -> int:
        """As :meth:`create`, for a variant with a suffix in its name; replaces an existing one."""
        return self._files.create(_staged(path) + suffix, over=True)

    def path(self, path: str) -> Path:
        """Absolute path of a new file, for code that opens it itself; its folder is created."""
        staged = _staged(path)
        self._files.make(staged.rpartition("/")[0])
        return self._files.checked(staged)

    def read(self, path: str, suffix: str = "") -> bytes | None:
        """Content of a new file, or of its variant with a suffix; None if there is none."""
        return self._files.read(_staged(path) + suffix)

    def remove(self, path: str, suffix: str = "") -> None:
        """Remove a new file, or its variant with a suffix, if there is one."""
        self._files.remove(_staged(path) + suffix)

    def choose_variant(self, path: str, suffix: str) -> None:
        """Rename a variant to the file's own name."""
        self._files.move(_staged(path) + suffix, _staged(path))

    def publish(self, path: str) -> None:
        """Move one new file, or one new folder, to its published path."""
        self._files.move(f"{_NEW}/{path}", path)

    def items(self) -> Iterator[tuple[str, str]]:
        """Path of each new item file, and the suffix of its name, empty except for variants."""
        for staged in self._files.require_plain(_NEW):
            path, suffix = _without_suffix(staged.removeprefix(f"{_NEW}/"))
            if is_item(path):
                yield path, suffix

    def publishing_order(self, inside: str = "") -> Iterator[str]:
        """Paths of the new files in the order in which they are published.

        A file comes after the files that it links to. A folder that is not published yet comes as
        a whole, since no published file links into it.
        """
        entries = self._files.entries(f"{_NEW}/{inside}".rstrip("/"))
        for name, is_folder, _ in entries:
            path = f"{inside}{name}"
            if is_folder and self._files.has_folder(path):
                yield from self.publishing_order(f"{path}/")
            elif is_folder:
                yield path
        files = [f"{inside}{name}" for name, _, is_file in entries if is_file]
        yield from sorted(filter(is_published, files), key=_sort_key)

    def remove_strangers(self, *, variants: bool) -> None:
        """Remove files that no build writes here; ``variants``: keep variants of items."""
        self._sweep("", _may_be_staged if variants else is_published)

    def _sweep(self, inside: str, wanted: Callable[[str], bool]) -> bool:
        """Remove files that are not wanted in a folder; True if any are left."""
        left = False
        for name, is_folder, _ in self._files.entries(f"{_NEW}/{inside}".rstrip("/")):
            path = f"{inside}{name}"
            if is_folder and self._sweep(f"{path}/", wanted):
                left = True
            elif is_folder:
                self._files.remove_folder(f"{_NEW}/{path}")
            elif wanted(path):
                left = True
            else:
                self._files.remove(f"{_NEW}/{path}")
        return left


def _staged(path: str) -> str:
    """Path of a new file in the published folder."""
    if not is_ours(path):
        raise FolderError(f"{path!r} is not the path of a catalog's file: nothing was written.")
    return f"{_NEW}/{path}"


def _without_suffix(path: str) -> tuple[str, str]:
    """Path of an item, and the suffix after ``.json``."""
    start, end, suffix = path.partition(".json")
    return start + end, suffix


def _may_be_staged(path: str) -> bool:
    """True if a build writes a file of this path here before it starts publishing."""
    return is_published(path) or is_item(_without_suffix(path)[0])


def _sort_key(path: str) -> tuple[int, int, str]:
    """Sorts the files of a folder: items first, the root's files last in their order."""
    if is_item(path):
        return 0, 0, path
    return 1, ROOT_FILES.index(path) if path in ROOT_FILES else 0, path
