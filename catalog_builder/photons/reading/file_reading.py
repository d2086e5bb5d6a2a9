"""Reads passes of a granule through h5py, block by block."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from catalog_builder.beams.columns.photon_columns import PhotonColumns
from catalog_builder.beams.read.beam_file import beams_in, find_beam, read_beam
from catalog_builder.beams.read.beam_reader import BeamReader, has_segment_table
from catalog_builder.beams.read.photon_search import NO_SEGMENTS, near_by_segments
from catalog_builder.beams.read.row_slices import RowSlices
from catalog_builder.beams.read.segment_table import SegmentTable
from catalog_builder.beams.storage.granule_file import open_hdf5
from catalog_builder.errors import EmptyBeamError, SegmentsError
from catalog_builder.opening.resolve import ResolvedGranule
from catalog_builder.photons.planning.good_photons import TRANSITION
from catalog_builder.photons.planning.pass_plan import BLOCK_BYTES, row_bytes
from catalog_builder.photons.planning.photon_request import PhotonRequest
from catalog_builder.photons.reading.pass_reading import (
    IN_MEMORY,
    MemoryWindow,
    PassPhotons,
    PassStore,
    opened_columns,
    photons_of_pass,
)
from catalog_builder.photons.reading.survivors import ReadColumns, read_survivors
from catalog_builder.products.atl03 import Beam


def read_file(
    granule: ResolvedGranule,
    beams: Iterable[Beam],
    request: PhotonRequest,
    window: MemoryWindow,
    store: PassStore = IN_MEMORY,
    columns: Sequence[PhotonColumns] = (),
) -> list[PassPhotons]:
    """Read beams of a granule through h5py, opened once; those that hold no photon are left out.

    ``columns`` are what can be derived for the granule.

    Raises as :func:`~catalog_builder.beams.dataset.open_beam` does, and
    :class:`~catalog_builder.errors.VariableNotFoundError` for a beam whose photons have no
    ``lat_ph``.
    """
    found = []
    with open_hdf5(granule.links, request.access) as (file, href):
        there = beams_in(file, href)
        for beam in beams:
            if beam not in there:
                continue
            try:
                reader = find_beam(file, href, beam)
            except EmptyBeamError:
                empty = read_beam(file, href, beam)
                if empty.photon_names():
                    empty.dataset("lat_ph")  # without it nobody knows where its photons are
                continue
            if request.strength is not None and reader.strength != request.strength:
                continue
            if request.good and reader.orientation == TRANSITION:
                continue
            found.append(_read_beam(reader, request, window, store, columns))
    return found


def _read_beam(
    reader: BeamReader,
    request: PhotonRequest,
    window: MemoryWindow,
    store: PassStore,
    columns: Sequence[PhotonColumns],
) -> PassPhotons:
    variables = request.describe(reader)
    table, near = SegmentTable.unknown(reader), RowSlices.whole(reader.photons)
    problem: str | None = NO_SEGMENTS
    if has_segment_table(reader):
        try:
            table, near = near_by_segments(
                reader, request.selection, distances=request.along_track
            )
            problem = None
        except SegmentsError as error:
            problem = str(error)
    a_photon = row_bytes(request, variables)
    step = max(1, BLOCK_BYTES // max(a_photon, 1))
    segments = RowSlices.whole(reader.segment_count)
    blocks, read = store.new_blocks(), ReadColumns()
    with opened_columns(reader, request, columns) as derived:
        for first in range(0, near.rows, step):
            part = near.part(first, first + step)
            size = part.rows * a_photon
            window.take(size)
            try:
                for one in derived:
                    one.begin(None)
                survivors = read_survivors(
                    reader,
                    request,
                    variables,
                    part,
                    segments,
                    table,
                    derived,
                    known=problem is None,
                )
                read.add(survivors, blocks)
            finally:
                window.give(size)
    problem = problem if request.table_paths else None
    return store.finish(photons_of_pass(reader, variables, blocks, problem, read, columns))
