"""Scans a granule's file once for all that later reads need: its references and its tracks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.read.beam_file import BeamFile, beams_in, granule_name, read_beam
from catalog_builder.beams.read.beam_reader import SEGMENT_TABLE, agree_on_rows
from catalog_builder.beams.read.hdf5 import read_attribute, read_attributes
from catalog_builder.beams.read.hdf5_objects import (
    damage_as_access_error,
    dataset_paths,
    find_dataset,
)
from catalog_builder.beams.read.photon_search import LAT
from catalog_builder.beams.read.segments import NO_SEGMENT, Segments
from catalog_builder.beams.references.chunk_positions import ChunkPositions
from catalog_builder.beams.references.reference_set import BeamReferences, DatasetReferences
from catalog_builder.beams.scanning.place_chunks import place_chunks, unplaced_chunks
from catalog_builder.beams.scanning.segment_arrays import (
    SEGMENT_PATHS,
    SegmentArrays,
    can_be_planned,
    read_segment_arrays,
)
from catalog_builder.beams.scanning.stored_dataset import find_stored
from catalog_builder.beams.scanning.track import simplified_track
from catalog_builder.beams.storage.byte_source import BlockFile
from catalog_builder.beams.storage.granule_file import GranuleFile, hdf5_in, open_granule_file
from catalog_builder.beams.storage.links import Access, GranuleLinks
from catalog_builder.errors import AccessError, SegmentsError, StaleReferencesError
from catalog_builder.products.atl03 import INDEX_BEG, PHOTON_GROUP, Beam
from catalog_builder.products.facts import PHOTONS

if TYPE_CHECKING:
    import h5py

BLOCK_SIZE: Final = 2 * 2**20
"""Bytes asked for at once while headers are read."""

BLOCKS: Final = 96
"""Blocks kept: those of two beams, of which release 006 mixes the headers."""

LEFT_OUT: Final = "signal_find_output"
"""Group without references: half of a beam's datasets, and seldom read."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GranuleScan:
    """What a scan of a granule found."""

    granule: str
    """Id: the file name without ``.h5``."""
    href: str
    """The address that was read."""
    size: int
    """Bytes."""
    etag: str | None
    """ETag of this version; None for a file on disk."""
    beams: dict[Beam, BeamReferences] = field(default_factory=dict)
    """Those that hold a photon, from left to right."""
    tracks: dict[Beam, list[tuple[float, float]]] = field(default_factory=dict)
    """Longitude and latitude, degrees, along each of the beams: see
    :func:`~catalog_builder.beams.scanning.track.simplified_track`."""
    strengths: dict[Beam, str] = field(default_factory=dict)
    """Of every beam that the file has: ``strong``, ``weak`` or ``unknown``."""
    spots: dict[Beam, int] = field(default_factory=dict)
    """ATLAS spot number, 1 to 6; 0 where unknown."""
    photons: dict[Beam, int] = field(default_factory=dict)
    """How many each beam holds; may be 0."""

    @property
    def orientation(self) -> int | None:
        """``sc_orient``: 0 backward, 1 forward, 2 transition; None where the file does not say."""
        return next((beam.orientation for beam in self.beams.values()), None)


def scan(links: GranuleLinks, access: Access = "auto") -> GranuleScan:
    """Scan a granule: headers, chunk tables, and five arrays of the segments of each beam.

    Headers are read through h5py, over a cache of blocks; then the arrays of all beams in one
    round of planned requests. Release 007 keeps its headers together: one block of 2 MiB holds
    those of a granule of 490 MB. Release 006 has 2.4 MB of them at some 600 places all over the
    file, each known only from the one before, so the file is streamed whole, many blocks at a
    time; no block is read twice, for two beams' blocks are kept. ``docs/indexing-cost.md`` has
    figures.

    A DMR++ sidecar is not used: it has the places of chunks, but does not tell an attribute of one
    element from a scalar, nor which filters a chunk left out.

    Raises an :class:`~catalog_builder.errors.AccessError` or
    :class:`~catalog_builder.errors.EarthdataError` where it cannot be read,
    :class:`~catalog_builder.errors.ForeignDataError` where a part of it lies in another file,
    :class:`~catalog_builder.errors.NotATL03Error` where it is no such granule, and another
    :class:`~catalog_builder.errors.BeamError` where its segments are damaged.
    """
    opened = open_granule_file(links, access, block_size=BLOCK_SIZE, blocks=BLOCKS)
    with opened as granule, hdf5_in(granule) as file:
        if not _is_paged(file) and isinstance(granule.source, BlockFile):
            granule.source.stream()
        result, headers = _read_headers(granule, file)
    # The blocks of the file are not held any more when the segments are read.
    planned = {
        name: one.references
        for name, one in headers.items()
        if can_be_planned(one.references.datasets)
    }
    try:
        arrays = read_segment_arrays(links, access, planned)
    except StaleReferencesError as error:
        raise AccessError(
            f"{result.href} was replaced while it was scanned, or is damaged: {error}"
        ) from error
    for name, one in headers.items():
        read = one.segments or arrays.get(name)
        positions = None if read is None else _place(result, name, one, read)
        references = one.references
        result.beams[name] = (
            references if positions is None else replace(references, positions=positions)
        )
    return result


