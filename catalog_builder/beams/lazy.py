"""Dask arrays of a beam's data: each task opens the granule and reads its own rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Integral
from typing import Any, Final, Literal, Protocol
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from catalog_builder.beams.read.beam_file import read_beam
from catalog_builder.beams.read.beam_reader import Variable
from catalog_builder.beams.read.delta_time import into_times
from catalog_builder.beams.read.hdf5 import read_rows
from catalog_builder.beams.read.hdf5_objects import find_dataset
from catalog_builder.beams.read.row_slices import RowSlices
from catalog_builder.beams.read.segment_table import SegmentTable
from catalog_builder.beams.storage.granule_file import open_hdf5
from catalog_builder.beams.storage.links import Access, GranuleLinks
from catalog_builder.errors import VariableNotFoundError
from catalog_builder.extras import needing
from catalog_builder.products.atl03 import Beam

PHOTONS_PER_TASK: Final = 1_000_000
"""What ``chunks="auto"`` means: whole chunks of the file in releases 006 (10,000) and 007
(100,000), a few MB a variable."""


Chunks = int | Literal["auto"] | None
"""Photons a dask task; ``auto`` is a million; None reads immediately, without dask."""


def photons_per_task(chunks: Chunks) -> int | None:
    """Photons a task; None without dask.

    Raises ValueError for what is no number or less than 1, and
    :class:`~catalog_builder.errors.MissingExtraError` where dask is not installed.
    """
    if chunks is None:
        return None
    with needing("dask", "Opening lazily"):
        import dask  # noqa: F401  # what makes the arrays imports more of it
    chunk = PHOTONS_PER_TASK if chunks == "auto" else chunks
    if not isinstance(chunk, Integral) or isinstance(chunk, bool) or chunk < 1:
        raise ValueError(f"chunks={chunks!r}: expected photons a task, at least 1, or 'auto'.")
    return int(chunk)


class ReadTasks(Protocol):
    """Makes the tasks in which workers read a beam.

    They can be pickled and hold no secret; the worker logs in for itself.
    """

    def rows(self, path: str, rows: RowSlices) -> Callable[[], NDArray[Any]]:
        """A call that reads these rows of a dataset, values as stored."""

    def table(self, segments: RowSlices) -> Callable[[], SegmentTable]:
        """A call that reads these segments, as if no other held a photon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReadTasks:
    """Makes tasks that read a beam through h5py; each opens the file and closes it again."""

    links: GranuleLinks
    access: Access
    beam: Beam

    def rows(self, path: str, rows: RowSlices) -> Callable[[], NDArray[Any]]:
        """A call that reads these rows of a dataset, values as stored."""
        return partial(_read_file, self.links, self.access, f"{self.beam}/{path}", rows)

    def table(self, segments: RowSlices) -> Callable[[], SegmentTable]:
        """A call that reads these segments, as if no other held a photon."""
        return partial(_read_table, self.links, self.access, self.beam, segments)


def _read_file(links: GranuleLinks, access: Access, path: str, rows: RowSlices) -> NDArray[Any]:
    with open_hdf5(links, access) as (file, href):
        dataset = find_dataset(file, path)
        if dataset is None:
            raise VariableNotFoundError(
                f"{href} lacks {path}, which was there when it was opened."
            )
        return read_rows(dataset, rows)


def _read_table(
    links: GranuleLinks, access: Access, beam: Beam, segments: RowSlices
) -> SegmentTable:
    with open_hdf5(links, access) as (file, href):
        return SegmentTable.read_known(read_beam(file, href, beam), segments, f"{href} {beam}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LazyLoader:
    """Gives the data of a beam as dask arrays."""

    tasks: ReadTasks
    chunk: int
    """Photons a task."""
    table: Any
    """The segments as a dask task, which the arrays share; None where none needs them."""

    @classmethod
    def of(cls, tasks: ReadTasks, chunk: int, segments: RowSlices | None) -> LazyLoader:
        """A loader of arrays with ``chunk`` photons a task, which lie in these segments or none.

        A worker reads the segments: a table of them would make each graph a megabyte larger.
        With None, nothing of them is asked for.
        """
        from dask.delayed import delayed

        table = None if segments is None else delayed(tasks.table(segments))()
        return cls(tasks=tasks, chunk=chunk, table=table)

    def rows(self, variable: Variable, rows: RowSlices) -> Any:
        """The values of these rows as stored."""
        like = np.empty((0, *variable.shape[1:]), variable.dtype)
        return self._array(lambda part: (self.tasks.rows(variable.path, part),), rows, like)

    def times(self, variable: Variable, rows: RowSlices) -> Any:
        """The times of these rows, of a ``delta_time``."""

        def task(part: RowSlices) -> tuple[Any, ...]:
            return (partial(_read_times, self.tasks.rows(variable.path, part)),)

        return self._array(task, rows, np.empty(0, "datetime64[ns]"))

    def segment_starts(self, photons: RowSlices) -> Any:
        """Where the segment of each of these photons starts, metres along track."""

        def task(part: RowSlices) -> tuple[Any, ...]:
            return partial(_starts, part), self.table.key

        return self._array(task, photons, np.empty(0, np.float64), [self.table])

    def segment_indices(self, photons: RowSlices, kept: RowSlices) -> Any:
        """Index of each photon's segment among those ``kept``; -1 in no segment."""

        def task(part: RowSlices) -> tuple[Any, ...]:
            return partial(_indices, part, kept), self.table.key

        return self._array(task, photons, np.empty(0, np.int64), [self.table])

    def _array(
        self,
        task: Callable[[RowSlices], tuple[Any, ...]],
        rows: RowSlices,
        like: NDArray[Any],
        needs: Sequence[Any] = (),
    ) -> Any:
        """An array of one task for each part of the rows.

        The graph is written directly: dask's own builders take ten times as long.
        """
        import dask.array
        from dask.highlevelgraph import HighLevelGraph

        total = rows.rows
        parts = [
            rows.part(first, min(first + self.chunk, total))
            for first in range(0, max(total, 1), self.chunk)
        ]
        name = f"atl03-{uuid4().hex}"
        rest = (0,) * (like.ndim - 1)
        tasks: dict[Any, Any] = {
            (name, number, *rest): task(part) for number, part in enumerate(parts)
        }
        chunks = (tuple(part.rows for part in parts), *((size,) for size in like.shape[1:]))
        graph = HighLevelGraph.from_collections(name, tasks, dependencies=needs)
        array: Any = dask.array.Array  # bears no types
        return array(graph, name, chunks, meta=like)


def _read_times(read: Callable[[], NDArray[Any]]) -> NDArray[np.datetime64]:
    return into_times(read())


def _starts(photons: RowSlices, table: SegmentTable) -> NDArray[np.float64]:
    return table.starts(photons)


def _indices(photons: RowSlices, kept: RowSlices, table: SegmentTable) -> NDArray[np.int64]:
    return table.indices(photons, kept)
