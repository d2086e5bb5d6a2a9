"""Reads the five arrays of a beam's segments that place its photons on Earth and in time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.read.beam_file import BeamFile
from catalog_builder.beams.read.fetch import read_planned
from catalog_builder.beams.read.photon_search import REFERENCE_PHOTON
from catalog_builder.beams.read.plan import plan_reads
from catalog_builder.beams.read.row_slices import RowSlices
from catalog_builder.beams.references.reference_set import BeamReferences, DatasetReferences
from catalog_builder.beams.storage.counted_source import count_traffic
from catalog_builder.beams.storage.granule_file import expected_transport
from catalog_builder.beams.storage.links import Access, GranuleLinks
from catalog_builder.products.atl03 import COUNT, INDEX_BEG, Beam

SEGMENT_PATHS: Final = (INDEX_BEG, COUNT, *REFERENCE_PHOTON)
"""The datasets that are read, within the beam."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SegmentArrays:
    """One value a segment in each array."""

    index_beg: NDArray[Any]
    """1-based number of the segment's first photon, as stored."""
    count: NDArray[Any]
    """How many photons it holds, as stored."""
    lat: NDArray[np.float64]
    """Latitude of its reference photon, degrees."""
    lon: NDArray[np.float64]
    """Longitude of its reference photon, degrees."""
    time: NDArray[np.float64]
    """Time of its reference photon, seconds since 2018-01-01."""

    @classmethod
    def read(cls, beam: BeamFile) -> SegmentArrays | None:
        """Read them from an open file, with h5py; None where places are not a number a segment."""
        shapes = [beam.dataset(path).shape for path in SEGMENT_PATHS]
        rows = [RowSlices.whole(shape[0] if shape else 0) for shape in shapes]
        return cls._of(list(map(beam.read, SEGMENT_PATHS, rows)))

    @classmethod
    def _of(cls, values: list[NDArray[Any]]) -> SegmentArrays | None:
        index_beg, count, *places = values
        if any(one.shape != count.shape or one.dtype.kind not in "iuf" for one in places):
            return None
        lat, lon, time = (one.astype(np.float64) for one in places)
        return cls(index_beg=index_beg, count=count, lat=lat, lon=lon, time=time)


def can_be_planned(datasets: Mapping[str, DatasetReferences]) -> bool:
    """True if :func:`read_segment_arrays` can read them by these references."""
    return all(path in datasets and datasets[path].supported for path in SEGMENT_PATHS)


def read_segment_arrays(
    links: GranuleLinks, access: Access, beams: Mapping[Beam, BeamReferences]
) -> dict[Beam, SegmentArrays]:
    """Read the segments of several beams by their references, in one round of requests.

    Beams whose segments have no places, a number each, are left out. Raises what
    :func:`~catalog_builder.beams.read.fetch.read_planned` does.
    """
    if not beams:
        return {}
    stored = {
        f"{beam}/{path}": replace(references.datasets[path], path=f"{beam}/{path}")
        for beam, references in beams.items()
        for path in SEGMENT_PATHS
    }
    together = replace(next(iter(beams.values())), datasets=stored)
    wanted = {path: RowSlices.whole(dataset.shape[0]) for path, dataset in stored.items()}
    plan = plan_reads(together, wanted)
    values = read_planned(links, plan, access)
    if expected_transport(links, access)[0] != "local":
        count_traffic(plan.bytes_fetched, len(plan.requests))
    arrays = {
        beam: SegmentArrays._of([values[f"{beam}/{path}"] for path in SEGMENT_PATHS])
        for beam in beams
    }
    return {beam: one for beam, one in arrays.items() if one is not None}
