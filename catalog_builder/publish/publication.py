"""Publishes a catalog: finds out what changed, uploads it in order, removes what is gone.

Order is what keeps readers safe: a file is uploaded when all that it points to is there, and
removed when nothing points to it any more. So whenever a run ends, no pointer leads nowhere.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from catalog_builder.catalog.stac.layout import CATALOG, is_ours
from catalog_builder.errors import PublishError
from catalog_builder.progress import Progress
from catalog_builder.publish.destination import Destination, open_destination, require_apart
from catalog_builder.publish.file_headers import headers_of
from catalog_builder.publish.manifest import (
    MANIFEST,
    STATE,
    UNKNOWN,
    Manifest,
    PublishedFile,
    decode_manifest,
    decode_uploads,
    encode_uploads,
)
from catalog_builder.publish.source_files import (
    SourceFile,
    catalog_id,
    id_of,
    rank,
    reading,
    source_files,
)

if TYPE_CHECKING:
    from catalog_builder.progress import Reporter
    from catalog_builder.safe_folder import SafeFolder

T = TypeVar("T")

_AT_ONCE: Final = 32
"""Uploads at a time."""

_LARGE: Final = 2**23
"""Bytes of a file from which on it is not held in memory."""

_SAVED_FILES: Final = 1000
_SAVED_SECONDS: Final = 10.0
"""After so many uploads, or seconds, what was uploaded is put on record: that is not repeated
after an interruption."""

_DELETED_AT_ONCE: Final = 1000

_STATE_HEADERS: Final = {"Content-Type": "application/zstd", "Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishReport:
    """What a run uploaded and removed, or with ``dry_run`` would have."""

    destination: str
    """Where to; without secrets."""
    files: int
    """Number of files of the catalog."""
    uploaded: Sequence[str]
    """Paths of the files that were new, changed or unknown, in their order."""
    uploaded_bytes: int
    """Their bytes."""
    removed: Sequence[str]
    """Paths of the files that are gone, in the order of their removal."""
    dry_run: bool


def publish(
    folder: str | os.PathLike[str],
    destination: str | Destination,
    *,
    full: bool = False,
    dry_run: bool = False,
    progress: Reporter | None = None,
) -> PublishReport:
    """Publish the catalog in a folder to a path, ``s3://``, ``gs://`` or ``az://`` address.

    A file is taken for unchanged if its size and time are those of the last run, or else its
    content. ``full``: also list the destination, and upload anew what is missing there or is not
    what was uploaded. ``dry_run``: change nothing. One run at a time for a destination.

    Raises :class:`~catalog_builder.errors.PublishError` where the destination refuses, or holds
    another catalog; the next run goes on where this one stopped. Raises
    :class:`~catalog_builder.errors.CatalogError` for a folder that cannot be published.
    """
    with reading(folder) as files:
        name = catalog_id(files)
        to = open_destination(destination) if isinstance(destination, str) else destination
        require_apart(Path(folder), to)
        _tell(progress, Progress(stage="looking at the destination", done=0))
        known = _run(_read_state(to, name, full=full))
        _tell(progress, Progress(stage="looking for changes", done=0))
        plan = _plan(files, known)
        report = PublishReport(
            destination=to.name,
            files=len(plan.source),
            uploaded=plan.uploads,
            uploaded_bytes=sum(plan.source[path].size for path in plan.uploads),
            removed=plan.removals,
            dry_run=dry_run,
        )
        if not dry_run and plan.differs:
            _run(_Publication(files, to, plan, progress).run())
        return report


@dataclass(slots=True)
class _Plan:
    source: dict[str, SourceFile]
    manifest: Manifest
    """What is known of the destination, with newer times of files that have not changed."""
    uploads: list[str] = field(default_factory=list)
    removals: list[str] = field(default_factory=list)
    differs: bool = False
    """Whether there is anything to write, the manifest included."""


def _plan(files: SafeFolder, known: Manifest) -> _Plan:
    plan = _Plan(source_files(files), known)
    with files.holding():
        for path, now in plan.source.items():
            there = known.files.get(path)
            if there is None or there.digest is None or there.size != now.size:
                plan.uploads.append(path)
            elif there.mtime != now.mtime:
                if _digest(files, path) != there.digest:
                    plan.uploads.append(path)
                else:
                    known.files[path] = PublishedFile(*now, there.digest, there.tag)
                    plan.differs = True
    gone = known.files.keys() - plan.source.keys()
    plan.removals = sorted(gone, key=lambda path: (-rank(path), path))
    plan.differs |= bool(plan.uploads or plan.removals)
    return plan


async def _read_state(to: Destination, name: str, *, full: bool) -> Manifest:
    """What is known of the destination. Raises PublishError if another catalog is there."""
    manifest = decode_manifest(await to.get(MANIFEST))
    other = manifest.catalog if manifest else id_of(await to.get(CATALOG))
    if other not in (None, name):
        raise PublishError(
            f"{to.name} holds another catalog, {other!r}, not {name!r}: nothing was changed. "
            "Choose another address, or empty that one first."
        )
    if manifest is not None:
        async for one in to.list(f"{STATE}/{manifest.run}"):
            manifest.files |= decode_uploads(await to.get(one.path))
    if manifest is not None and not full:
        return manifest
    known = manifest.files if manifest else {}
    there = {one.path: one async for one in to.list() if is_ours(one.path)}
    files = {}
    for path, one in there.items():
        file = known.get(path, UNKNOWN)
        same = file.size == one.size and file.tag in (None, one.tag)
        files[path] = file if same else UNKNOWN
    return Manifest(catalog=name, files=files)


class _Publication:
    """One run."""

    def __init__(
        self, files: SafeFolder, to: Destination, plan: _Plan, progress: Reporter | None
    ) -> None:
        self._files, self._to, self._plan, self._progress = files, to, plan, progress
        changing = {*plan.uploads, *plan.removals}
        self._manifest = plan.manifest.begun(changing)
        self._unsaved: dict[str, PublishedFile] = {}
        self._saved, self._saved_at = 0, time.monotonic()
        self._done = self._bytes = 0
        self._bytes_total = sum(plan.source[path].size for path in plan.uploads)

    async def run(self) -> None:
        """Upload, remove, and put on record what is there."""
        self._step()
        if self._plan.uploads or self._plan.removals:
            await self._put_state(MANIFEST, self._manifest.encode())
        try:
            for _, paths in groupby(self._plan.uploads, key=rank):
                await _each(paths, self._upload)
        except Exception:
            await self._save()
            raise
        removals = self._plan.removals
        for _, paths in groupby(removals, key=rank):
            gone = list(paths)
            for first in range(0, len(gone), _DELETED_AT_ONCE):
                part = gone[first : first + _DELETED_AT_ONCE]
                await self._to.delete(part)
                for path in part:
                    del self._manifest.files[path]
                self._step(len(part))
        self._manifest.files |= self._unsaved
        await self._put_state(MANIFEST, self._manifest.encode())
        state = [one.path async for one in self._to.list(STATE) if one.path != MANIFEST]
        if state:
            await self._to.delete(state)

    async def _upload(self, path: str) -> None:
        size, mtime = self._plan.source[path]
        body: bytes | Path
        if size >= _LARGE:
            digest, body = _digest(self._files, path), self._files.checked(path)
        else:
            read = self._files.read(path)
            if read is None:
                raise PublishError(f"{path} is gone from {self._files.root}: publish again.")
            digest, body, size = _digest_of(read), read, len(read)
        tag = await self._to.put(path, body, headers_of(path))
        self._unsaved[path] = PublishedFile(size, mtime, digest, tag)
        self._bytes += size
        self._step(1)
        late = time.monotonic() - self._saved_at > _SAVED_SECONDS
        if late or len(self._unsaved) - self._saved >= _SAVED_FILES:
            await self._save()

    async def _save(self) -> None:
        """Put on record what was uploaded since the last time."""
        rows = dict(list(self._unsaved.items())[self._saved :])
        if not rows:
            return
        self._saved_at, number = time.monotonic(), self._saved
        self._saved += len(rows)
        path = f"{STATE}/{self._manifest.run}/{number:09d}.json.zst"
        await self._put_state(path, encode_uploads(rows))

    async def _put_state(self, path: str, body: bytes) -> None:
        await self._to.put(path, body, _STATE_HEADERS)

    def _step(self, count: int = 0) -> None:
        self._done += count
        total = len(self._plan.uploads) + len(self._plan.removals)
        step = Progress(
            stage="publishing",
            done=self._done,
            total=total,
            bytes_done=self._bytes,
            bytes_total=self._bytes_total,
        )
        _tell(self._progress, step)


async def _each(paths: Iterable[str], act: Any) -> None:
    """Act on each path, many at a time; the first error ends all."""
    rest = iter(paths)

    async def work() -> None:
        for path in rest:
            await act(path)

    workers = [asyncio.ensure_future(work()) for _ in range(_AT_ONCE)]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


def _run(task: Coroutine[Any, Any, T]) -> T:
    """Run a task to its end, also where a loop runs already, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(task)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, task).result()


def _tell(progress: Reporter | None, step: Progress) -> None:
    if progress is not None:
        progress(step)


def _digest_of(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=16).hexdigest()


def _digest(files: SafeFolder, path: str) -> str:
    with os.fdopen(files.open(path), "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
