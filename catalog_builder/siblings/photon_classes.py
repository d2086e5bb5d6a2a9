"""The classes that a sibling gives to the photons of an ATL03 beam, as columns of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from catalog_builder.beams.columns.photon_columns import (
    DerivedColumn,
    OpenColumns,
    Seconds,
    SelectedRows,
    Told,
)
from catalog_builder.beams.read.beam_reader import PHOTON, BeamReader, Variable
from catalog_builder.beams.references.reference_set import BeamReferences
from catalog_builder.beams.storage.chunk_cache import CacheOption
from catalog_builder.beams.storage.links import Access, GranuleLinks
from catalog_builder.errors import (
    BeamError,
    PairError,
    ProductError,
    StaleReferencesError,
    VariableNotFoundError,
)
from catalog_builder.products.atl03 import COUNT, INDEX_BEG, PHOTON_GROUP, Beam
from catalog_builder.products.facts import product_named
from catalog_builder.products.granule_name import GranuleName
from catalog_builder.products.product import PhotonClasses, SegmentJoin
from catalog_builder.siblings.class_join import (
    SEGMENT_ID,
    JoinedRows,
    join_by_place,
    join_by_segment,
)
from catalog_builder.siblings.class_rows import ClassRows, ClassSource
from catalog_builder.siblings.granule_pair import require_pair
from catalog_builder.siblings.sibling_reader import require_number

TIME: Final = f"{PHOTON_GROUP}/delta_time"

_TIMES: Final = 2**16
"""Photons whose times are compared at once: what fits into a cache."""

NOT_LISTED: Final = -1
"""Class of a photon that the sibling does not list."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PhotonClassColumns:
    """Derives ``class_atl08`` and the like for the photons of a beam."""

    links: GranuleLinks | None
    """Where the sibling's granule can be read; None where there is none: then no photon is
    listed."""
    access: Access = "auto"
    datasets: tuple[str, ...] = ()
    """Further datasets of the sibling's photons, by their paths or names there."""
    classes: PhotonClasses
    """How its rows name photons."""
    product: str
    """Its short name."""
    references: Mapping[Beam, BeamReferences] = field(default_factory=dict, repr=False)
    """Where the bytes of the sibling's beams lie; h5py reads those that are missing here."""
    cache: CacheOption = None
    """Where its chunks are kept."""

    @property
    def variables(self) -> Mapping[str, Variable]:
        """The class, and columns of which the sibling tells more; it may lack some."""
        known, short = self.class_variable(0), self.product.lower()
        more = {f"{path.rpartition('/')[2]}_{short}": path for path in self.datasets}
        type_of = product_named(self.product).type_of
        return {known.path: known} | {
            name: _unread(name, np.dtype(type_of(path)))
            for name, path in {**self.classes.columns, **more}.items()
        }

    @property
    def paths(self) -> Sequence[str]:
        """The beam's datasets that are read for it."""
        segments = [SEGMENT_ID, INDEX_BEG, COUNT]
        return [TIME, *(segments if isinstance(self.classes.join, SegmentJoin) else ())]

    def class_variable(self, rows: int) -> Variable:
        """What ``class_atl08`` is, of so many photons."""
        meanings = {NOT_LISTED: "not_listed", **self.classes.meanings}
        return Variable(
            path=f"class_{self.product.lower()}",
            dims=(PHOTON,),
            shape=(rows,),
            dtype=np.dtype(np.int8),
            attrs={
                "long_name": f"Class of the photon by {self.product}",
                "flag_values": np.array([*meanings], np.int8),
                "flag_meanings": " ".join(meanings.values()),
            },
            encoding={},
            fill_value=np.int8(NOT_LISTED),
        )

    @property
    def told(self) -> Told:
        """Which granule it is, by its name."""
        key = f"{self.product.lower()}_granule"
        if self.links is None:
            return {key: ""}
        try:
            name = GranuleName.parse(self.links.s3 or self.links.https or self.links.local or "")
        except ProductError:
            return {}  # a file by another name: what it is, it says itself
        return {key: name.id}

    @property
    def needs_header(self) -> bool:
        """Whether there is a sibling."""
        return self.links is not None

    def described(self, beam: Beam) -> Mapping[str, Variable]:
        """The class, and the columns of datasets that the sibling has; its header is read."""
        with self._opened(beam) as opened:
            return opened.described()

    def opened(self, beam: BeamReader) -> AbstractContextManager[OpenColumns]:
        """The sibling's beam, which is opened and read in a thread of its own.

        Raises :class:`~catalog_builder.errors.PairError` where its name is of another granule.
        """
        return self._opened(beam.attributes()["beam"])

    @contextmanager
    def _opened(self, beam: Beam) -> Iterator[OpenColumns]:
        if self.links is None:
            yield _OpenClasses(facts=self, source=None)
            return
        with ClassSource(
            links=self.links,
            access=self.access,
            beam=beam,
            classes=self.classes,
            datasets=self.datasets,
            references=self.references.get(beam),
            cache=self.cache,
        ) as source:
            yield _OpenClasses(facts=self, source=source)


