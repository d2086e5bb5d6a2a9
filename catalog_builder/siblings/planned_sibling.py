"""Reads one beam of a sibling by its references, in planned rounds of requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.read.beam_reader import Variable, beam_spot, beam_strength
from catalog_builder.beams.read.fetch import read_planned
from catalog_builder.beams.read.plan import plan_reads
from catalog_builder.beams.read.row_slices import Bools, RowSlices
from catalog_builder.beams.read.selection import MARGIN_SECONDS, Selection
from catalog_builder.beams.references.reference_set import BeamReferences
from catalog_builder.beams.storage.chunk_cache import CacheOption
from catalog_builder.beams.storage.granule_file import expected_transport, open_hdf5
from catalog_builder.beams.storage.links import Access, GranuleLinks
from catalog_builder.errors import (
    CatalogBuilderError,
    ProductError,
    StaleReferencesError,
    VariableNotFoundError,
)
from catalog_builder.products.granule_name import GranuleName
from catalog_builder.products.product import Rate
from catalog_builder.siblings.sibling_reader import beam_attributes, described


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlannedSibling:
    """One beam; no file is open, and each read is one round of requests."""

    links: GranuleLinks
    access: Access
    references: BeamReferences
    name: GranuleName
    counts: Mapping[Rate, int]
    """Rows of each kind that the beam has."""
    cache: CacheOption = None
    """Where chunks are kept."""
    _ready: dict[str, tuple[RowSlices, NDArray[Any]]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(
        cls,
        links: GranuleLinks,
        references: BeamReferences,
        access: Access,
        cache: CacheOption = None,
    ) -> Self:
        """The beam that the references are of.

        Raises :class:`~catalog_builder.errors.StaleReferencesError` where they are of another
        granule than the links name, or of none that is opened by rows.
        """
        href = expected_transport(links, access)[1]
        try:
            name = GranuleName.parse(references.granule)
        except ProductError as error:
            raise StaleReferencesError(f"{references.granule} is no sibling: {error}") from error
        try:
            there = GranuleName.parse(href)
        except ProductError:  # a file by another name
            there = name
        if there.id != name.id:
            raise StaleReferencesError(f"The references are of {name.id}, not of {there.id}.")
        counts = {}
        for rate in name.product.rates:
            times = references.datasets.get(rate.path(rate.time or ""))
            if times is not None and times.shape:
                counts[rate] = times.shape[0]
        return cls(
            links=links,
            access=access,
            references=references,
            name=name,
            counts=counts,
            cache=cache,
        )

    @property
    def beam(self) -> str:
        """Its name."""
        return self.references.beam

    @property
    def href(self) -> str:
        """The address that was read, or the first that would be."""
        return expected_transport(self.links, self.access)[1]

    def attributes(self) -> dict[str, Any]:
        """Attributes of the Dataset: plain text and integers."""
        known = self.references
        return beam_attributes(
            self,
            beam_strength(known.beam, known.attrs, known.orientation),
            beam_spot(known.beam, known.attrs, known.orientation),
        )

    def listing(self) -> Sequence[str]:
        """Paths of all datasets within the beam."""
        return list(self.references.datasets)

    def shape(self, path: str) -> tuple[int, ...] | None:
        """Shape of a dataset; None where there is none at this path."""
        return self.references.shape(path)

    def variable(self, path: str) -> Variable:
        """Describe a dataset.

        Raises :class:`~catalog_builder.errors.VariableNotFoundError` where there is none.
        """
        known = self.references.datasets.get(path)
        if known is None:
            raise VariableNotFoundError(f"Beam {self.beam} of {self.href} lacks {path}.")
        return described(self, path, known.shape, known.dtype, known.attrs, known.fill_value)

    def near_rows(self, rows: int, selection: Selection) -> RowSlices:
        """Rows of chunks that may be in a selection; all, where the positions are of others."""
        positions = self.references.positions
        if positions.photons != rows:
            return RowSlices.whole(rows)
        return self._of_chunks(selection.near_chunks(positions) | positions.unplaced)

    def rows_between(self, rows: int, start: float, end: float) -> RowSlices:
        """Rows of chunks that may have been flown between two times, ``delta_time``."""
        positions = self.references.positions
        if positions.photons != rows:
            return RowSlices.whole(rows)
        margin = float(MARGIN_SECONDS / np.timedelta64(1, "s"))
        outside = (positions.end < start - margin) | (positions.start > end + margin)
        return self._of_chunks(~outside | positions.unplaced)

    def _of_chunks(self, keep: Bools) -> RowSlices:
        return RowSlices.of_mask(keep, self.references.positions.edges)

    def covers(self, paths: Iterable[str]) -> bool:
        """Whether planned reads can decode these datasets, as far as they are there."""
        known = self.references.datasets
        return all(known[path].supported for path in paths if path in known)

    def prefetch(self, wanted: Mapping[str, RowSlices]) -> None:
        """Fetch these rows of these datasets in one round, and keep them until they are read.

        Raises what :func:`~catalog_builder.beams.read.fetch.read_planned` does.
        """
        plan = plan_reads(self.references, wanted)
        values = read_planned(self.links, plan, self.access, self.cache)
        self._ready.update({path: (rows, values[path]) for path, rows in wanted.items()})

    def read(self, path: str, rows: RowSlices) -> NDArray[Any]:
        """These rows of a dataset, one after another, values as stored; released then."""
        if path not in self._ready:
            self.prefetch({path: rows})
        known, values = self._ready.pop(path)
        return values if known.same(rows) else known.take(values, rows)

    def lineage(self) -> str:
        """What the file says it was made from, in words; opens it."""
        from catalog_builder.siblings.sibling_beam import SiblingBeam

        try:
            with open_hdf5(self.links, self.access) as (file, href):
                return SiblingBeam.find(file, href, self.references.beam).lineage()
        except CatalogBuilderError:
            return "it cannot be read"


def lean_references(references: BeamReferences, paths: Iterable[str]) -> BeamReferences:
    """References of these datasets alone, as far as they are there."""
    known = references.datasets
    return replace(references, datasets={path: known[path] for path in paths if path in known})
