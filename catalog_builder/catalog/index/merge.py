"""The row groups of a new index: those of a build, or of the old index with some rows in and out.

Groups are made side by side, a few at a time, so that memory does not grow with the catalog; and
those of the old index that are as they were are taken over without being read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from catalog_builder.catalog.index.json_columns import fit
from catalog_builder.catalog.index.parquet_parts import Part, PartedFile
from catalog_builder.catalog.index.partitions import Cells, Group, cells_of, group
from catalog_builder.catalog.index.schema import item_schema
from catalog_builder.catalog.index.staging import RowPlace, read_rows
from catalog_builder.catalog.index.writer import common, encode
from catalog_builder.catalog.stac.beam_assets import BEAM_FACTS
from catalog_builder.errors import CatalogError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from catalog_builder.catalog.build.state import BuildState

_AT_ONCE: Final = 2
"""Parts of the index that are made at a time: each takes some 50 MB."""

_AHEAD: Final = 12
"""Parts that may be under way or made before the next one to be written is: as many as are made
while the footer of an old index is taken apart."""


class Rows(Protocol):
    """Rows on disk, page by page, and where each of them is to go."""

    folder: Path

    def any_beams(self) -> bool:
        """Whether one is of an indexed granule."""

    def cells(self) -> tuple[Cells, Cells]:
        """Which cells of the index they are in, sorted, and how many are in each."""

    def places(self, low: int, high: int) -> list[RowPlace]:
        """Where those lie that are in some cells, the last one not included; sorted."""


def all_parts(rows: Rows) -> Iterator[Part]:
    """The row groups of these rows."""
    schema = item_schema(beams=rows.any_beams())

    def make(groups: list[Group], places: list[RowPlace]) -> list[Part]:
        return list(encode(read_rows(rows.folder, places, schema), groups))

    def tasks() -> Iterator[_Task]:
        for _, some in groupby(group(*rows.cells()), key=lambda one: one.part):
            groups = list(some)
            places = rows.places(groups[0].low, groups[-1].high)
            yield _Task(partial(make, groups, places), long=True)

    return _side_by_side(tasks())


def merged_parts(path: Path, store: BuildState, gone: Collection[str]) -> Iterator[Part]:
    """The row groups of the index at a path, without the rows that are gone, and with a store's.

    Those of the store stand for those of the same id. Raises
    :class:`~catalog_builder.errors.CatalogError` for an index that is not as a build leaves it.
    """
    import pyarrow as pa

    with path.open("rb") as file, ThreadPoolExecutor(1) as beside:
        # Taking the footer apart takes a second, in which the first groups are made.
        taken_apart = beside.submit(PartedFile, file)
        old = _OldIndex(path, {*gone, *(row.id for row in store.each())})
        schema = item_schema(beams=store.any_beams() or old.has_beams)
        as_we_write = common(schema)

        def make(new: Group, places: list[RowPlace]) -> list[Part]:
            rows = [old.rows(new, schema), read_rows(store.folder, places, schema)]
            return list(encode(pa.concat_tables(rows), [new]))

        def take_over(new: Group, number: int) -> list[Part]:
            parts = taken_apart.result()
            return [parts.part(number)] if parts.common == as_we_write else make(new, [])

        def tasks() -> Iterator[_Task]:
            for new in group(*_added(old.cells(), store.cells())):
                places = store.places(new.low, new.high)
                number = None if places else old.same(new)
                if number is None:
                    yield _Task(partial(make, new, places), long=True)
                else:
                    yield _Task(partial(take_over, new, number), long=False)

        yield from _side_by_side(tasks())


class _OldIndex:
    """The rows of a published index, some of which are no longer to be in it."""

    def __init__(self, path: Path, out: Collection[str]) -> None:
        """``out`` are the ids of those."""
        import pyarrow as pa
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        self._path = path
        with pq.ParquetFile(path) as file:
            self._metadata = file.metadata
            rows = file.read(["icesat2:region", "start_datetime", "bbox", "id"])
            ids = rows["id"]
            self._cells = cells_of(rows)
            del rows
            self._kept: NDArray[np.bool_] = pc.invert(
                pc.is_in(ids, value_set=pa.array(out, pa.string()))
            ).to_numpy()
            counts = [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]
            self._ends = np.cumsum(counts)
            self.has_beams = self._any_beams(file)
            """Whether a row that stays is of an indexed granule."""
        if (np.diff(self._cells) < 0).any():
            raise CatalogError(
                f"The rows of {path} are not in the order in which a build leaves them: build "
                "with --full (full=True)."
            )

    def cells(self) -> tuple[Cells, Cells]:
        """Which cells the rows that stay are in, sorted, and how many are in each."""
        return np.unique(self._cells[self._kept], return_counts=True)

    def same(self, new: Group) -> int | None:
        """Number of the row group that holds what the new one is to hold of these rows."""
        first, last = np.searchsorted(self._cells, (new.low, new.high))
        number = int(np.searchsorted(self._ends, last))
        begin = 0 if number == 0 else self._ends[number - 1]
        whole = (first, last) == (begin, self._ends[number])
        return number if whole and self._kept[first:last].all() else None

    def rows(self, new: Group, schema: pa.Schema) -> pa.Table:
        """The rows that a new row group is to hold of these."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        first, last = np.searchsorted(self._cells, (new.low, new.high))
        if first == last:
            return pa.Table.from_batches([], schema)
        numbers = range(
            int(np.searchsorted(self._ends, first, side="right")),
            int(np.searchsorted(self._ends, last)) + 1,
        )
        # A file of one's own: two threads may not read from one.
        with pq.ParquetFile(self._path, metadata=self._metadata) as file:
            found = file.read_row_groups(list(numbers), use_threads=False)
        begin = 0 if numbers[0] == 0 else int(self._ends[numbers[0] - 1])
        kept = found.slice(first - begin, last - first).filter(pa.array(self._kept[first:last]))
        return fit(kept, schema)

    def _any_beams(self, file: pq.ParquetFile) -> bool:
        if BEAM_FACTS not in file.schema_arrow.names:
            return False
        end = 0
        for number in range(file.num_row_groups):
            facts = file.read_row_group(number, columns=[BEAM_FACTS])[BEAM_FACTS]
            begin, end = end, int(self._ends[number])
            if (facts.is_valid().to_numpy() & self._kept[begin:end]).any():
                return True
        return False


def _added(some: tuple[Cells, Cells], more: tuple[Cells, Cells]) -> tuple[Cells, Cells]:
    """Cells and how many rows are in each, of both together."""
    cells, place = np.unique(np.concatenate((some[0], more[0])), return_inverse=True)
    counts = np.bincount(place, np.concatenate((some[1], more[1])), minlength=len(cells))
    return cells, counts.astype(np.int64)


class _Task(NamedTuple):
    """Some row groups to be made."""

    make: Callable[[], list[Part]]
    long: bool
    """Whether it is worth a thread."""


def _side_by_side(tasks: Iterable[_Task]) -> Iterator[Part]:
    """What the tasks make, in their order."""
    import pyarrow as pa

    to_come: deque[_Task] = deque()
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        try:
            under_way = 0
            for task in tasks:
                made = threads.submit(task.make).result if task.long else task.make
                to_come.append(_Task(made, task.long))
                under_way += task.long
                while under_way > _AHEAD:
                    first = to_come.popleft()
                    yield from first.make()
                    under_way -= first.long
                    pa.default_memory_pool().release_unused()
            while to_come:
                yield from to_come.popleft().make()
        finally:
            threads.shutdown(cancel_futures=True)
            pa.default_memory_pool().release_unused()
