"""What someone else may have put into a folder, and files outside of it that must stay."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

KINDS = ("link", "folder link", "dangling link", "pipe", "folder", "garbage", "hard link")


@dataclass(frozen=True)
class Outside:
    """Files outside of a catalog, which nothing that is done with it may touch."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> Outside:
        """Fill a folder with them."""
        (folder / "inner").mkdir(parents=True)
        outside = cls(folder)
        outside.file.write_text("precious")
        (folder / "inner" / "catalog.json").write_text('{"id": "precious"}')
        return outside

    @property
    def file(self) -> Path:
        return self.folder / "victim.txt"

    def state(self) -> dict[str, bytes | None]:
        """All that is there, with its bytes."""
        return {
            path.relative_to(self.folder).as_posix(): (
                path.read_bytes() if path.is_file() else None
            )
            for path in self.folder.rglob("*")
        }


def plant(path: Path, kind: str, outside: Outside) -> None:
    """Put something of a kind in the place of whatever lies at a path."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "link":
        path.symlink_to(outside.file)
    elif kind == "folder link":
        path.symlink_to(outside.folder / "inner", target_is_directory=True)
    elif kind == "dangling link":
        path.symlink_to(outside.folder / "made-by-the-build")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
        (path / "stranger.txt").write_text("not ours")
    elif kind == "hard link":
        path.hardlink_to(outside.file)
    else:
        path.write_bytes(b"\xff{garbage" * 20)