@dataclass(slots=True, kw_only=True, eq=False)
class _OpenClasses:
    """Derives the classes of one beam."""

    facts: PhotonClassColumns
    source: ClassSource | None

    @property
    def without_segments(self) -> str | None:
        """Photons are counted, where the sibling names them by their segments."""
        by_segment = isinstance(self.facts.classes.join, SegmentJoin) and self.source is not None
        return f"{self.facts.product} is joined by segment_ph_cnt alone" if by_segment else None

    def described(self) -> Mapping[str, Variable]:
        """The class, and the columns of datasets that the sibling has."""
        known = self.facts.class_variable(0)
        read = None if self.source is None else self.source.header()
        found = {known.path: known}
        if read is not None:
            for name, path in self._more(read).items():
                found[name] = _column_variable(name, read.reader.variable(path), 0)
        return found

    def begin(self, near: Seconds | None) -> None:
        """Begin to read the sibling's rows of these times."""
        if self.source is not None:
            self.source.begin(near)

    def derive(self, rows: SelectedRows) -> tuple[Mapping[str, DerivedColumn], Told]:
        """The columns, and attributes that name the sibling and count photons without a segment.

        Raises :class:`~catalog_builder.errors.PairError` where the sibling is of another granule
        or damaged, or its photons were not flown at the times of those that it names.
        """
        short = self.facts.product.lower()
        if self.source is None:
            return self._columns(rows, None, JoinedRows.none()), {f"{short}_granule": ""}
        own = rows.beam.attributes()
        try:
            name = self.source.name()
            require_pair(GranuleName.parse(own["granule"]), name, self.facts.product)
            read = self.source.rows_for(rows)
            found = JoinedRows.none() if read is None else self._joined(rows, read)
            if read is not None:
                self._require_times(rows, read, found)
            columns = self._columns(rows, read, found)
        except (VariableNotFoundError, StaleReferencesError):
            raise
        except BeamError as error:
            raise PairError(f"The classes of {own['granule']} {own['beam']}: {error}") from error
        return columns, {
            f"{short}_granule": name.id,
            f"{short}_without_segment": found.without_segment,
        }

    def _joined(self, rows: SelectedRows, read: ClassRows) -> JoinedRows:
        if read.runs is not None:
            return join_by_segment(rows, read.runs)
        return join_by_place(rows, read.values[self.facts.classes.join.place])

    def _require_times(self, rows: SelectedRows, read: ClassRows, found: JoinedRows) -> None:
        """Believe the pair only where the photons were flown at one time."""
        there = read.values[self.facts.classes.time][found.rows]
        here = rows.read(rows.beam.variable(TIME))
        wrong, tolerance = found.beyond, self.facts.classes.tolerance
        for first in range(0, len(there), _TIMES):  # arrays of all cost more than comparing them
            some = slice(first, first + _TIMES)
            flown = here[found.photons[some]]
            equal = np.abs(there[some] - flown) <= tolerance if tolerance else there[some] == flown
            wrong += len(flown) - int(np.count_nonzero(equal))
        if wrong:
            own = rows.beam.attributes()
            raise PairError(
                f"{wrong:,} of {len(there) + found.beyond:,} photons that {read.reader.name.id} "
                f"names in {own['granule']} {own['beam']} have other times there: it was made "
                f"from another file ({read.reader.lineage()}). Take the sibling of this granule's "
                "release and revision."
            )

    def _columns(
        self, rows: SelectedRows, read: ClassRows | None, found: JoinedRows
    ) -> dict[str, DerivedColumn]:
        known = self.facts.classes
        variable = self.facts.class_variable(rows.photons.rows)
        labels = np.full(rows.photons.rows, NOT_LISTED, np.int8)
        if read is not None:
            require_number(read.reader.variable(known.label), read.reader.href)
            listed = read.values[known.label][found.rows]
            if len(listed) and not (listed.min() >= -128 and listed.max() <= 127):
                raise BeamError(
                    f"{known.label} of {read.reader.href} reaches from {listed.min()} to "
                    f"{listed.max()}, which no class does: the file is damaged."
                )
            labels[found.photons] = listed
        columns = {variable.path: DerivedColumn(variable=variable, values=labels)}
        if read is None:
            return columns
        for name, path in self._more(read).items():
            columns[name] = _spread(name, read, path, found, rows.photons.rows)
        return columns

    def _more(self, read: ClassRows) -> dict[str, str]:
        """Names of the columns but the class, and paths of their datasets."""
        short, known = self.facts.product.lower(), self.facts.classes
        more = {name: path for name, path in known.columns.items() if path in read.paths}
        return more | {
            f"{name.rpartition('/')[2]}_{short}": path for name, path in read.named.items()
        }


def _unread(name: str, dtype: np.dtype[Any]) -> Variable:
    """What a column is as far as facts of its product tell."""
    fill = np.nan if dtype.kind == "f" else np.iinfo(dtype).max
    return Variable(
        path=name,
        dims=(PHOTON,),
        shape=(0,),
        dtype=dtype,
        attrs={},
        encoding={},
        fill_value=dtype.type(fill),
    )


def _spread(name: str, read: ClassRows, path: str, found: JoinedRows, rows: int) -> DerivedColumn:
    """Values of the sibling's rows at their photons; NaN, or the fill value, at all others."""
    variable, stored = _column_variable(name, read.reader.variable(path), rows), read.values[path]
    values = np.full(variable.shape, variable.fill_value, stored.dtype)
    values[found.photons] = stored[found.rows]
    return DerivedColumn(variable=variable, values=values)


def _column_variable(name: str, variable: Variable, rows: int) -> Variable:
    """What a column is of so many photons, from a dataset of the sibling's rows."""
    floats = variable.dtype.kind == "f"
    return Variable(
        path=name,
        dims=(PHOTON, *variable.dims[1:]),
        shape=(rows, *variable.shape[1:]),
        dtype=variable.dtype,
        attrs={**variable.attrs, **variable.encoding},
        encoding={},
        fill_value=variable.dtype.type(np.nan) if floats else np.ravel(variable.fill_value)[0],
    )
