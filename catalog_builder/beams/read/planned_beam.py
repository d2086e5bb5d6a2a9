"""One beam of a granule through its references: what they tell, and its rows in planned reads."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from math import prod
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from catalog_builder.atl03 import INDEX_BEG, PHOTON_GROUP, GranuleName
from catalog_builder.beams.read.beam_file import read_beam
from catalog_builder.beams.read.beam_reader import (
    SEGMENT_TABLE,
    NearRows,
    Variable,
    beam_spot,
    beam_strength,
    granule_attributes,
)
from catalog_builder.beams.read.fetch import read_planned
from catalog_builder.beams.read.hdf5 import read_rows
from catalog_builder.beams.read.hdf5_objects import find_dataset
from catalog_builder.beams.read.plan import plan_reads
from catalog_builder.beams.read.row_slices import RowSlices
from catalog_builder.beams.read.segment_table import SegmentTable
from catalog_builder.beams.read.selection import Selection
from catalog_builder.beams.references.reference_set import BeamReferences
from catalog_builder.beams.storage.granule_file import expected_transport, open_hdf5
from catalog_builder.beams.storage.links import Access, GranuleLinks
from catalog_builder.errors import (
    BeamError,
    NotATL03Error,
    ReferencesWarning,
    StaleReferencesError,
)
from catalog_builder.forks import Lock

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlannedBeam:
    """One beam, with at least one photon; nothing is open, and each read is one round."""

    links: GranuleLinks
    access: Access
    references: BeamReferences
    _ready: dict[str, tuple[RowSlices, NDArray[Any]]] = field(default_factory=dict, repr=False)
    """What was fetched ahead: path -> rows and their values."""

    def covers(self, paths: Sequence[str]) -> bool:
        """Whether the references lead to all of these datasets, and there is a photon.

        Raises :class:`~catalog_builder.errors.UnsupportedFilterError` where they do, and one of
        them is stored in a way that only h5py undoes.
        """
        known = self.references.datasets
        if self.photons <= 0 or not all(path in known for path in paths):
            return False
        for path in paths:
            known[path].require_supported()
        return True

    def require(self, beam: str) -> None:
        """Raise unless the references are of this beam of the granule that the links name."""
        _, href = expected_transport(self.links, self.access)
        name, known = self._name(href).id, self.references
        if (name, beam) != (known.granule, known.beam):
            raise StaleReferencesError(
                f"The references are of {known.granule} {known.beam}, not of {name} {beam}."
            )

    @property
    def photons(self) -> int:
        """How many there are."""
        return self.references.positions.photons

    @property
    def segment_count(self) -> int:
        """How many segments there are, those without photons included."""
        return (self.shape(INDEX_BEG) or (0,))[0]

    def attributes(self) -> dict[str, Any]:
        """What the Dataset says of itself: plain text and integers.

        ``source`` is the address that was read, or, before anything was, that would be first.
        """
        known = self.references
        return {
            **self.granule_attributes(),
            "beam": known.beam,
            "strength": beam_strength(known.beam, known.attrs, known.orientation),
            "spot": beam_spot(known.beam, known.attrs, known.orientation),
        }

    def granule_attributes(self) -> dict[str, Any]:
        """Those that say of which granule this is, and at which address."""
        _, href = expected_transport(self.links, self.access)
        return granule_attributes(self._name(href), href)

    def tasks(self) -> PlannedReadTasks:
        """How workers read it."""
        return PlannedReadTasks(links=self.links, access=self.access, references=self.references)

    def _name(self, href: str) -> GranuleName:
        try:
            return GranuleName.parse(href)
        except NotATL03Error:  # a file by another name
            return GranuleName.parse(self.references.granule)

    def photon_names(self) -> list[str]:
        """Names of all that ``heights`` holds."""
        within = f"{PHOTON_GROUP}/"
        return [p.removeprefix(within) for p in self.references.datasets if p.startswith(within)]

    def shape(self, path: str) -> tuple[int, ...] | None:
        """Of a dataset; None where there is none of this path."""
        found = self.references.datasets.get(path)
        return None if found is None else found.shape

    def variable(self, path: str) -> Variable:
        """Describe a dataset that the references cover."""
        found = self.references.datasets[path]
        return Variable.of(
            self,
            path,
            shape=found.shape,
            dtype=found.dtype,
            attrs=found.attrs,
            fill_value=found.fill_value,
        )

    def near_rows(self, selection: Selection) -> NearRows:
        """The photons of all chunks that may hold some of a selection, and their segments."""
        positions, total = self.references.positions, self.segment_count
        keep = selection.near_chunks(positions)
        if keep.all():
            return NearRows(photons=RowSlices.whole(self.photons), segments=RowSlices.whole(total))
        some = keep & (positions.first_segment >= 0)
        first, last = positions.first_segment[some], positions.last_segment[some]
        if len(last) and last.max() >= total:
            raise StaleReferencesError(
                f"Chunks of {self.references.granule} {self.references.beam} are said to lie in "
                f"segment {last.max()}, but there are {total}: index the granule again."
            )
        inside = np.zeros(total + 1, np.int64)
        np.add.at(inside, first, 1)
        np.add.at(inside, last + 1, -1)
        return NearRows(
            photons=positions.rows(keep),
            segments=RowSlices.of_rows(np.flatnonzero(np.cumsum(inside[:-1]))),
        )

    def prefetch(self, wanted: Mapping[str, RowSlices]) -> None:
        """Read these rows of these datasets in one round, and keep them until they are asked for.

        Raises what :func:`~catalog_builder.beams.read.fetch.read_planned` does.
        """
        values = read_planned(self.links, plan_reads(self.references, wanted), self.access)
        self._ready.update({path: (rows, values[path]) for path, rows in wanted.items()})

    def read(self, path: str, rows: RowSlices) -> NDArray[Any]:
        """These rows of a dataset, one after another, values as stored.

        What was fetched ahead, or else in a round of its own. What is long is let go of then:
        it is asked for once.
        """
        if path not in self._ready:
            self.prefetch({path: rows})
        take = self._ready.__getitem__ if path in SEGMENT_TABLE else self._ready.pop
        known, values = take(path)
        return values if known.same(rows) else known.take(values, rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedReadTasks:
    """A beam that workers read by its references.

    Each task carries the places of its own chunks alone. Where they turn out not to be right, a
    worker says so once for a granule, and reads the same rows with h5py, so long as these are
    still there.
    """

    links: GranuleLinks
    access: Access
    references: BeamReferences

    def rows(self, path: str, rows: RowSlices) -> Callable[[], NDArray[Any]]:
        """What reads these rows of a dataset, values as stored."""
        part, inside = _part(self.references, path, rows)
        dataset = self.references.datasets[path]
        return partial(
            _read_rows, self.links, self.access, part, path, inside, rows, dataset.shape
        )

    def table(self) -> Callable[[], SegmentTable]:
        """What reads all segments."""
        return partial(_read_table, self.links, self.access, _only(self.references, SEGMENT_TABLE))


def _only(references: BeamReferences, paths: Iterable[str]) -> BeamReferences:
    """What is needed to read these datasets whole."""
    positions = references.positions
    none: dict[str, Any] = {
        one.name: values[:0]
        for one in fields(positions)
        if isinstance(values := getattr(positions, one.name), np.ndarray)
    }
    return replace(
        references,
        attrs={},
        datasets={path: references.datasets[path] for path in paths},
        positions=replace(positions, **none),
    )


def _part(
    references: BeamReferences, path: str, rows: RowSlices
) -> tuple[BeamReferences, RowSlices]:
    """The references of the chunks that hold these rows alone, and the rows among theirs."""
    references = _only(references, [path])
    dataset = references.datasets[path]
    if dataset.inline is None and len(dataset.offsets) > 1:
        length, across = dataset.chunk_shape[0], prod(dataset.grid[1:])
        first = int(rows.start[0]) // length if len(rows) else 0
        last = -(-int(rows.stop[-1]) // length) if len(rows) else 0
        before, after = first * length, min(last * length, dataset.shape[0])
        chunks = slice(first * across, last * across)
        dataset = replace(
            dataset,
            shape=(after - before, *dataset.shape[1:]),
            offsets=dataset.offsets[chunks],
            sizes=dataset.sizes[chunks],
            filter_masks=dataset.filter_masks[chunks],
        )
        rows = RowSlices(start=rows.start - before, stop=rows.stop - before)
    dataset = replace(dataset, attrs={})
    return replace(references, datasets={path: dataset}), rows


_wrong: Final[set[tuple[str, int, str | None]]] = set()
"""Granule, size and ETag of the references that this process found not to be right."""
_noting: Final = Lock()


def found_wrong(references: BeamReferences) -> bool:
    """Whether this process found these references not to fit their granule."""
    return _version(references) in _wrong


def note_wrong(references: BeamReferences) -> bool:
    """Remember that these references do not fit; returns whether that is new."""
    with _noting:
        new = not found_wrong(references)
        _wrong.add(_version(references))
    return new


def _version(references: BeamReferences) -> tuple[str, int, str | None]:
    return references.granule, references.size, references.etag


def _or_else(references: BeamReferences, planned: Callable[[], T], plainly: Callable[[], T]) -> T:
    """What is planned, or, where the references of it are not right, the same by h5py."""
    if not found_wrong(references):
        try:
            return planned()
        except BeamError as error:
            if note_wrong(references):
                warn_of(error)
    return plainly()


def warn_of(error: Exception) -> None:
    """Say that h5py reads what references were to lead to, and why."""
    warnings.warn(
        f"Read without references, which is slower: {error}", ReferencesWarning, stacklevel=4
    )


def _read_rows(
    links: GranuleLinks,
    access: Access,
    references: BeamReferences,
    path: str,
    inside: RowSlices,
    rows: RowSlices,
    shape: tuple[int, ...],
) -> NDArray[Any]:
    def planned() -> NDArray[Any]:
        return read_planned(links, plan_reads(references, {path: inside}), access)[path]

    def plainly() -> NDArray[Any]:
        with open_hdf5(links, access) as (file, href):
            found = find_dataset(file, f"{references.beam}/{path}")
            dtype = references.datasets[path].dtype
            if found is None or found.shape != shape or found.dtype != dtype:
                raise _replaced(href)
            return read_rows(found, rows)

    return _or_else(references, planned, plainly)


def _read_table(links: GranuleLinks, access: Access, references: BeamReferences) -> SegmentTable:
    beam = PlannedBeam(links=links, access=access, references=references)
    every = RowSlices.whole(beam.segment_count)

    def planned() -> SegmentTable:
        beam.prefetch(dict.fromkeys(SEGMENT_TABLE, every))
        return SegmentTable.read(beam, every)

    def plainly() -> SegmentTable:
        with open_hdf5(links, access) as (file, href):
            found = read_beam(file, href, references.beam)
            if (found.photons, found.segment_count) != (beam.photons, beam.segment_count):
                raise _replaced(href)
            return SegmentTable.read(found, every)

    return _or_else(references, planned, plainly)


def _replaced(href: str) -> StaleReferencesError:
    return StaleReferencesError(
        f"{href} was replaced since its beam was opened by references: open it again, with "
        "references=False."
    )
