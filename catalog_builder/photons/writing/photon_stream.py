"""Photons on their way to a file: some at a time, pass by pass, from memory or from a spool."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.read.beam_reader import SURFACE_TYPE, Variable
from catalog_builder.beams.read.delta_time import to_times
from catalog_builder.beams.read.photon_search import LAT, LON, TIME
from catalog_builder.beams.requested_variables import X_ATC
from catalog_builder.beams.variable_names import variable_names
from catalog_builder.errors import TooManyPhotonsError
from catalog_builder.photons.planning.photon_request import PhotonRequest
from catalog_builder.photons.planning.planned_search import free_memory
from catalog_builder.photons.reading.survivors import column_of
from catalog_builder.photons.tables.photon_table import OF_PASS, photon_table, table_of
from catalog_builder.photons.tables.ragged_dataset import known_variables, ragged_dataset
from catalog_builder.photons.writing.pass_spool import PassSpool, SpooledPass
from catalog_builder.photons.writing.spooled_blocks import BATCH, Bounds
from catalog_builder.progress import Progress, Reporter, bytes_text

if TYPE_CHECKING:
    import pyarrow as pa
    import xarray as xr

    from catalog_builder.photons.reading.survivors import Columns


_OF_LAYOUT: Final = ("Conventions", "featureType")


def table_attributes(stream: PhotonStream) -> dict[str, Any]:
    """Attributes of photons that are no longer laid out as in the Dataset."""
    return {name: value for name, value in stream.attrs.items() if name not in _OF_LAYOUT}


class PhotonStream(Protocol):
    """Photons of passes, in their order."""

    @property
    def attrs(self) -> Mapping[str, Any]:
        """Attributes of the whole."""

    @property
    def photons(self) -> int:
        """How many there are."""

    @property
    def bounds(self) -> Bounds | None:
        """West, south, east, north of them all, within ±180; None where there are none."""

    def tables(self) -> Iterator[tuple[int, pa.Table]]:
        """Tables of at most ``BATCH`` photons each, with the number of the pass.

        As :func:`~catalog_builder.photons.tables.photon_table.photon_table` makes them. Where
        there are no photons, one table of none, which tells the columns.
        """

    def dataset(self) -> xr.Dataset:
        """All of them in memory."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DatasetStream:
    """Photons that are in memory."""

    whole: xr.Dataset

    @property
    def attrs(self) -> Mapping[str, Any]:
        """Those of the Dataset."""
        return {str(name): value for name, value in self.whole.attrs.items()}

    @property
    def photons(self) -> int:
        """How many there are."""
        return int(self.whole.sizes["photon"])

    @property
    def bounds(self) -> Bounds | None:
        """Of the Dataset."""
        if not self.photons:
            return None
        lon, lat = self.whole.lon_ph.values, self.whole.lat_ph.values
        return float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max())

    def tables(self) -> Iterator[tuple[int, pa.Table]]:
        """Of passes, unless their photons were put in another order: then number 0."""
        if not self.photons:
            yield 0, photon_table(self.whole)
            return
        index = self.whole.track_pass_index.values
        steps = np.diff(index)
        in_order = bool((steps >= 0).all())
        cuts = [0, *(np.flatnonzero(steps) + 1 if in_order else ()), len(index)]
        for start, end in pairwise(map(int, cuts)):
            number = int(index[start]) if in_order else 0
            passes = slice(number, number + 1) if in_order else slice(None)
            for first in range(start, end, BATCH):
                keep = slice(first, min(first + BATCH, end))
                part = self.whole.isel(photon=keep, track_pass=passes)
                yield number, photon_table(part, number)

    def dataset(self) -> xr.Dataset:
        """The Dataset itself."""
        return self.whole


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpoolStream:
    """Photons that a spool holds."""

    spool: PassSpool
    passes: Sequence[SpooledPass]
    request: PhotonRequest
    attrs: Mapping[str, Any]
    progress: Reporter | None

    @property
    def photons(self) -> int:
        """How many there are."""
        return sum(one.photons for one in self.passes)

    @property
    def bounds(self) -> Bounds | None:
        """Of all passes."""
        known = [one.bounds for one in self.passes if one.bounds is not None]
        if not known:
            return None
        west, south, east, north = zip(*known, strict=True)
        return min(west), min(south), max(east), max(north)

    def tables(self) -> Iterator[tuple[int, pa.Table]]:
        """A table of each block, made without xarray and pandas: they take 65 MB."""
        some = [one for one in self.passes if one.photons]
        if not some:
            yield 0, photon_table(self.dataset())
            return
        # The first pass says what the variables are, as in one Dataset.
        known = known_variables([one.found for one in self.passes], self.request)
        described = [known[p] for p in (*self.request.paths, *self.request.derived_variables)]
        names = variable_names(described, self.passes[0].found.photon_names)
        for number, one in enumerate(some):
            if self.progress is not None:
                self.progress(Progress(stage="writing photons", done=number, total=len(some)))
            of_pass = {name: np.array([one.found.attrs[name]], OF_PASS[name]) for name in OF_PASS}
            for block in self.spool.blocks(one):
                count = len(block[LAT])
                arrays = [
                    (name, _decoded(variable, block), variable.dims[1:] == (SURFACE_TYPE,))
                    for variable, name in zip(described, names, strict=True)
                ]
                arrays += [
                    ("lat_ph", block[LAT], False),
                    ("lon_ph", block[LON], False),
                    ("delta_time", to_times(block[TIME]), False),
                    ("track_pass_index", np.full(count, number, np.int32), False),
                    ("cycle", np.full(count, one.found.attrs["cycle"], np.int16), False),
                ]
                if self.request.along_track:
                    arrays.append((X_ATC, block[X_ATC], False))
                yield number, table_of(arrays, of_pass, np.zeros(count, np.int32))

    def dataset(self) -> xr.Dataset:
        """All of them in memory.

        Raises :class:`~catalog_builder.errors.TooManyPhotonsError` where that is too small.
        """
        size, free = sum(one.bytes for one in self.passes), free_memory()
        if 2 * size > free:  # the arrays, and the blocks that they are made of
            raise TooManyPhotonsError(
                f"{self.photons:,} photons take {bytes_text(size)}, and {bytes_text(free)} of "
                "memory are free: a file of this kind is written from memory, where .parquet, "
                ".csv, .las and .laz are not. What was read is kept."
            )
        found = [replace(one.found, blocks=list(self.spool.blocks(one))) for one in self.passes]
        return ragged_dataset(found, self.request, self.attrs)


def _decoded(variable: Variable, block: Columns) -> NDArray[Any]:
    values = column_of(block, variable).astype(variable.dtype, copy=False)
    return to_times(values) if variable.path.endswith("/delta_time") else values
