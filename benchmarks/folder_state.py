"""What lies in a published folder, file by file, to be held against another time or folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

REPORT: Final = "build-report.json"
"""What differs between two builds that say the same."""

File = tuple[int, int, bytes]
"""Size, time of the last change (ns), digest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderState:
    """The files of a folder, what starts with a dot left out, as a host leaves it out."""

    files: dict[str, File]
    """By path."""

    @classmethod
    def of(cls, folder: Path) -> FolderState:
        """Read all files of a folder, on all cores; none where there is no folder."""
        if not folder.exists():
            return cls(files={})
        shown = [path for path in folder.iterdir() if not path.name.startswith(".")]
        files = dict(_file(folder, path.name) for path in shown if path.is_file())
        parts = [
            f"{path.name}/{inner.name}"
            for path in shown
            if path.is_dir()
            for inner in path.iterdir()
        ]
        with ProcessPoolExecutor() as pool:
            for found in pool.map(partial(_below, folder), parts):
                files.update(found)
        return cls(files=files)

    @property
    def bytes(self) -> int:
        """Of all files."""
        return sum(size for size, _, _ in self.files.values())

    def touched_since(self, before: FolderState) -> list[str]:
        """Paths of what was written, made or removed since then, the same content or not."""
        both = self.files.keys() | before.files.keys()
        return sorted(path for path in both if self.files.get(path) != before.files.get(path))

    def differing_from(self, other: FolderState) -> list[str]:
        """Paths of what has other content, or is on one side only, without the report."""
        mine, others = ({p: f[2] for p, f in state.files.items()} for state in (self, other))
        both = mine.keys() | others.keys()
        return sorted(p for p in both if mine.get(p) != others.get(p) and p != REPORT)


def _below(folder: Path, part: str) -> dict[str, File]:
    if (folder / part).is_file():
        return dict([_file(folder, part)])
    return dict(_file(folder, path) for path in _paths(folder, part))


def _paths(folder: Path, part: str) -> Iterator[str]:
    for entry in os.scandir(folder / part):
        if entry.is_dir(follow_symlinks=False):
            yield from _paths(folder, f"{part}/{entry.name}")
        else:
            yield f"{part}/{entry.name}"


def _file(folder: Path, path: str) -> tuple[str, File]:
    with (folder / path).open("rb", buffering=0) as file:
        about = os.fstat(file.fileno())
        digest = hashlib.blake2b(file.read(), digest_size=16).digest()
    return path, (about.st_size, about.st_mtime_ns, digest)