def _place(
    result: GranuleScan, beam: Beam, headers: _BeamHeaders, read: SegmentArrays
) -> ChunkPositions | None:
    """Place a beam's chunks, and its track; None where its segments contradict each other."""
    known = headers.references.datasets
    if not agree_on_rows(known[path].shape for path in SEGMENT_TABLE if path in known):
        return None
    try:
        segments = Segments.parse(
            read.index_beg, read.count, result.photons[beam], fill=headers.fill
        )
    except SegmentsError:
        return None
    result.tracks[beam] = _track(segments, read.lat, read.lon)
    chunk = headers.references.positions.chunk
    return place_chunks(segments, chunk, read.lat, read.lon, read.time)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _BeamHeaders:
    """What the headers of a beam tell."""

    references: BeamReferences
    """With positions that tell nothing yet."""
    fill: Any
    """Fill value of ``ph_index_beg``."""
    segments: SegmentArrays | None
    """Where only h5py can read them; None where they can be planned, or are of no use."""


def _read_headers(
    granule: GranuleFile, file: h5py.File
) -> tuple[GranuleScan, dict[Beam, _BeamHeaders]]:
    """Read all headers and chunk tables, one beam after the other."""
    href = granule.href
    short_name = str(read_attribute(file, "short_name", PHOTONS.short_name))
    result = GranuleScan(
        granule=granule_name(file, href).id, href=href, size=granule.size, etag=granule.etag
    )
    headers: dict[Beam, _BeamHeaders] = {}
    for name in beams_in(file, href):
        beam = read_beam(file, href, name)
        if beam.shape(LAT) is None and beam.photon_names():
            continue  # nothing tells how many photons there are
        result.strengths[name], result.spots[name] = beam.strength, beam.spot
        result.photons[name] = beam.photons
        if not beam.photons:
            continue
        datasets = {path: find_stored(beam, path) for path in dataset_paths(beam.group, LEFT_OUT)}
        headers[name] = _BeamHeaders(
            references=BeamReferences(
                beam=name,
                granule=result.granule,
                href=href,
                size=granule.size,
                etag=granule.etag,
                attrs=read_attributes(beam.group),
                orientation=beam.orientation,
                short_name=short_name,
                datasets=datasets,
                positions=unplaced_chunks(beam.photons, _photon_chunk(beam)),
            ),
            fill=beam.variable(INDEX_BEG).fill_value if INDEX_BEG in datasets else None,
            segments=SegmentArrays.read(beam) if _only_h5py_reads(datasets) else None,
        )
    return result, headers


def _only_h5py_reads(datasets: Mapping[str, DatasetReferences]) -> bool:
    """True where the arrays of segments are there, and no planned read decodes them."""
    return set(SEGMENT_PATHS) <= datasets.keys() and not can_be_planned(datasets)


def _is_paged(file: h5py.File) -> bool:
    """True if the file keeps its metadata together, in pages (release 007)."""
    from h5py import h5f

    with damage_as_access_error(file, ""):
        strategy = file.id.get_create_plist().get_file_space_strategy()[0]
    return bool(strategy == h5f.FSPACE_STRATEGY_PAGE)


def _photon_chunk(beam: BeamFile) -> int:
    """Photons stored together."""
    stored = find_dataset(beam.group, f"{PHOTON_GROUP}/h_ph") or beam.dataset("lat_ph")
    with damage_as_access_error(stored, ""):
        return int(stored.chunks[0] if stored.chunks else beam.photons)


def _track(segments: Segments, lat: NDArray[Any], lon: NDArray[Any]) -> list[tuple[float, float]]:
    """Through the reference photons of the segments that hold photons."""
    number = segments.segment[segments.segment != NO_SEGMENT]
    number = number[(np.abs(lat[number]) <= 90.0) & (np.abs(lon[number]) <= 360.0)]
    return simplified_track(lon[number], lat[number])
