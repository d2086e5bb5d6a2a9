"""Reads a pass, block by block, by its plan."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from catalog_builder.beams.columns.photon_columns import OpenColumns, PhotonColumns
from catalog_builder.beams.read.beam_reader import (
    BeamReader,
    Variable,
)
from catalog_builder.beams.read.decode import ShortBeginning
from catalog_builder.beams.read.photon_search import (
    LAT,
    LON,
    TIME,
)
from catalog_builder.beams.read.segment_table import SegmentTable
from catalog_builder.errors import SegmentsError
from catalog_builder.forks import Lock
from catalog_builder.photons.planning.pass_plan import Block, PassPlan
from catalog_builder.photons.planning.photon_request import PhotonRequest
from catalog_builder.photons.reading.survivors import (
    Columns,
    ReadColumns,
    Survivors,
    read_survivors,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


class Interrupted(Exception):  # noqa: N818 (no failure: it ends threads whose result is not wanted)
    """The read was ended by its caller."""


class MemoryWindow:
    """Bytes that all reads together may hold before their photons are tested."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._used = 0
        self._changed = threading.Event()
        self._lock = Lock()
        self.ended = False

    def take(self, size: int) -> None:
        """Wait until so many bytes are free; a larger piece waits until all are.

        Raises :class:`Interrupted` once the read has ended.
        """
        while True:
            if self.ended:
                raise Interrupted
            with self._lock:
                if self._used == 0 or self._used + size <= self._most:
                    self._used += size
                    return
                self._changed.clear()
            self._changed.wait(0.2)

    def give(self, size: int) -> None:
        """Free bytes that were taken."""
        with self._lock:
            self._used -= size
        self._changed.set()

    def end(self) -> None:
        """Let no further piece be begun."""
        self.ended = True
        self._changed.set()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PassPhotons:
    """What stays of a pass."""

    attrs: Mapping[str, Any]
    """Of the beam and its granule, as a beam's Dataset has them."""
    variables: Mapping[str, Variable]
    photon_names: tuple[str, ...]
    """Names of all datasets of ``heights``."""
    blocks: list[Columns]
    """Some photons each, in the order of the file; none is empty."""
    problem: str | None
    """Why nothing is known of its segments, where that is asked for."""


class PassStore(Protocol):
    """Where the photons that stay are kept."""

    window: int
    """Bytes of arrays that are held before their photons are tested."""
    most_passes: int
    """Passes read at a time."""

    def new_blocks(self) -> list[Columns]:
        """What takes the blocks of a pass, in their order, from one thread."""

    def finish(self, found: PassPhotons) -> PassPhotons:
        """Keep a pass that was read to its end."""


class MemoryStore:
    """Keeps photons in memory."""

    window = 64 * 2**20
    most_passes = 16

    def new_blocks(self) -> list[Columns]:
        """A list."""
        return []

    def finish(self, found: PassPhotons) -> PassPhotons:
        """The pass as it is."""
        return found


IN_MEMORY: Final = MemoryStore()


def read_plan(
    planned: PassPlan,
    request: PhotonRequest,
    window: MemoryWindow,
    fetched: Callable[[int], None],
    store: PassStore = IN_MEMORY,
    columns: Sequence[PhotonColumns] = (),
) -> PassPhotons:
    """Read a pass by its plan; ``fetched`` is told the bytes of each block.

    ``columns`` are what can be derived for its granule.

    Raises :class:`~catalog_builder.errors.BeamError` where the references do not fit the granule,
    and :class:`~catalog_builder.errors.AccessError` where it cannot be read.
    """
    blocks, read = store.new_blocks(), ReadColumns()
    problem: str | None = None
    with opened_columns(planned.beam, request, columns) as derived:
        for block in planned.blocks:
            try:
                survivors, wrong = _read_block(planned, request, block, window, derived)
            except ShortBeginning:
                assert block.whole is not None
                survivors, wrong = _read_block(planned, request, block.whole, window, derived)
            problem = wrong or problem
            read.add(survivors, blocks)
            fetched(block.plan.bytes_fetched)
    return store.finish(
        photons_of_pass(planned.beam, planned.variables, blocks, problem, read, columns)
    )


def _read_block(
    planned: PassPlan,
    request: PhotonRequest,
    block: Block,
    window: MemoryWindow,
    derived: Sequence[OpenColumns],
) -> tuple[Survivors, str | None]:
    """What stays of a block, and why nothing is known of its segments.

    Raises :class:`~catalog_builder.beams.read.decode.ShortBeginning` where it must be read whole.
    """
    beam, rests = planned.beam, block.rests
    window.take(block.bytes)
    try:
        beam.prefetch(block.wanted, block.plan)
        if rests is not None:
            last = (beam.prefetched(path, rests.rows) for path in (LON, LAT, TIME))
            if rests.near(request.selection, *last):
                raise ShortBeginning
        for one in derived:
            one.begin(block.seconds)
        table, wrong = _table(planned, request, block)
        survivors = read_survivors(
            beam,
            request,
            planned.variables,
            block.photons,
            block.segments,
            table,
            derived,
            known=wrong is None,
        )
        return survivors, wrong
    finally:
        beam.release()
        window.give(block.bytes)


def _table(
    planned: PassPlan, request: PhotonRequest, block: Block
) -> tuple[SegmentTable | None, str | None]:
    """The segments of a block, where they are needed, and why none is known."""
    if not request.table_paths:
        return None, None
    try:
        table = SegmentTable.read(planned.beam, block.segments, distances=request.along_track)
    except SegmentsError as error:
        if planned.placed:
            raise
        return SegmentTable.unknown(planned.beam), str(error)
    return table, None


@contextmanager
def opened_columns(
    beam: BeamReader, request: PhotonRequest, columns: Sequence[PhotonColumns]
) -> Iterator[list[OpenColumns]]:
    """Open what the columns that are needed are derived from."""
    with ExitStack() as stack:
        yield [stack.enter_context(one.opened(beam)) for one in request.used(columns)]


def photons_of_pass(
    beam: BeamReader,
    variables: Mapping[str, Variable],
    blocks: list[Columns],
    problem: str | None,
    read: ReadColumns,
    columns: Sequence[PhotonColumns],
) -> PassPhotons:
    """What stays of a pass, of which all blocks were read."""
    told = {key: value for one in columns for key, value in one.told.items()}
    return PassPhotons(
        problem=problem,
        attrs={**beam.attributes(), **told, **read.told},
        variables={**variables, **read.variables},
        photon_names=tuple(beam.photon_names()),
        blocks=blocks,
    )
