"""Photons that are read when they are computed: each dask task opens the granule itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.beam_file import Variable
from catalog_builder.beams.delta_time import to_times
from catalog_builder.beams.hdf5 import read_rows
from catalog_builder.beams.links import Access, GranuleLinks
from catalog_builder.beams.object_store import open_hdf5
from catalog_builder.beams.runs import Runs
from catalog_builder.beams.segments import Segments

PHOTONS_PER_TASK: Final = 1_000_000
"""What ``chunks="auto"`` means: whole chunks of the file in releases 006 (10,000) and 007
(100,000), a few MB a variable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a worker reads a dataset; holds links alone, so it pickles without a secret.

    The worker logs in for itself, and closes the file when it has read.
    """

    links: GranuleLinks
    access: Access
    path: str
    """Path in the file: ``gt1l/heights/h_ph``."""

    def read(self, rows: Runs) -> NDArray[Any]:
        """These rows, one after another, as stored."""
        with open_hdf5(self.links, self.access) as (file, _):
            return read_rows(file[self.path], rows)

    def read_times(self, rows: Runs) -> NDArray[np.datetime64]:
        """These rows of a ``delta_time``, decoded."""
        return to_times(self.read(rows))


@dataclass(frozen=True, slots=True, kw_only=True)
class LazyLoader:
    """Gives dask arrays in place of what is stored in one beam."""

    links: GranuleLinks
    access: Access
    beam: str
    chunk: int
    """Photons a task."""

    def rows(self, variable: Variable, rows: Runs) -> Any:
        """The values of these rows as stored."""
        return self._array(self._recipe(variable).read, rows, variable.shape[1:], variable.dtype)

    def times(self, variable: Variable, rows: Runs) -> Any:
        """The times of these rows, of a ``delta_time``."""
        return self._array(self._recipe(variable).read_times, rows, (), np.dtype("datetime64[ns]"))

    def per_photon(self, values: NDArray[Any], segments: Segments, photons: Runs) -> Any:
        """Each photon's own of the ``values``, one for each segment and a last one for none."""

        def repeat(part: Runs) -> Any:
            numbers, counts = segments.repeats(part)
            return delayed(np.repeat)(values[numbers], counts)

        from dask.delayed import delayed

        return self._join(((repeat(part), part.rows) for part in self._parts(photons)), values)

    def _recipe(self, variable: Variable) -> Recipe:
        path = f"{self.beam}/{variable.path}"
        return Recipe(links=self.links, access=self.access, path=path)

    def _array(
        self,
        read: Callable[[Runs], NDArray[Any]],
        rows: Runs,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
    ) -> Any:
        from dask.delayed import delayed

        task = delayed(read)
        blocks = ((task(part), part.rows) for part in self._parts(rows))
        return self._join(blocks, np.empty((0, *shape), dtype))

    def _parts(self, rows: Runs) -> Iterator[Runs]:
        total = rows.rows
        for first in range(0, max(total, 1), self.chunk):
            yield rows.part(first, min(first + self.chunk, total))

    def _join(self, blocks: Iterator[tuple[Any, int]], like: NDArray[Any]) -> Any:
        import dask.array

        da: Any = dask.array  # its functions bear no types
        return da.concatenate(
            [
                da.from_delayed(block, (length, *like.shape[1:]), meta=like[:0])
                for block, length in blocks
            ]
        )
