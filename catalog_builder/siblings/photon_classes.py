"""Joins the classes that a sibling gives to photons to those of an ATL03 beam."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from catalog_builder.atl03 import COUNT, INDEX_BEG, PHOTON_GROUP
from catalog_builder.beams.loading import as_variable
from catalog_builder.beams.photon_columns import SelectedRows
from catalog_builder.beams.read.beam_reader import PHOTON
from catalog_builder.beams.read.hdf5 import read_attributes
from catalog_builder.beams.read.hdf5_objects import find
from catalog_builder.beams.read.row_slices import Ints, RowSlices
from catalog_builder.beams.storage.granule_file import open_hdf5
from catalog_builder.beams.storage.links import Access, GranuleLinks
from catalog_builder.errors import BeamError, BeamNotFoundError, EmptyBeamError, PairError
from catalog_builder.products.granule_name import GranuleName
from catalog_builder.products.product import PhotonClasses, PhotonJoin, SegmentJoin
from catalog_builder.siblings.sibling_beam import SiblingBeam, name_of
from catalog_builder.siblings.signal_rows import rows_of_segments

if TYPE_CHECKING:
    import h5py
    import xarray as xr

SEGMENT_ID: Final = "geolocation/segment_id"
TIME: Final = f"{PHOTON_GROUP}/delta_time"

NOT_LISTED: Final = -1
"""Class of a photon that the sibling does not list."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PhotonClassColumns:
    """Derives ``class_atl08`` and the like for the photons of a beam."""

    links: GranuleLinks
    """Where the sibling's granule can be read."""
    access: Access = "auto"
    variables: tuple[str, ...] = ()
    """Further datasets of the sibling's photons, by their paths or names there."""
    classes: PhotonClasses
    """How its rows name photons."""
    product: str
    """Its short name."""

    @property
    def paths(self) -> Sequence[str]:
        """The beam's datasets that are read for it."""
        segments = [SEGMENT_ID, INDEX_BEG, COUNT]
        return [TIME, *(segments if isinstance(self.classes.join, SegmentJoin) else ())]

    @property
    def without_segments(self) -> str | None:
        """Photons are counted, where the sibling names them by their segments."""
        by_segment = isinstance(self.classes.join, SegmentJoin)
        return f"{self.product} is joined by segment_ph_cnt alone" if by_segment else None

    def derive(
        self, rows: SelectedRows
    ) -> tuple[Mapping[str, xr.Variable], Mapping[str, str | int]]:
        """The columns, and attributes that name the sibling and count photons without a segment.

        Raises :class:`~catalog_builder.errors.PairError` where the sibling is of another granule,
        or its photons were not flown at the times of those that it names.
        """
        own = rows.beam.attributes()
        with open_hdf5(self.links, self.access) as (file, href):
            name = name_of(file, href)
            sibling: SiblingBeam | None = None
            with suppress(BeamNotFoundError, EmptyBeamError):
                sibling = SiblingBeam.find(file, href, own["beam"])
            require_pair(GranuleName.parse(own["granule"]), name, self.product)
            found = _Found.none() if sibling is None else self._find(rows, sibling)
            if sibling is not None:
                self._require_times(rows, sibling, found, own["granule"], file)
            columns = self._columns(rows, sibling, found)
        prefix = self.product.lower()
        return columns, {
            f"{prefix}_granule": name.id,
            f"{prefix}_without_segment": found.without_segment,
        }

    def _find(self, rows: SelectedRows, sibling: SiblingBeam) -> _Found:
        """Which photons of the selection the sibling's rows name."""
        join = self.classes.join
        paths = [join.place, self.classes.time, self.classes.label]
        paths += [join.segment] if isinstance(join, SegmentJoin) else []
        lengths = {path: sibling.dataset(path).shape[:1] for path in paths}
        if len({*lengths.values()}) > 1:
            raise BeamError(
                f"Photons of {sibling.href} {sibling.beam} have different lengths: {lengths}: the "
                "file is damaged."
            )
        if isinstance(join, PhotonJoin):
            return _by_place(rows, sibling, join)
        return _by_segment(rows, sibling, join)

    def _require_times(
        self,
        rows: SelectedRows,
        sibling: SiblingBeam,
        found: _Found,
        granule: str,
        file: h5py.File,
    ) -> None:
        """Believe the pair only where the photons were flown at one time."""
        there = sibling.read_numbers(self.classes.time, found.rows, "f")
        here = rows.read(rows.beam.variable(TIME))[found.photons]
        if self.classes.tolerance:
            apart = ~(np.abs(there - here) <= self.classes.tolerance)
        else:
            apart = there != here
        wrong = int(np.count_nonzero(apart)) + found.beyond
        if wrong:
            raise PairError(
                f"{wrong:,} of {len(here) + found.beyond:,} photons that {sibling.name.id} names "
                f"in {granule} {rows.beam.attributes()['beam']} have other times there: it was "
                f"made from another file ({_lineage(file)}). Take the sibling of this granule's "
                "release and revision."
            )

    def _columns(
        self, rows: SelectedRows, sibling: SiblingBeam | None, found: _Found
    ) -> dict[str, xr.Variable]:
        short, known = self.product.lower(), self.classes
        labels = np.full(rows.photons.rows, NOT_LISTED, np.int8)
        if sibling is not None:
            listed = sibling.read_numbers(known.label, found.rows)
            if len(listed) and not (listed.min() >= -128 and listed.max() <= 127):
                raise BeamError(
                    f"{known.label} of {sibling.href} reaches from {listed.min()} to "
                    f"{listed.max()}, which no class does: the file is damaged."
                )
            labels[found.photons] = listed
        meanings = {NOT_LISTED: "not_listed", **known.meanings}
        attrs = {
            "long_name": f"Class of the photon by {self.product}",
            "flag_values": np.array([*meanings], np.int8),
            "flag_meanings": " ".join(meanings.values()),
        }
        columns = {f"class_{short}": as_variable(PHOTON, labels, attrs)}
        if sibling is None:
            return columns
        more = {name: path for name, path in known.columns.items() if sibling.has(path)}
        for name in self.variables:
            path = f"{known.label.rpartition('/')[0]}/{name}".lstrip("/")
            more[f"{name.rpartition('/')[2]}_{short}"] = sibling.variable(path).path
        for name, path in more.items():
            variable = sibling.variable(path)
            values = _spread(
                sibling.read(path, found.rows),
                found.photons,
                rows.photons.rows,
                variable.fill_value,
            )
            dims = (PHOTON, *variable.dims[1:])
            columns[name] = as_variable(dims, values, {**variable.attrs, **variable.encoding})
        return columns


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Found:
    """Rows of a sibling, and the photons that they name."""

    rows: RowSlices
    photons: Ints
    """Place among the selected photons of each row's."""
    without_segment: int = 0
    """Rows near the selection whose segment the ATL03 file lacks."""
    beyond: int = 0
    """Rows that name a photon which its segment has not."""

    @classmethod
    def none(cls) -> _Found:
        return cls(rows=RowSlices.whole(0), photons=np.empty(0, np.int64))


