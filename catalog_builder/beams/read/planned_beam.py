"""Reads one beam of a granule by its references, in planned rounds of requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.read.beam_reader import (
    SEGMENT_TABLE,
    NearRows,
    Variable,
    agree_on_rows,
    beam_spot,
    beam_strength,
    granule_attributes,
    has_segment_table,
)
from catalog_builder.beams.read.delta_time import to_times
from catalog_builder.beams.read.fetch import read_planned
from catalog_builder.beams.read.plan import ReadPlan, plan_reads
from catalog_builder.beams.read.row_slices import Bools, RowSlices
from catalog_builder.beams.read.selection import MARGIN_SECONDS, Selection
from catalog_builder.beams.references.reference_set import BeamReferences
from catalog_builder.beams.storage.chunk_cache import CacheOption
from catalog_builder.beams.storage.granule_file import expected_transport
from catalog_builder.beams.storage.links import Access, GranuleLinks
from catalog_builder.errors import ProductError, ReferencesError, StaleReferencesError
from catalog_builder.products.atl03 import COUNT, INDEX_BEG, PHOTON_GROUP
from catalog_builder.products.granule_name import GranuleName

_STEPS: Final = 64
"""Into which a chunk is divided, to see where it is near a selection."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlannedBeam:
    """One beam; no file is open, and each read is one round of requests."""

    links: GranuleLinks
    access: Access
    references: BeamReferences
    cache: CacheOption = None
    """Where chunks are kept."""
    _ready: dict[str, tuple[RowSlices, NDArray[Any]]] = field(default_factory=dict, repr=False)
    """What was prefetched: path -> rows and their values."""

    def covers(self, paths: Sequence[str]) -> bool:
        """Whether the references have all of these datasets, and there is a photon.

        Raises :class:`~catalog_builder.errors.UnsupportedFilterError` where they do, and one of
        them can be decoded by h5py only.
        """
        known = self.references.datasets
        if self.photons <= 0 or not all(path in known for path in paths):
            return False
        for path in paths:
            known[path].require_supported()
        return True

    def require(self, beam: str) -> None:
        """Raise unless the references are of this beam of the granule that the links name.

        Raises :class:`~catalog_builder.errors.ReferencesError` where they contradict themselves.
        """
        _, href = expected_transport(self.links, self.access)
        name, known = self._name(href).id, self.references
        if (name, beam) != (known.granule, known.beam):
            raise StaleReferencesError(
                f"The references are of {known.granule} {known.beam}, not of {name} {beam}."
            )
        shapes = {path: self.shape(path) for path in SEGMENT_TABLE}
        there = shapes[INDEX_BEG] is not None and shapes[COUNT] is not None
        if self._is_placed and not (there and agree_on_rows(shapes.values())):
            raise ReferencesError(
                f"The references of {name} {beam} place photons by segments, of which they "
                f"contradict themselves: {shapes}."
            )

    @property
    def photons(self) -> int:
        """How many there are."""
        return self.references.positions.photons

    @property
    def has_segments(self) -> bool | None:
        """True where a scan placed the chunks by them; False where datasets of them are amiss."""
        if self._is_placed:
            return True
        return None if has_segment_table(self) else False

    @property
    def _is_placed(self) -> bool:
        """Whether a scan, which found the segments good, placed chunks by them."""
        return bool((self.references.positions.first_segment >= 0).any())

    @property
    def segment_count(self) -> int:
        """How many segments there are, those without photons included."""
        return (self.shape(INDEX_BEG) or (0,))[0]

    def attributes(self) -> dict[str, Any]:
        """Attributes of the Dataset: plain text and integers.

        ``source`` is the address that was read, or the first that would be.
        """
        known = self.references
        return {
            **self.granule_attributes(),
            "beam": known.beam,
            "strength": beam_strength(known.beam, known.attrs, known.orientation),
            "spot": beam_spot(known.beam, known.attrs, known.orientation),
        }

    def granule_attributes(self) -> dict[str, Any]:
        """The attributes about the granule and its address."""
        _, href = expected_transport(self.links, self.access)
        return granule_attributes(self._name(href), href)

    def _name(self, href: str) -> GranuleName:
        try:
            return GranuleName.parse(href)
        except ProductError:  # a file by another name
            return GranuleName.parse(self.references.granule)

    def photon_names(self) -> list[str]:
        """Names of all datasets of ``heights``."""
        within = f"{PHOTON_GROUP}/"
        return [p.removeprefix(within) for p in self.references.datasets if p.startswith(within)]

    def shape(self, path: str) -> tuple[int, ...] | None:
        """Shape of a dataset; None where there is none at this path."""
        return self.references.shape(path)

    def variable(self, path: str) -> Variable:
        """Describe a dataset of the references."""
        known = self.references.datasets[path]
        return Variable.of(
            self,
            path,
            shape=known.shape,
            dtype=known.dtype,
            attrs=known.attrs,
            fill_value=known.fill_value,
        )

    def near_rows(self, selection: Selection) -> NearRows:
        """The photons of all chunks that may hold some of a selection, and their segments."""
        return self.rows_of_chunks(selection.near_chunks(self.references.positions))

    def near_seconds(self, selection: Selection) -> tuple[float, float] | None:
        """Between which times they lie, if each chunk is flown straight and evenly.

        None where a chunk has no time.
        """
        positions = self.references.positions
        keep = selection.near_chunks(positions)
        whole = self.seconds_of_chunks(keep)
        if whole is None or selection.area is None:
            return whole
        along = np.linspace(0.0, 1.0, _STEPS + 1)

        def between(first: NDArray[np.float64], last: NDArray[np.float64]) -> Any:
            return first[keep, None] + along * (last - first)[keep, None]

        lat = between(positions.first_lat, positions.last_lat)
        turned = (positions.last_lon - positions.first_lon + 180.0) % 360.0 - 180.0
        lon = between(positions.first_lon, positions.first_lon + turned)
        time = between(positions.start, positions.end)
        lon = (lon + 180.0) % 360.0 - 180.0
        near = selection.near(lon.ravel(), lat.ravel(), to_times(time.ravel())).reshape(lat.shape)
        near[:, 1:] |= near[:, :-1].copy()  # and the steps beside it
        near[:, :-1] |= near[:, 1:].copy()
        if not near.any():
            return whole
        return max(float(time[near].min()) - 0.5, whole[0]), min(
            float(time[near].max()) + 0.5, whole[1]
        )

    def seconds_of_chunks(self, keep: Bools) -> tuple[float, float] | None:
        """Between which times the photons of these chunks lie; None where one has no time."""
        positions = self.references.positions
        start, end = positions.start[keep], positions.end[keep]
        if not len(start) or positions.unplaced[keep].any() or not np.isfinite(start + end).all():
            return None
        margin = float(MARGIN_SECONDS / np.timedelta64(1, "s"))
        return float(start.min()) - margin, float(end.max()) + margin

    def rows_of_chunks(self, keep: Bools) -> NearRows:
        """The photons of these chunks, one boolean a chunk, and their segments."""
        positions, total = self.references.positions, self.segment_count
        if keep.all():
            return NearRows(photons=RowSlices.whole(self.photons), segments=RowSlices.whole(total))
        some = keep & (positions.first_segment >= 0)
        first, last = positions.first_segment[some], positions.last_segment[some]
        if len(last) and last.max() >= total:
            raise StaleReferencesError(
                f"Chunks of {self.references.granule} {self.references.beam} lie in segment "
                f"{last.max()} by their references, but it has {total}: index the granule again."
            )
        return NearRows(
            photons=RowSlices.of_mask(keep, positions.edges),
            segments=RowSlices.of_ranges(first, last),
        )

    def prefetch(self, wanted: Mapping[str, RowSlices], plan: ReadPlan | None = None) -> None:
        """Fetch these rows of these datasets in one round, and keep them until they are read.

        ``plan`` is how, where that is known already. Raises what
        :func:`~catalog_builder.beams.read.fetch.read_planned` does.
        """
        plan = plan_reads(self.references, wanted) if plan is None else plan
        values = read_planned(self.links, plan, self.access, self.cache)
        self._ready.update({path: (rows, values[path]) for path, rows in wanted.items()})

    def read(self, path: str, rows: RowSlices) -> NDArray[Any]:
        """These rows of a dataset, one after another, values as stored.

        Prefetched ones, else in a round of their own. Photon arrays are released after one read.
        """
        if path not in self._ready:
            self.prefetch({path: rows})
        take = self._ready.__getitem__ if path in SEGMENT_TABLE else self._ready.pop
        known, values = take(path)
        return values if known.same(rows) else known.take(values, rows)

    def prefetched(self, path: str, rows: RowSlices) -> NDArray[Any]:
        """These rows of a dataset that was prefetched; it is kept."""
        known, values = self._ready[path]
        return known.take(values, rows)

    def release(self) -> None:
        """Forget what was prefetched."""
        self._ready.clear()
