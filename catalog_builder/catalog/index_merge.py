"""Sorted rows for a new index: those of a build, or the old index with some rows in and some out.

Never more than a few thousand rows are in memory.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import islice
from queue import Queue
from typing import TYPE_CHECKING, Any, Final, TypeVar

from catalog_builder.catalog.item_references import BEAM_FACTS
from catalog_builder.catalog.item_schema import item_schema
from catalog_builder.catalog.item_table import Place, last_place, read_rows, sort_rows

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from catalog_builder.catalog.page_work import ItemRow
    from catalog_builder.catalog.row_store import RowStore

_ROWS: Final = 2000
"""Rows read at a time."""

Made = TypeVar("Made")


def all_rows(store: RowStore, done: Callable[[int], None]) -> Iterator[pa.Table]:
    """The rows of a store, sorted; ``done`` hears how many are read."""
    beams, count = store.any_beams(), 0
    rows = store.each()
    while some := list(islice(rows, _ROWS)):
        yield read_rows(store.read(some), beams=beams)
        done(count := count + len(some))


def merged_rows(
    old: pq.ParquetFile,
    store: RowStore,
    gone: Collection[str],
    schema: pa.Schema,
    done: Callable[[int], None],
) -> Iterator[pa.Table]:
    """The rows of an index without those that are gone or in the store, and those of the store.

    ``schema`` is the columns that the result has.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = _Rows(store, schema)
    out = pa.array([*gone, *(row.id for row in store.each())], pa.string())
    count = 0
    for group in range(old.num_row_groups):
        table = old.read_row_group(group)
        count += len(table)
        kept = fit(table.filter(pc.invert(pc.is_in(table["id"], value_set=out))), schema)
        new = list(rows.up_to(last_place(table)))
        yield sort_rows(pa.concat_tables([kept, *new])) if new else kept
        done(count)
    yield from rows.up_to(None)


def merged_schema(old: pq.ParquetFile, store: RowStore, gone: Collection[str]) -> pa.Schema:
    """Columns of what :func:`merged_rows` gives: those of beams only where a row has them."""
    beams = store.any_beams() or _any_beams(old, {*gone, *(row.id for row in store.each())})
    return item_schema(beams=beams)


def _any_beams(old: pq.ParquetFile, gone: Collection[str]) -> bool:
    if BEAM_FACTS not in old.schema_arrow.names:
        return False
    for group in range(old.num_row_groups):
        table = old.read_row_group(group, columns=["id", BEAM_FACTS])
        for granule, facts in zip(*(column.to_pylist() for column in table.columns), strict=True):
            if facts is not None and granule not in gone:
                return True
    return False


class _Rows:
    """Rows of a store, taken in the order of the index."""

    def __init__(self, store: RowStore, schema: pa.Schema) -> None:
        self._store = store
        self._beams = BEAM_FACTS in schema.names
        self._rows = store.each()
        self._next = next(self._rows, None)

    def up_to(self, place: Place | None) -> Iterator[pa.Table]:
        """Those that are not taken yet and do not come after a place; all where it is None."""
        taken: list[ItemRow] = []
        while self._next is not None and (place is None or self._next.place <= place):
            taken.append(self._next)
            self._next = next(self._rows, None)
            if len(taken) == _ROWS:
                yield self._read(taken)
                taken = []
        if taken:
            yield self._read(taken)

    def _read(self, rows: list[ItemRow]) -> pa.Table:
        return read_rows(self._store.read(rows), beams=self._beams)


def fit(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table with these columns, nulls for those it lacks, at every depth."""
    import pyarrow as pa

    if table.schema.equals(schema):
        return table
    columns = [
        _fit(table[field.name].combine_chunks(), field.type)
        if field.name in table.schema.names
        else pa.nulls(len(table), field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _fit(array: Any, kind: pa.DataType) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0) if array.num_chunks else pa.array([], array.type)
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if not (pa.types.is_struct(kind) and pa.types.is_struct(array.type)):
        return array.cast(kind)
    children = [
        pa.nulls(len(array), field.type)
        if (place := array.type.get_field_index(field.name)) < 0
        else _fit(pc.struct_field(array, [place]), field.type)
        for field in kind
    ]
    return pa.StructArray.from_arrays(children, fields=list(kind), mask=array.is_null())


def ahead(made: Iterable[Made], count: int = 1) -> Iterator[Made]:
    """The same, made in a thread while the ones before are used, ``count`` at most in advance."""
    queue: Queue[tuple[Made | None, BaseException | None]] = Queue(count)
    stopped = threading.Event()

    def make() -> None:
        failure: BaseException | None = None
        try:
            for one in made:
                queue.put((one, None))
                if stopped.is_set():
                    return
        except BaseException as error:
            failure = error
        queue.put((None, failure or StopIteration()))

    thread = threading.Thread(target=make, daemon=True)
    thread.start()
    try:
        while True:
            one, failure = queue.get()
            if isinstance(failure, StopIteration):
                return
            if failure is not None:
                raise failure
            yield one  # type: ignore[misc]
    finally:
        stopped.set()
        while thread.is_alive():
            while not queue.empty():
                queue.get_nowait()
            thread.join(0.05)