def require_pair(granule: GranuleName, name: GranuleName, product: str) -> None:
    """Raise PairError unless the sibling's name fits the granule's.

    That is its product, track, cycle and region, and its release; of a sibling whose name tells
    which ATL03 granule it was made from, that one's release and revision.
    """
    if name.product.short_name != product:
        raise PairError(f"{name.id} is no granule of {product}.")
    if (name.rgt, name.cycle, name.region) != (granule.rgt, granule.cycle, granule.region):
        raise PairError(
            f"{name.id} is of track {name.rgt}, cycle {name.cycle}, region {name.region}; "
            f"{granule.id} of track {granule.rgt}, cycle {granule.cycle}, region {granule.region}."
        )
    source = name.made_from or (name.release, granule.revision)
    if source != (granule.release, granule.revision):
        raise PairError(
            f"{name.id} is made from release {source[0]}"
            + (f", revision {source[1]:02d}" if name.made_from else "")
            + f" of ATL03; {granule.id} is of release {granule.release}, revision "
            f"{granule.revision:02d}: photons of two releases cannot be joined."
        )


def _by_place(rows: SelectedRows, sibling: SiblingBeam, join: PhotonJoin) -> _Found:
    every = RowSlices.whole(int(sibling.dataset(join.place).shape[0]))
    place = sibling.read_numbers(join.place, every).astype(np.int64)
    beyond = (place < 0) | (place >= rows.beam.photons)
    return _selected(rows, every, place, beyond=int(np.count_nonzero(beyond)))


