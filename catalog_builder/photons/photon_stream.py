"""Photons on their way to a file: some at a time, pass by pass, from memory or from a spool."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from catalog_builder.errors import TooManyPhotonsError
from catalog_builder.photons.pass_spool import PassSpool, SpooledPass
from catalog_builder.photons.photon_request import PhotonRequest
from catalog_builder.photons.planned_search import free_memory
from catalog_builder.photons.ragged_dataset import ragged_dataset
from catalog_builder.photons.spooled_blocks import BATCH, Bounds
from catalog_builder.progress import Progress, Reporter, bytes_text

if TYPE_CHECKING:
    import xarray as xr


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

    def chunks(self) -> Iterator[tuple[int, xr.Dataset]]:
        """At most ``BATCH`` photons each, of one pass as far as they are in order.

        With the index along ``track_pass`` of the first pass that the Dataset has. Where there
        are no photons, one chunk of none, which tells their columns.
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

    def chunks(self) -> Iterator[tuple[int, xr.Dataset]]:
        """Views of the Dataset; of passes, unless their photons were put in another order."""
        if not self.photons:
            yield 0, self.whole
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
                yield number, self.whole.isel(photon=keep, track_pass=passes)

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

    def chunks(self) -> Iterator[tuple[int, xr.Dataset]]:
        """A Dataset of each block."""
        if not self.photons:
            yield 0, self.dataset()
            return
        # Of all passes the first says what the variables are, as in one Dataset.
        first = self.passes[0].found
        some = [one for one in self.passes if one.photons]
        for number, one in enumerate(some):
            if self.progress is not None:
                self.progress(Progress(stage="writing photons", done=number, total=len(some)))
            for block in self.spool.blocks(one):
                found = replace(
                    one.found,
                    variables=first.variables,
                    photon_names=first.photon_names,
                    blocks=[block],
                )
                chunk = ragged_dataset([found], self.request, {})
                chunk.track_pass_index.values[:] = number
                yield number, chunk

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
