"""Scans a sibling's file once for all that later reads need: its references and its tracks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.read.hdf5 import read_attributes
from catalog_builder.beams.read.hdf5_objects import dataset_paths, find_group
from catalog_builder.beams.read.row_slices import RowSlices
from catalog_builder.beams.read.segments import Segments
from catalog_builder.beams.references.chunk_positions import ChunkPositions
from catalog_builder.beams.references.reference_set import BeamReferences
from catalog_builder.beams.scanning.place_chunks import place_chunks, unplaced_chunks
from catalog_builder.beams.scanning.scan import BLOCK_SIZE, BLOCKS, GranuleScan
from catalog_builder.beams.scanning.stored_dataset import find_stored
from catalog_builder.beams.scanning.track import simplified_track
from catalog_builder.beams.storage.granule_file import hdf5_in, open_granule_file
from catalog_builder.beams.storage.links import Access, GranuleLinks
from catalog_builder.errors import EmptyBeamError, SegmentsError
from catalog_builder.products.atl03 import BEAMS
from catalog_builder.products.product import Rate, SegmentJoin
from catalog_builder.siblings.sibling_beam import SiblingBeam, name_of


def scan_sibling(links: GranuleLinks, access: Access = "auto") -> GranuleScan:
    """Scan a granule of a sibling: headers, chunk tables, and place and time of its rows.

    The positions are those of the photons whose rows belong to land segments, where the product
    has such, as the land segments tell them; else those of its main rows. ``photons`` are how
    many rows of that kind a beam has.

    Raises as :func:`catalog_builder.beams.scanning.scan.scan` does, and
    :class:`~catalog_builder.errors.ProductError` for another file.
    """
    opened = open_granule_file(links, access, block_size=BLOCK_SIZE, blocks=BLOCKS)
    with opened as granule, hdf5_in(granule) as file:
        name = name_of(file, granule.href)
        found = GranuleScan(
            granule=name.id, href=granule.href, size=granule.size, etag=granule.etag
        )
        for beam in BEAMS:
            if find_group(file, beam) is None:
                continue
            try:
                reader = SiblingBeam.find(file, granule.href, beam)
            except EmptyBeamError:
                found.photons[beam] = 0
                found.strengths[beam], found.spots[beam] = "unknown", 0
                continue
            known = reader.attributes()
            found.strengths[beam], found.spots[beam] = known["strength"], known["spot"]
            rate = _placed_rate(reader)
            found.photons[beam] = reader.counts[rate]
            positions, track = _placed(reader, rate)
            found.tracks[beam] = track
            found.beams[beam] = BeamReferences(
                beam=beam,
                granule=name.id,
                href=granule.href,
                size=granule.size,
                etag=granule.etag,
                attrs=read_attributes(reader.group),
                orientation=reader.orientation,
                short_name=name.product.short_name,
                datasets={path: find_stored(reader, path) for path in dataset_paths(reader.group)},
                positions=positions,
            )
    return found


def _placed_rate(reader: SiblingBeam) -> Rate:
    """Which rows are placed on Earth: those that give photons classes, else the main ones."""
    product = reader.name.product
    join = None if product.classes is None else product.classes.join
    if isinstance(join, SegmentJoin):
        rate = product.rate_of(join.segment)
        if rate is not None and reader.counts.get(rate):
            return rate
    return product.main


def _placed(reader: SiblingBeam, rate: Rate) -> tuple[ChunkPositions, list[tuple[float, float]]]:
    """Where the chunks of these rows lie, and the track."""
    main, rows = reader.name.product.main, reader.counts[rate]
    times = reader.dataset(rate.path(rate.time or ""))
    chunk = int(times.chunks[0]) if times.chunks else rows
    every = RowSlices.whole(reader.counts[main])
    lat, lon, time = (
        _numbers(reader, main.path(name), every)
        for name in (main.latitude or "", main.longitude or "", main.time or "")
    )
    track = simplified_track(*_on_earth(lon, lat))
    count = np.ones(len(lat), np.int64)
    if rate is not main:
        classes = reader.name.product.classes
        assert classes is not None
        assert isinstance(classes.join, SegmentJoin)
        count = reader.read(classes.join.count, every).astype(np.int64)
    first = np.cumsum(count) - count + 1
    if count.min(initial=0) < 0 or int(count.sum()) != rows:
        return unplaced_chunks(rows, chunk), track
    try:
        segments = Segments.parse(first, count, rows)
    except SegmentsError:
        return unplaced_chunks(rows, chunk), track
    return place_chunks(segments, chunk, lat, lon, time), track


def _numbers(reader: SiblingBeam, path: str, rows: RowSlices) -> NDArray[np.float64]:
    """Values of a dataset; NaN where it is none of numbers."""
    variable = reader.variable(path)
    if variable.shape != (rows.rows,) or variable.dtype.kind not in "iuf":
        return np.full(rows.rows, np.nan)
    values: NDArray[Any] = reader.read(path, rows)
    return values.astype(np.float64)


def _on_earth(
    lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    some = (np.abs(lat) <= 90.0) & (np.abs(lon) <= 360.0)
    return lon[some], lat[some]