def _by_segment(rows: SelectedRows, sibling: SiblingBeam, join: SegmentJoin) -> _Found:
    ids, first, count = _segments(rows)
    if not len(ids):
        return _Found.none()
    whole_beam = rows.photons.rows == rows.beam.photons
    listed = (
        RowSlices.whole(int(sibling.dataset(join.segment).shape[0]))
        if whole_beam
        else rows_of_segments(sibling, join, ids[:1], ids[-1:])
    )
    segment, place = (
        sibling.read_numbers(path, listed).astype(np.int64) for path in (join.segment, join.place)
    )
    at = np.minimum(np.searchsorted(ids, segment), len(ids) - 1)
    there = ids[at] == segment
    without = 0
    if not there.all():
        missing = np.unique(segment[~there])
        every = rows.beam.read(SEGMENT_ID, RowSlices.whole(rows.beam.segment_count))
        lacking = missing[~np.isin(missing, every)]
        without = int(np.isin(segment, lacking).sum())
    at, place = at[there], place[there]
    fits = (place >= 1) & (place <= count[at])
    named = np.where(fits, first[at] + place - 1, -1)
    whole = np.full(len(segment), -1, np.int64)
    whole[there] = named
    found = _selected(rows, listed, whole, beyond=int(np.count_nonzero(~fits)))
    return _Found(
        rows=found.rows,
        photons=found.photons,
        without_segment=without,
        beyond=found.beyond,
    )


def _segments(rows: SelectedRows) -> tuple[Ints, Ints, Ints]:
    """Id, first photon (counted from 0) and number of photons of the segments that hold some."""
    beam = rows.beam
    ids, index, count = (
        rows.read(beam.variable(path)).astype(np.int64) for path in (SEGMENT_ID, INDEX_BEG, COUNT)
    )
    first = index - 1
    if rows.segment_of is None:  # what ph_index_beg says cannot be: the counts may be right
        count = np.maximum(count, 0)
        first = np.cumsum(count) - count
        if int(count.sum()) != beam.photons:
            raise PairError(
                f"{beam.attributes()['granule']} {beam.attributes()['beam']} does not say which "
                "photons its segments hold: classes cannot be joined."
            )
    some = count > 0
    ids, first, count = ids[some], first[some], count[some]
    if np.any(np.diff(ids) <= 0):
        raise PairError(f"{SEGMENT_ID} of {beam.attributes()['granule']} does not increase.")
    return ids, first, count


def _selected(rows: SelectedRows, listed: RowSlices, named: Ints, *, beyond: int) -> _Found:
    """Of the listed rows, those that name a photon of the selection."""
    numbers = rows.photons.numbers()
    at = np.searchsorted(numbers, named)
    inside = (named >= 0) & (at < len(numbers))
    inside[inside] = numbers[at[inside]] == named[inside]
    return _Found(rows=listed.where(inside), photons=at[inside].astype(np.int64), beyond=beyond)


def _spread(values: NDArray[Any], at: Ints, rows: int, fill: Any) -> NDArray[Any]:
    nothing = np.nan if values.dtype.kind == "f" else np.ravel(fill)[0]
    spread = np.full((rows, *values.shape[1:]), nothing, values.dtype)
    spread[at] = values
    return spread


def _lineage(file: h5py.File) -> str:
    """What the file says it was made from."""
    source = find(file, "METADATA/Lineage/ATL03")
    names = {} if source is None else read_attributes(source)
    return f"its lineage names {names['fileName']}" if "fileName" in names else "it does not say"
