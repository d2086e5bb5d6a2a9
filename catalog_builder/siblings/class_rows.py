"""Reads the rows in which a sibling tells the classes of photons, while those are read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from numpy.typing import NDArray

from catalog_builder.beams.columns.photon_columns import Seconds, SelectedRows
from catalog_builder.beams.read.rejected_references import (
    is_rejected,
    reject,
    warn_without_references,
)
from catalog_builder.beams.read.row_slices import RowSlices
from catalog_builder.beams.references.reference_set import BeamReferences
from catalog_builder.beams.storage.chunk_cache import CacheOption
from catalog_builder.beams.storage.granule_file import open_hdf5
from catalog_builder.beams.storage.links import Access, GranuleLinks
from catalog_builder.errors import (
    BeamError,
    BeamNotFoundError,
    EmptyBeamError,
    UnsupportedFilterError,
    VariableNotFoundError,
)
from catalog_builder.products.atl03 import PHOTON_GROUP, Beam
from catalog_builder.products.granule_name import GranuleName
from catalog_builder.products.product import PhotonClasses, SegmentJoin
from catalog_builder.siblings.class_join import SegmentRuns
from catalog_builder.siblings.planned_sibling import PlannedSibling
from catalog_builder.siblings.sibling_beam import SiblingBeam, name_of
from catalog_builder.siblings.sibling_reader import SiblingReader, path_named, require_number
from catalog_builder.siblings.signal_rows import rows_near_segments

_EVERYTHING: Seconds = (-math.inf, math.inf)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClassRows:
    """Rows of a sibling near some photons."""

    reader: SiblingReader
    values: Mapping[str, NDArray[Any]]
    """By path: place, time and class of each row, and what else is wanted of it."""
    paths: Sequence[str]
    """Of all that is read of the rows."""
    named: Mapping[str, str]
    """Further datasets: name by which the user wants it -> path."""
    runs: SegmentRuns | None = None
    """Which photons they name, where they do by segments."""


@dataclass(slots=True, kw_only=True, eq=False)
class ClassSource:
    """One beam of a sibling; a context manager.

    It is read in a thread, while the photons are: by its references in one round of requests, else
    through h5py.
    """

    links: GranuleLinks
    access: Access
    beam: Beam
    classes: PhotonClasses
    datasets: tuple[str, ...]
    references: BeamReferences | None
    cache: CacheOption = None
    _stack: ExitStack = field(default_factory=ExitStack, repr=False)
    _thread: ThreadPoolExecutor | None = field(default=None, repr=False)
    _begun: Future[ClassRows | None] | None = field(default=None, repr=False)
    _near: Seconds | None = field(default=None, repr=False)
    _name: GranuleName | None = field(default=None, repr=False)
    _reader: SiblingReader | None = field(default=None, repr=False)
    _opened: bool = field(default=False, repr=False)
    _problem: BeamError | None = field(default=None, repr=False)

    def __enter__(self) -> Self:
        self._thread = ThreadPoolExecutor(1, "read-sibling")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._thread is not None
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._stack.close()

    def begin(self, near: Seconds | None) -> None:
        """Begin to open it, and to read the rows of these times, as far as that is known."""
        assert self._thread is not None
        self._near = near
        self._begun = self._thread.submit(self._read_near, near)

    def name(self) -> GranuleName:
        """Of the granule, once it is open."""
        if self._begun is None:
            self.begin(None)
        assert self._begun is not None
        self._begun.result()
        assert self._name is not None
        return self._name

    def header(self) -> ClassRows | None:
        """What there is, without values; None where the sibling lacks the beam."""
        self.name()
        if self._reader is None:
            return None
        paths, named, _ = self._described(self._reader)
        return ClassRows(reader=self._reader, values={}, paths=paths, named=named)

    def rows_for(self, rows: SelectedRows) -> ClassRows | None:
        """The rows of these photons, and perhaps more; None where the sibling lacks the beam."""
        self.name()
        assert self._begun is not None
        found = self._begun.result()
        if self._problem is not None:
            warn_without_references(self._problem, calls=6)
            self._problem = None
        if self._reader is None:
            return None
        if isinstance(self._reader, PlannedSibling):
            if found is not None and self._near == _EVERYTHING:
                return found
            times = rows.read(rows.beam.variable(f"{PHOTON_GROUP}/delta_time"))
            if not len(times):
                return None
            flown = float(times.min()), float(times.max())
            if found is not None and _covers(self._near, flown):
                return found
            try:
                return self._planned(self._reader, flown)
            except VariableNotFoundError:
                raise
            except BeamError as error:
                self._reject(error)
                warn_without_references(error, calls=6)
                self._open_file()
                if self._reader is None:
                    return None
        if found is not None:
            return found
        return self._by_file(self._reader, rows)

    def _reject(self, error: BeamError) -> None:
        assert self.references is not None
        if not isinstance(error, UnsupportedFilterError):
            reject(self.references)

    def _read_near(self, near: Seconds | None) -> ClassRows | None:
        if not self._opened and self.references is not None and not is_rejected(self.references):
            try:
                return self._by_references(near, self.references)
            except VariableNotFoundError:
                raise
            except BeamError as error:
                self._reject(error)
                self._problem = error
        if not self._opened:
            self._open_file()
        if self._reader is None:
            return None
        if isinstance(self._reader, PlannedSibling):
            return None if near is None else self._planned(self._reader, near)
        if near == _EVERYTHING:
            return self._whole(self._reader)
        return None

    def _by_references(self, near: Seconds | None, known: BeamReferences) -> ClassRows | None:
        planned = PlannedSibling.of(self.links, known, self.access, self.cache)
        found = None if near is None else self._planned(planned, near)
        self._name, self._reader, self._opened = planned.name, planned, True
        return found

    def _open_file(self) -> None:
        file, href = self._stack.enter_context(open_hdf5(self.links, self.access))
        self._name, self._reader = name_of(file, href), None
        with suppress(BeamNotFoundError, EmptyBeamError):
            self._reader = SiblingBeam.find(file, href, self.beam)
        self._opened = True

    def _planned(self, reader: PlannedSibling, near: Seconds) -> ClassRows:
        paths, named, count = self._described(reader)
        for path in paths:
            reader.references.datasets[path].require_supported()
        rows = RowSlices.whole(count)
        if near != _EVERYTHING:
            rows = reader.rows_between(count, *near)
        return self._read(reader, paths, named, rows)

    def _whole(self, reader: SiblingReader) -> ClassRows:
        paths, named, count = self._described(reader)
        return self._read(reader, paths, named, RowSlices.whole(count))

    def _by_file(self, reader: SiblingReader, rows: SelectedRows) -> ClassRows:
        """The rows of the selection's segments; all, where they do not tell of segments."""
        paths, named, count = self._described(reader)
        near, join = RowSlices.whole(count), self.classes.join
        if isinstance(join, SegmentJoin) and rows.photons.rows < rows.beam.photons:
            ids = rows.read(rows.beam.variable("geolocation/segment_id"))
            if not len(ids):
                return self._read(reader, paths, named, RowSlices.whole(0))
            near, _ = rows_near_segments(reader, join, int(ids.min()), int(ids.max()))
        return self._read(reader, paths, named, near)

    def _described(self, reader: SiblingReader) -> tuple[list[str], dict[str, str], int]:
        """Paths that are read, those of ``datasets`` by name, and how many rows they have.

        Raises :class:`~catalog_builder.errors.BeamError` where they do not fit each other.
        """
        known, join = self.classes, self.classes.join
        whole = [join.place, *([join.segment] if isinstance(join, SegmentJoin) else [])]
        for path in (*whole, known.label):
            require_number(reader.variable(path), reader.href)
        require_number(reader.variable(known.time), reader.href, "f")
        group = known.label.rpartition("/")[0]
        named = {
            name: path_named(reader, f"{group}/{name}" if group and "/" not in name else name)
            for name in self.datasets
        }
        more = [path for path in known.columns.values() if reader.shape(path) is not None]
        paths = list(dict.fromkeys([*whole, known.time, known.label, *more, *named.values()]))
        lengths = {path: (reader.shape(path) or ())[:1] for path in paths}
        if len({*lengths.values()}) > 1:
            raise BeamError(
                f"Photons of {reader.href} {reader.beam} have different lengths: {lengths}: the "
                "file is damaged."
            )
        return paths, named, lengths[known.label][0]

    def _read(
        self,
        reader: SiblingReader,
        paths: list[str],
        named: Mapping[str, str],
        rows: RowSlices,
    ) -> ClassRows:
        reader.prefetch(dict.fromkeys(paths, rows))
        values = {path: reader.read(path, rows) for path in paths}
        join, runs = self.classes.join, None
        if isinstance(join, SegmentJoin):
            runs = SegmentRuns.of(values[join.segment], values[join.place], reader.href)
        return ClassRows(reader=reader, values=values, paths=paths, named=named, runs=runs)


def _covers(near: Seconds | None, flown: Seconds) -> bool:
    """Whether rows of the photons' times are among those that were read."""
    return near is not None and near[0] <= flown[0] and flown[1] <= near[1]
