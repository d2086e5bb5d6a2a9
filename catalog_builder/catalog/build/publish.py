"""The published folder: changes its files so that readers always see a complete catalog.

New files are first written to the staging directory (:mod:`.staging_directory`). Then a journal of
the files to be removed is written, and the new files are moved to their paths: items before the
pages that link to them, the root catalog last. Then files that nothing links to are removed. So a
reader never finds half a file, nor a link to a missing file. A build that crashes before its
journal is written has changed nothing; if it crashes later, the next build first completes the
publishing.

Indexing replaces the files of one granule after the other, and the index only from time to time.
Before it writes the files of a granule, it records that the index will be older than them, for the
case that it crashes.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Final

from catalog_builder.catalog.build.staging_directory import STAGING, StagingDirectory
from catalog_builder.catalog.stac.layout import is_removable
from catalog_builder.errors import CatalogError, FolderError
from catalog_builder.progress import Progress, Reporter
from catalog_builder.safe_folder import SafeFolder
from catalog_builder.system_files import folder_lock

_STATE: Final = f"{STAGING}/work"
"""Folder of the build state."""

_JOURNAL: Final = f"{STAGING}/journal"
"""File with the paths to be removed, one on each line. It exists once publishing has started."""

_TOUCHED: Final = f"{STAGING}/touched"
"""File with the ids of the granules that are added, changed or removed, one on each line."""

_OUTDATED: Final = f"{STAGING}/behind"
"""File with the ids of the granules whose files are newer than the index, one on each line. It is
removed when a new index is written."""


class PublishedFolder:
    """One published folder. Only files of the layout and of the staging directory are changed."""

    def __init__(self, root: Path) -> None:
        """Nothing is read or written."""
        self.root = root
        self.files = SafeFolder(root)
        """All files are read and changed through this."""
        self.staging = StagingDirectory(self.files)
        """The staging directory."""
        self.crashed = False
        """True if the previous writer left its staging directory, so that published files may
        not agree."""
        self.unfinished = False
        """True while published files do not agree. If this process is interrupted then, the
        staging directory is kept, so that the next one completes the work."""
        self.resumable = False
        """True if the build state is kept when this process is interrupted."""

    @property
    def state(self) -> Path:
        """Folder of the build state, which the next build resumes after an interruption."""
        return self.root / _STATE

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Lock the folder for writing; first complete or remove the work of a crashed process.

        Raises :class:`~catalog_builder.errors.CatalogError` if another process holds the lock, or
        the staging directory contains something that no build creates.
        """
        created = not self.root.exists()
        self.files.make_root()
        with locked(self.root):
            self.crashed = self.files.has_folder(STAGING)
            publishing = self._has_journal()
            self._require_own_staging(publishing=publishing)
            if publishing:
                self._complete_publishing(None)
            if publishing or not self.files.has_folder(_STATE):
                self._clear()
            self.staging.prepare()
            try:
                yield
            except BaseException:
                if not self.unfinished and not self.resumable:
                    self._clear()
                    if self.crashed:  # files may still disagree: keep the sign of it
                        self.files.make(STAGING)
                    elif created:
                        with contextlib.suppress(OSError):  # other files are there now
                            self.root.rmdir()
                raise
            self._clear()

    def _has_journal(self) -> bool:
        return self.files.size(_JOURNAL) is not None

    def _require_own_staging(self, *, publishing: bool) -> None:
        """Refuse links and journals that no build writes; remove other files that none writes.

        ``publishing``: True if publishing had started.
        """
        for _ in self.files.require_plain(STAGING):
            pass
        if publishing:
            for path in self._journal():
                if not is_removable(path):
                    raise FolderError(
                        f"{self.root / _JOURNAL} names {path!r}, which no build removes: nothing "
                        f"was changed. Remove {self.root / STAGING}, then build again."
                    )
        self.staging.remove_strangers(variants=not publishing)

    def _clear(self) -> None:
        """Remove the staging directory, first the journal, whose files have been removed.

        The record of an outdated index stays, unless a build has just written a new index.
        """
        if self.index_outdated and not self._has_journal():
            self.discard_state()
            return
        self.files.remove(_JOURNAL)
        self.files.remove_all(STAGING)

    def discard_state(self) -> None:
        """Remove the build state and the new files."""
        self.files.remove_all(_STATE)
        self.staging.clear()

    def read(self, path: str) -> bytes:
        """Content of a file as it will be published. Raises CatalogError if there is none."""
        body = self.staging.read(path)
        if body is None:
            body = self.files.read(path)
        if body is None:
            raise CatalogError(f"There is no {self.root / path}: build the catalog again.")
        return body

    def publish(
        self, removed: Iterable[str], touched: Iterable[str], progress: Reporter | None = None
    ) -> None:
        """Publish all new files, then remove files.

        ``removed`` are the paths to remove, ``touched`` the ids of the granules affected. Once
        the journal is written, publishing is completed, if necessary by the next build. The
        journal stays until :meth:`writing` ends, since files written until then belong to it.
        """
        removed = list(removed)
        for path in chain(self.staging.publishing_order(), removed):
            self.files.refuse(path)  # before anything is changed
        partial = f"{_JOURNAL}.part"
        self._write_lines(_TOUCHED, touched)
        self._write_lines(partial, removed)
        self.unfinished = True
        self.files.move(partial, _JOURNAL)
        self._complete_publishing(progress)
        self.unfinished = False

    def _complete_publishing(self, progress: Reporter | None) -> None:
        """Move the new files that are left, and remove files."""
        done = 0

        def step() -> None:
            nonlocal done
            if progress is not None:
                progress(Progress(stage="publishing", done=done))
            done += 1

        for path in self.staging.publishing_order():
            step()
            self.staging.publish(path)
        for path in self._journal():
            step()
            self.remove(path)
        step()

    def _journal(self) -> Iterator[str]:
        """The paths to be removed."""
        handle = self.files.open(_JOURNAL)
        with os.fdopen(handle, encoding="utf-8", errors="surrogateescape", newline="\n") as lines:
            for line in lines:
                yield line.removesuffix("\n")

    def inconsistent_granules(self) -> frozenset[str] | None:
        """Ids of the granules whose item, pages and row in the index may not agree.

        They are being published or indexed now, or were when that crashed. None if no such work
        was started. The files of all other granules agree.
        """
        lists = {_JOURNAL: _TOUCHED, _OUTDATED: _OUTDATED}
        files = [file for mark, file in lists.items() if self.files.size(mark) is not None]
        if not files:
            return None
        return frozenset(
            chain.from_iterable(
                (self.files.read(file) or b"").decode(errors="replace").split() for file in files
            )
        )

    @property
    def index_outdated(self) -> bool:
        """True if files of granules are newer than the index."""
        return self.files.size(_OUTDATED) is not None

    def outdated_granules(self) -> frozenset[str]:
        """Ids of the granules whose files may be newer than the index; unchecked."""
        return frozenset((self.files.read(_OUTDATED) or b"").decode(errors="replace").split())

    def mark_outdated(self, granule: str) -> None:
        """Record that the files of a granule will be newer than the index from now on."""
        handle = self.files.open(_OUTDATED, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        with os.fdopen(handle, "a", encoding="utf-8", newline="\n") as file:
            # Starts with a newline, since the line before may be cut off after the disk was full.
            file.write(f"\n{granule}\n")
        self.unfinished = True

    def index_is_current(self) -> None:
        """Record that the index agrees with the files of all granules."""
        self.files.remove(_OUTDATED)
        self.unfinished = False

    def write(self, path: str, body: bytes) -> None:
        """Write and publish one file, whole by rename; if interrupted, nothing of it remains."""
        try:
            self.staging.write(path, body)
            self.move(path)
        except BaseException:
            self.staging.remove(path)
            raise

    def move(self, path: str) -> None:
        """Publish one new file, whole by rename."""
        self.staging.publish(path)

    def remove(self, path: str) -> None:
        """Remove a file that a build may remove, and the folders that are then empty."""
        if not is_removable(path):
            raise FolderError(f"{path!r} is not a file of {self.root} that may be removed.")
        self.files.remove(path)
        folder = path.rpartition("/")[0]
        while folder and self.files.remove_folder(folder):
            folder = folder.rpartition("/")[0]

    def _write_lines(self, path: str, lines: Iterable[str]) -> None:
        handle = self.files.create(path, over=True)
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as opened:
            opened.writelines(f"{line}\n" for line in lines)
            opened.flush()
            os.fsync(opened.fileno())


@contextlib.contextmanager
def locked(folder: Path, *, shared: bool = False, then: str = "start again") -> Iterator[None]:
    """Hold a lock on the folder, which the system releases when the process ends or crashes.

    ``shared`` only keeps writers away. Raises :class:`~catalog_builder.errors.CatalogError` where
    another process holds it, with what to do ``then``.
    """
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(folder_lock(folder, shared=shared))
        except BlockingIOError as error:
            raise CatalogError(
                f"Another build or indexing run is writing to {folder}: {then} when it has "
                "finished."
            ) from error
        yield
