"""Plans how a pass, one beam of one granule, is read by its references; no I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from math import prod
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.columns.photon_columns import Seconds
from catalog_builder.beams.read import plan as planning
from catalog_builder.beams.read.beam_reader import Variable
from catalog_builder.beams.read.chunk_rests import ChunkRests, needed_rows
from catalog_builder.beams.read.photon_search import LAT
from catalog_builder.beams.read.plan import ReadPlan, plan_reads
from catalog_builder.beams.read.planned_beam import PlannedBeam
from catalog_builder.beams.read.row_slices import RowSlices
from catalog_builder.beams.references.reference_set import BeamReferences, DatasetReferences
from catalog_builder.photons.planning.photon_request import PhotonRequest
from catalog_builder.products.atl03 import PHOTON_GROUP

BLOCK_BYTES: Final = 24 * 2**20
"""Bytes of arrays that are read at once of a pass, unless a single chunk takes more."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Block:
    """Some of a pass's photons, which are read in one round of requests."""

    photons: RowSlices
    segments: RowSlices
    wanted: Mapping[str, RowSlices]
    """Rows of each dataset."""
    plan: ReadPlan
    bytes: int
    """Bytes of the arrays that are read."""
    seconds: Seconds | None = None
    """Between which times the photons lie; None where that is not known."""
    rests: ChunkRests | None = None
    """Of which chunks only the beginning is read."""
    whole: Block | None = None
    """With all of these chunks, which is read where their beginnings were too short."""

    @classmethod
    def planned(
        cls,
        beam: PlannedBeam,
        request: PhotonRequest,
        *,
        photons: RowSlices,
        segments: RowSlices,
        **others: Any,
    ) -> Block:
        """Plan how these photons and segments of a beam are read."""
        wanted = dict.fromkeys(request.photon_paths, photons)
        wanted |= dict.fromkeys([*request.segment_paths, *request.table_paths], segments)
        plan = plan_reads(beam.references, wanted, beginnings="rests" in others)
        return cls(
            photons=photons, segments=segments, wanted=wanted, plan=_lean_plan(plan), **others
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PassPlan:
    """One beam of one granule, and the blocks in which its photons near the area are read."""

    beam: PlannedBeam
    """With no more of its references than reading takes."""
    variables: Mapping[str, Variable]
    placed: bool
    """Whether a scan found the segments good, so that a contradiction is another file's."""
    blocks: tuple[Block, ...]
    counting: tuple[Block, ...] = ()
    """How only what is tested of them is read, where they are opened lazily."""

    @property
    def bytes(self) -> int:
        """Bytes that are fetched."""
        return sum(block.plan.bytes_fetched for block in self.blocks)

    @property
    def requests(self) -> int:
        """How many requests that takes."""
        return sum(len(block.plan.requests) for block in self.blocks)

    @property
    def photons(self) -> int:
        """How many photons at most are read, and stay."""
        return sum((block.whole or block).photons.rows for block in self.blocks)


def plan_pass(beam: PlannedBeam, request: PhotonRequest, *, lazily: bool = False) -> PassPlan:
    """Plan a pass whose references cover the request; ``lazily`` also how it is counted.

    Raises as :meth:`~catalog_builder.photons.planning.photon_request.PhotonRequest.describe` and
    :func:`~catalog_builder.beams.read.plan.plan_reads` do.
    """
    variables = request.describe(beam)
    blocks = tuple(_blocks(beam, request, variables))
    counting = tuple(_blocks(beam, request.counting, variables)) if lazily else ()
    lean = _lean(beam.references, request.needed)
    return PassPlan(
        beam=replace(beam, references=lean),
        variables=variables,
        placed=beam.has_segments is True,
        blocks=blocks,
        counting=counting,
    )


def row_bytes(request: PhotonRequest, variables: Mapping[str, Variable]) -> int:
    """Bytes of a photon in what is read of it."""
    every = [variables[path] for path in (*request.photon_paths, *request.segment_paths)]
    every += [one for columns in request.columns for one in columns.variables.values()]
    return sum(one.dtype.itemsize * prod(one.shape[1:]) for one in every)


def _blocks(
    beam: PlannedBeam, request: PhotonRequest, variables: Mapping[str, Variable]
) -> Iterator[Block]:
    positions = beam.references.positions
    chunks = np.flatnonzero(request.selection.near_chunks(positions))
    a_photon = row_bytes(request, variables)
    step = max(1, BLOCK_BYTES // max(a_photon * positions.chunk, 1))
    every = None if beam.has_segments else RowSlices.whole(beam.segment_count)
    # A cache keeps chunks whole: an area beside this one needs them too. Of chunks so small that
    # nothing is saved, those of release 006, no time is lost to see how they are flown.
    large = positions.chunk * np.dtype(np.float64).itemsize > planning.LEAST_SAVED
    by_beginning = large and not request.cache and beam.has_segments is True
    for first in range(0, len(chunks), step):
        some = chunks[first : first + step]
        keep = np.zeros(len(positions), np.bool_)
        keep[some] = True
        near = beam.rows_of_chunks(keep)
        whole = Block.planned(
            beam,
            request,
            photons=near.photons,
            segments=near.segments if every is None else every,
            bytes=near.photons.rows * a_photon,
            seconds=beam.seconds_of_chunks(keep),
        )
        if not by_beginning:
            yield whole
            continue
        stops = positions.edges[some] + needed_rows(positions, request.selection, some)
        short = stops < positions.edges[some + 1]
        if not short.any():
            yield whole
            continue
        photons = RowSlices.of_ranges(positions.edges[some], stops - 1)
        early = Block.planned(
            beam,
            request,
            photons=photons,
            segments=whole.segments,
            bytes=photons.rows * a_photon,
            seconds=whole.seconds,
            rests=ChunkRests.of(positions, some[short], stops[short]),
            whole=whole,
        )
        yield early if early.plan.reads.beginning.any() else whole


def _lean(references: BeamReferences, paths: list[str]) -> BeamReferences:
    """References of these datasets that tell how they are stored, but no longer where."""
    positions = references.positions
    none: dict[str, Any] = {
        field.name: _none(values.dtype)
        for field in fields(positions)
        if isinstance(values := getattr(positions, field.name), np.ndarray)
    }
    lean = {path: _lean_dataset(references.datasets[path]) for path in paths}
    # Of the others of ``heights`` only the names are asked for: to unpack them takes as long as
    # to inflate all photons.
    names = (path for path in references.datasets if path.startswith(f"{PHOTON_GROUP}/"))
    return replace(
        references,
        datasets=dict.fromkeys(names, lean[LAT]) | lean,
        positions=replace(positions, **none),
    )


def _lean_dataset(dataset: DatasetReferences) -> DatasetReferences:
    places = _none(np.dtype(np.uint64))
    return replace(dataset, offsets=places, sizes=places, filter_masks=_none(np.dtype(np.uint32)))


@cache
def _none(kind: np.dtype[Any]) -> NDArray[Any]:
    """No values: one array for all plans, of which each would have two dozen."""
    return np.empty(0, kind)


def _lean_plan(plan: ReadPlan) -> ReadPlan:
    """The plan without what planning alone needs: plans of all passes are kept together."""
    return replace(
        plan,
        outputs=tuple(
            replace(output, dataset=_lean_dataset(output.dataset)) for output in plan.outputs
        ),
    )
