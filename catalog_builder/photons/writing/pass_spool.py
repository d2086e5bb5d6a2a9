"""Keeps passes that were read in files, so that an interrupted write is resumed by pass.

The files lie in a hidden folder beside the file that is written, ``.photons.parquet.passes``. A
pass is an Arrow stream of the photons that stay, and a JSON file that says what they are, which is
written last: with it the pass is finished.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from catalog_builder.errors import BeamError, PhotonsError
from catalog_builder.forks import Lock
from catalog_builder.photons.planning.planned_search import GranulePlan
from catalog_builder.photons.reading.freed_memory import give_back_memory
from catalog_builder.photons.reading.pass_reading import Interrupted, PassPhotons
from catalog_builder.photons.reading.survivors import Columns
from catalog_builder.photons.writing.spooled_blocks import (
    Bounds,
    SpooledBlocks,
    packed_variable,
    read_blocks,
    unpacked_variable,
)
from catalog_builder.safe_folder import Entry, SafeFolder
from catalog_builder.system_files import folder_lock

if TYPE_CHECKING:
    from catalog_builder.photons.reading.planned_reading import PlannedPhotons

_FORMAT: Final = 1
"""Raised where what a folder holds changes: an older one is not resumed."""

_PLAN: Final = "plan.json"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpooledPass:
    """A pass that was read to its end."""

    found: PassPhotons
    """What is known of it, without blocks."""
    photons: int
    bytes: int
    """Bytes of its arrays."""
    bounds: Bounds | None
    """West, south, east, north of its photons; None where there are none."""

    @classmethod
    def of(cls, said: dict[str, Any]) -> SpooledPass:
        """Undo what was written; raises many errors where something else was."""
        variables = {path: unpacked_variable(path, one) for path, one in said["variables"].items()}
        known = PassPhotons(
            attrs=said["attrs"],
            variables=variables,
            photon_names=tuple(said["photon_names"]),
            blocks=[],
            problem=said["problem"],
        )
        return cls(
            found=known,
            photons=int(said["photons"]),
            bytes=int(said["bytes"]),
            bounds=None if said["bounds"] is None else tuple(said["bounds"]),
        )


class PassSpool:
    """The passes of one plan that are on disk. Use :func:`opened_spool`."""

    window = 24 * 2**20
    most_passes = 4

    def __init__(self, to: Path, plan: str) -> None:
        """Nothing is read; :meth:`begin` does."""
        self._files = SafeFolder(to.parent)
        self._name = spool_name(to)
        self._target = to.name
        self._plan = plan
        self._lock = Lock()
        self._closed = False
        self._begun: list[SpooledBlocks] = []
        self._thread = ThreadPoolExecutor(1, "write-passes")  # started when it is needed

    def begin(self) -> None:
        """Take over what there is of the same plan, and remove what there is of another."""
        if self._json(_PLAN).get("plan") != self._plan:
            for entry in self._files.entries(self._name):
                self._remove(entry)
            self._say(stored=None)
        for entry in self._files.entries(self._name):
            if entry.name.endswith(".part") or entry.name == self._target:
                self._remove(entry)

    def _remove(self, entry: Entry) -> None:
        remove = self._files.remove_all if entry.is_folder else self._files.remove
        remove(f"{self._name}/{entry.name}")

    def new_blocks(self) -> SpooledBlocks:
        """What takes the blocks of a pass."""
        path = f"{self._name}/{secrets.token_hex(8)}.part"
        blocks = SpooledBlocks(self._files, path, self._thread)
        with self._lock:
            if self._closed:
                raise Interrupted
            self._begun.append(blocks)
        return blocks

    def finish(self, found: PassPhotons) -> PassPhotons:
        """Finish the file of a pass, and say that it is whole.

        Raises :class:`~catalog_builder.photons.reading.pass_reading.Interrupted` once the spool is
        closed: threads of a read that was interrupted may go on while the next write begins.
        """
        with self._lock:
            if self._closed:
                raise Interrupted
            return self._finish(found)

    def close(self) -> None:
        """Take no further pass, and close all files."""
        with self._lock:
            self._closed = True
        for blocks in self._begun:
            blocks.close()
        self._thread.shutdown()

    def _finish(self, found: PassPhotons) -> PassPhotons:
        blocks = found.blocks
        assert isinstance(blocks, SpooledBlocks)
        blocks.close()
        stem = self._stem(found.attrs["granule"], found.attrs["beam"])
        if blocks.photons:
            self._files.move(blocks.path, f"{stem}.arrows")
        said = {
            "attrs": found.attrs,
            "photon_names": found.photon_names,
            "variables": {path: packed_variable(one) for path, one in found.variables.items()},
            "photons": blocks.photons,
            "bytes": blocks.bytes,
            "bounds": blocks.bounds,
            "problem": found.problem,
            "size": self._files.size(f"{stem}.arrows") if blocks.photons else 0,
        }
        with self._files.replacing(f"{stem}.json") as part:
            part.write_bytes(orjson.dumps(said, option=orjson.OPT_SERIALIZE_NUMPY))
        give_back_memory()
        return replace(found, blocks=[])

    def missing(self, plans: Sequence[GranulePlan]) -> list[GranulePlan]:
        """The granules of which a pass is yet to be read, with these passes alone."""
        done = {(one.found.attrs["granule"], one.found.attrs["beam"]) for one in self.passes()}
        rest = []
        for plan in plans:
            granule = plan.found.name.id
            passes = [p for p in plan.passes if (granule, p.beam.references.beam) not in done]
            by_file = [beam for beam in plan.by_file if (granule, beam) not in done]
            if passes or by_file or plan.failed:
                rest.append(replace(plan, passes=tuple(passes), by_file=tuple(by_file)))
        return rest

    def passes(self) -> list[SpooledPass]:
        """The passes that are finished, by granule, then from left to right."""
        found = []
        for entry in self._files.entries(self._name):
            if entry.name == _PLAN or not entry.name.endswith(".json"):
                continue
            said = self._json(entry.name)
            stem = f"{self._name}/{entry.name.removesuffix('.json')}"
            if (self._files.size(f"{stem}.arrows") or 0) != said.get("size"):
                continue  # the machine went down before all of it was on the disk
            try:
                one = SpooledPass.of(said)
                if stem == self._stem(one.found.attrs["granule"], one.found.attrs["beam"]):
                    found.append(one)
            except (AttributeError, BeamError, LookupError, TypeError, ValueError):
                continue  # damaged, or of someone else: it is read anew
        found.sort(key=lambda one: (one.found.attrs["granule"], one.found.attrs["beam"]))
        return found

    def blocks(self, one: SpooledPass) -> Iterator[Columns]:
        """The photons of a pass, some at a time, in the order of the file."""
        import pyarrow as pa

        if one.photons:
            stem = self._stem(one.found.attrs["granule"], one.found.attrs["beam"])
            with os.fdopen(self._files.open(f"{stem}.arrows"), "rb") as file:
                blocks = read_blocks(file, one.found.variables)
                try:
                    yield from blocks
                except (pa.ArrowException, OSError, LookupError, ValueError) as error:
                    raise PhotonsError(
                        f"{self._files.root / stem}.arrows is damaged ({error}): remove "
                        f"{self._files.root / self._name}, then write again."
                    ) from error

    @property
    def part(self) -> Path:
        """Where the file, or folder, is to be written before it is put in its place."""
        return self._files.root / self._name / self._target

    def put(self) -> None:
        """Put what was written to :attr:`part` in its place."""
        self._say(stored=_identity(self.part))
        self.part.replace(self._files.root / self._target)

    @property
    def is_put(self) -> bool:
        """Whether this plan's file is whole and in its place: a write was killed after that."""
        said = self._json(_PLAN)
        stored = said.get("stored") if said.get("plan") == self._plan else None
        return stored is not None and stored == _identity(self._files.root / self._target)

    def remove(self) -> None:
        """Remove all of it: last what says that the file is in its place, if this is killed."""
        for entry in self._files.entries(self._name):
            if entry.name != _PLAN:
                self._remove(entry)
        self._files.remove_all(self._name)

    def _say(self, stored: int | None) -> None:
        with self._files.replacing(f"{self._name}/{_PLAN}") as part:
            part.write_bytes(orjson.dumps({"plan": self._plan, "stored": stored}))

    def _json(self, name: str) -> dict[str, Any]:
        """What a file says; nothing where it was not written to its end."""
        try:
            said = orjson.loads(self._files.read(f"{self._name}/{name}") or b"")
        except orjson.JSONDecodeError:
            return {}
        return said if isinstance(said, dict) else {}

    def _stem(self, granule: str, beam: str) -> str:
        return f"{self._name}/{granule}_{beam}"


