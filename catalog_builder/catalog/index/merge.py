"""The row groups of a new index: from staged rows alone, or merged with the published index.

While one row group is written, a thread reads the next, so that memory does not grow with the
catalog. All row groups are decoded and written again, also unchanged ones, so that an update gives
the same bytes as a full build.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import groupby, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from catalog_builder.catalog.index.json_columns import fit
from catalog_builder.catalog.index.partitions import (
    Partitions,
    RowGroup,
    partitions_of,
    split_into_row_groups,
)
from catalog_builder.catalog.index.schema import COVERING, extra_assets, item_schema
from catalog_builder.catalog.index.staging import RowLocation, read_rows
from catalog_builder.catalog.index.writer import RowGroups, split_sorted
from catalog_builder.catalog.stac.beam_assets import BEAM_FACTS
from catalog_builder.catalog.stac.layout import optional_assets
from catalog_builder.catalog.stac.sibling_links import PROPERTIES
from catalog_builder.errors import CatalogError
from catalog_builder.products.atl03 import BEAMS

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_PREFETCHED: Final = 1
"""Row groups that are read ahead of the one being written."""


class StagedRows(Protocol):
    """Rows on disk, page by page, and the partition of each."""

    folder: Path

    def any_beams(self) -> bool:
        """Whether a row is of an indexed granule."""

    def extra_assets(self) -> frozenset[str]:
        """The assets of the rows' items that few catalogs have."""

    def any_siblings(self) -> bool:
        """Whether the item of a row names siblings."""

    def partitions(self) -> tuple[Partitions, Partitions]:
        """The partitions that hold rows, sorted, and how many rows each holds."""

    def locations(self, first: int, stop: int) -> list[RowLocation]:
        """Where the rows of the partitions ``first`` to ``stop - 1`` lie, sorted."""


def staged_row_groups(rows: StagedRows) -> RowGroups:
    """The row groups of an index of these rows."""
    schema = item_schema(
        beams=rows.any_beams(), extra=rows.extra_assets(), siblings=rows.any_siblings()
    )

    def read(locations: list[RowLocation], counts: list[int]) -> list[pa.Table]:
        return list(split_sorted(read_rows(rows.folder, locations, schema), counts))

    def reads() -> Iterator[Callable[[], list[pa.Table]]]:
        row_groups = split_into_row_groups(*rows.partitions())
        # Rows of one region and year are staged side by side, so they are read together.
        for _, group in groupby(row_groups, key=lambda one: one.region_and_year):
            some = list(group)
            locations = rows.locations(some[0].first, some[-1].stop)
            yield partial(read, locations, [one.rows for one in some])

    return RowGroups(schema, _prefetched(reads()))


def merged_row_groups(path: Path, rows: StagedRows, without: Collection[str]) -> RowGroups:
    """The row groups of the index at ``path`` with these rows added.

    ``without`` are the ids of rows of that index that are removed or replaced. Raises
    :class:`~catalog_builder.errors.CatalogError` for an index that is damaged, or not sorted as
    a build sorts it.
    """
    old = _OldIndex(path, without)
    schema = item_schema(
        beams=rows.any_beams() or old.has_beams,
        extra=rows.extra_assets() | old.extra,
        siblings=rows.any_siblings() or old.has_siblings,
    )

    def tables() -> Iterator[pa.Table]:
        import pyarrow as pa

        def read(new: RowGroup, locations: list[RowLocation]) -> list[pa.Table]:
            some = [old.read(file, new, schema), read_rows(rows.folder, locations, schema)]
            return list(split_sorted(pa.concat_tables(some), [new.rows]))

        with old.opened() as file:
            merged = split_into_row_groups(*_added(old.partitions(), rows.partitions()))
            yield from _prefetched(
                partial(read, new, rows.locations(new.first, new.stop)) for new in merged
            )

    return RowGroups(schema, tables())