@contextmanager
def opened_spool(to: Path, plan: str) -> Iterator[PassSpool]:
    """The passes of a plan for the file ``to``, held by this process alone.

    Raises :class:`~catalog_builder.errors.PhotonsError` while another process writes this file.
    """
    spool = PassSpool(to, plan)
    lock = to.parent / spool_name(to)
    SafeFolder(to.parent).make(lock.name)
    with ExitStack() as held:
        try:
            held.enter_context(folder_lock(lock, link=False))
        except BlockingIOError as error:
            raise PhotonsError(f"Another process writes {to}: wait until it is done.") from error
        held.callback(spool.close)
        spool.begin()
        give_back_memory()
        yield spool
        spool.remove()


def spool_name(to: Path) -> str:
    """Name of the folder that holds the passes of a file, beside it."""
    return f".{to.name}.passes"


def plan_digest(plan: PlannedPhotons) -> str:
    """What tells a plan from any other: what is asked for, and the granules that may hold it."""
    asked = replace(plan.request, access="auto", release=None, cache=None)
    granules = [(one.found.name.id, one.found.beams) for one in plan.granules]
    return hashlib.sha256(repr((_FORMAT, asked, granules)).encode()).hexdigest()


def _identity(path: Path) -> int | None:
    """What tells a file or folder from any other that takes its place; None of nothing."""
    try:
        return path.lstat().st_ino
    except FileNotFoundError:
        return None