class _OldIndex:
    """The rows of a published index, and which of them are kept."""

    def __init__(self, path: Path, without: Collection[str]) -> None:
        """``without`` are the ids of the rows that are not kept."""
        import pyarrow as pa
        import pyarrow.compute as pc

        self._path = path
        self._metadata: pq.FileMetaData | None = None
        with self.opened() as file, self._damage_refused():
            self._metadata = file.metadata
            keys = file.read(["icesat2:region", "start_datetime", "bbox", "id"])
            ids = keys["id"]
            self._partitions = partitions_of(keys)
            del keys
            self._kept: NDArray[np.bool_] = pc.invert(
                pc.is_in(ids, value_set=pa.array(without, pa.string()))
            ).to_numpy()
            counts = [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]
            self._ends = np.cumsum([0, *counts])
            """Number of the first row of each row group, then the number of all rows."""
            self.has_beams = self._any_beams(file)
            """Whether a kept row is of an indexed granule."""
            self.extra = self._extra(file)
            """The assets of the kept rows' items that few catalogs have."""
            self.has_siblings = self._any_siblings(file)
            """Whether the item of a kept row names siblings."""
        if (np.diff(self._partitions) < 0).any():
            raise CatalogError(
                f"The rows of {path} are not in the order of a build: build "
                "with --full (full=True)."
            )

    @contextmanager
    def opened(self) -> Iterator[pq.ParquetFile]:
        """Its open file; page checksums are verified."""
        import pyarrow.parquet as pq

        with self._damage_refused():
            file = pq.ParquetFile(
                self._path,
                metadata=self._metadata,
                pre_buffer=False,
                page_checksum_verification=True,
            )
        with file:
            yield file

    def partitions(self) -> tuple[Partitions, Partitions]:
        """The partitions of the kept rows, sorted, and the number of rows in each."""
        return np.unique(self._partitions[self._kept], return_counts=True)

    def read(self, file: pq.ParquetFile, new: RowGroup, schema: pa.Schema) -> pa.Table:
        """The kept rows that belong to a new row group."""
        import pyarrow as pa

        first, stop = np.searchsorted(self._partitions, (new.first, new.stop))
        if first == stop:
            return schema.empty_table()
        numbers = range(
            int(np.searchsorted(self._ends, first, side="right")) - 1,
            int(np.searchsorted(self._ends, stop)),
        )
        with self._damage_refused():
            found = file.read_row_groups(list(numbers), use_threads=False)
        if COVERING in found.schema.names:
            found = found.drop_columns(COVERING)
        rows = found.slice(first - self._ends[numbers[0]], stop - first)
        return fit(rows.filter(pa.array(self._kept[first:stop])), schema)

    def _any_beams(self, file: pq.ParquetFile) -> bool:
        if BEAM_FACTS not in file.schema_arrow.names:
            return False
        one_leaf = (
            f"{BEAM_FACTS}.{BEAMS[0]}.spot"  # enough to see whether the whole structure is null
        )
        for number, (begin, end) in enumerate(pairwise(self._ends)):
            facts = file.read_row_group(number, columns=[one_leaf])[BEAM_FACTS]
            if (facts.is_valid().to_numpy() & self._kept[begin:end]).any():
                return True
        return False

    def _extra(self, file: pq.ParquetFile) -> frozenset[str]:
        import pyarrow.compute as pc

        named, found = extra_assets(file.schema_arrow), set[str]()
        if not named:
            return named
        leaves = [f"assets.{key}.file:size" for key in sorted(named)]
        for number, (begin, end) in enumerate(pairwise(self._ends)):
            assets = file.read_row_group(number, columns=leaves)["assets"]
            for field in assets.type:
                there = pc.struct_field(assets, field.name).is_valid().to_numpy()
                if (there & self._kept[begin:end]).any():
                    found.add(field.name)
        return optional_assets(found)

    def _any_siblings(self, file: pq.ParquetFile) -> bool:
        for name in set(PROPERTIES).intersection(file.schema_arrow.names):
            there = file.read(columns=[name])[name].is_valid().to_numpy()
            if (there & self._kept).any():
                return True
        return False

    @contextmanager
    def _damage_refused(self) -> Iterator[None]:
        """Raise CatalogError if Arrow cannot read the file."""
        import pyarrow as pa

        try:
            yield
        except (pa.ArrowException, OSError) as error:
            raise CatalogError(
                f"{self._path} cannot be read ({error}): build with --full (full=True)."
            ) from error


def _added(
    some: tuple[Partitions, Partitions], more: tuple[Partitions, Partitions]
) -> tuple[Partitions, Partitions]:
    """Partitions, and the number of rows in each, of both together."""
    partitions, inverse = np.unique(np.concatenate((some[0], more[0])), return_inverse=True)
    counts = np.bincount(inverse, np.concatenate((some[1], more[1])), minlength=len(partitions))
    return partitions, counts.astype(np.int64)


def _prefetched(reads: Iterable[Callable[[], list[pa.Table]]]) -> Iterator[pa.Table]:
    """The results of calls, in their order; a thread makes the next call meanwhile."""
    with ThreadPoolExecutor(1) as thread:
        coming: deque[Future[list[pa.Table]]] = deque()
        try:
            for read in reads:
                coming.append(thread.submit(read))
                if len(coming) > _PREFETCHED:
                    yield from coming.popleft().result()
            while coming:
                yield from coming.popleft().result()
        finally:
            thread.shutdown(cancel_futures=True)
