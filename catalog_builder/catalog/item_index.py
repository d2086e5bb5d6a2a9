"""``items.parquet``: the items of a catalog in one file that is searched where it lies.

Rows are sorted by region, then start, in groups of 5,000, so that a search over HTTP reads the few
groups that can hold what it looks for, and of those first only the columns it tests.

Others read it too: geopandas as it is, DuckDB without any extension (its geometry is a GEOMETRY).
There, a box across ±180 has ``bbox.xmin > bbox.xmax``, and a search has to let such items in::

    SELECT id, assets.data.href FROM 'items.parquet'
    WHERE bbox.ymin <= $north AND bbox.ymax >= $south
      AND CASE WHEN bbox.xmin <= bbox.xmax THEN bbox.xmin <= $east AND bbox.xmax >= $west
               ELSE bbox.xmin <= $east OR bbox.xmax >= $west END

finds all items near a box with west <= east, and for these thin tracks some that miss it.
"""

from __future__ import annotations

import io
import threading
import weakref
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from catalog_builder.atl03 import GranuleName
from catalog_builder.catalog.address import Address
from catalog_builder.catalog.item_schema import KEYS
from catalog_builder.catalog.item_search import Range, Search
from catalog_builder.catalog.item_table import Item, to_items
from catalog_builder.catalog.layout import INDEX, item_path
from catalog_builder.errors import CatalogError, ItemNotFoundError, NotATL03Error
from catalog_builder.window import Moment

if TYPE_CHECKING:
    import geopandas
    import pyarrow as pa
    import pyarrow.parquet as pq
    import pystac


class ItemIndex:
    """A catalog's items, or those that a search found. Immutable; nothing is read until needed.

    Everything that lists items does so by region, then start. Pickles to its address and its
    conditions.
    """

    def __init__(self, source: IndexFile, search: Search) -> None:
        self._source = source
        self._search = search

    @classmethod
    def open(
        cls, dir_or_url: str | Path | Address, *, storage_options: Mapping[str, Any] | None = None
    ) -> ItemIndex:
        """The index of the catalog in a folder or behind a URL.

        ``storage_options`` go to fsspec's file system for the URL. Nothing is read here: a wrong
        address shows at first use, as :class:`~catalog_builder.errors.CatalogNotFoundError`.
        """
        return cls(IndexFile(Address.parse(dir_or_url, storage_options)), Search())

    def search(
        self,
        *,
        bbox: Sequence[float] | str | None = None,
        datetime: Moment | Sequence[Moment] = None,
        rgt: int | None = None,
        cycle: int | None = None,
        region: int | None = None,
        limit: int | None = None,
        ids: Collection[str] | None = None,
    ) -> ItemIndex:
        """The items among these for which all conditions hold.

        ``bbox``: west, south, east, north, degrees; west > east crosses ±180. An item is found
        where its footprint itself meets the box. ``datetime``: one time or an interval, ``A/B``,
        ``A/..``, a pair; a date is the whole day. ``rgt``, ``cycle``, ``region``: numbers of the
        track, the 91-day cycle and the part of the revolution. ``limit``: the most to find, once
        all conditions hold. Raises :class:`~catalog_builder.errors.WindowError` for a condition
        that cannot be.
        """
        search = self._search.narrowed(
            bbox=bbox, interval=datetime, rgt=rgt, cycle=cycle, region=region, limit=limit, ids=ids
        )
        return ItemIndex(self._source, search)

    def __len__(self) -> int:
        return sum(len(rows) for rows in self._rows.values())

    def __iter__(self) -> Iterator[pystac.Item]:
        return map(self._item, self.dictionaries())

    @property
    def ids(self) -> list[str]:
        """Ids of the items."""
        return [each for table in self._tables(["id"]) for each in table["id"].to_pylist()]

    def item(self, granule: str) -> pystac.Item:
        """One item. Raises :class:`~catalog_builder.errors.ItemNotFoundError`."""
        for item in self.search(ids=[granule]):
            return item
        raise ItemNotFoundError(
            f"{self!r} holds no granule {granule!r}: an id is a file name without .h5, "
            "and a search by bbox, datetime, rgt or cycle lists those that are there."
        )

    def dictionaries(self) -> Iterator[Item]:
        """The items as plain dictionaries, exactly as their files in the catalog hold them."""
        for table in self._tables():
            yield from to_items(table)

    def to_table(self, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows, in the stac-geoparquet layout; all columns unless some are named."""
        import pyarrow as pa

        wanted = list(self._source.schema.names if columns is None else columns)
        empty = self._source.schema.empty_table().select(wanted)
        return pa.concat_tables([empty, *(table.select(wanted) for table in self._tables(wanted))])

    def to_geodataframe(self) -> geopandas.GeoDataFrame:
        """The rows as a GeoDataFrame: one per item, its footprint as geometry."""
        import geopandas

        return geopandas.GeoDataFrame.from_arrow(self.to_table())

    def __repr__(self) -> str:
        asked = str(self._search) or "all items"
        return f"<ItemIndex {self._source.address.folder}: {asked}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return ItemIndex, (self._source, self._search)

    @cached_property
    def _rows(self) -> dict[int, NDArray[np.int64]]:
        """What the search finds: row group, and rows in it."""
        found = dict(self._find())
        left = self._search.limit
        if left is None:
            return found
        limited = {}
        for group, rows in found.items():
            limited[group] = rows[:left]
            left -= len(limited[group])
        return {group: rows for group, rows in limited.items() if len(rows)}

    def _find(self) -> Iterator[tuple[int, NDArray[np.int64]]]:
        import shapely

        search, source = self._search, self._source
        groups = [g for g in range(source.groups) if search.may_be_in(source.ranges(g))]
        if not search.columns:
            yield from ((group, np.arange(source.rows(group))) for group in groups)
            return
        keys = source.read(groups, search.columns)
        counts = np.cumsum([source.rows(group) for group in groups])
        hits = np.split(search.candidates(keys), counts[:-1]) if groups else []
        candidates = {g: np.flatnonzero(hit) for g, hit in zip(groups, hits, strict=True)}
        for group, rows in candidates.items():
            if len(rows) and search.boxes:
                footprints = source.read([group], ["geometry"])["geometry"].take(rows)
                rows = rows[search.meets(shapely.from_wkb(footprints.to_numpy()))]
            if len(rows):
                yield group, rows

    def _tables(self, columns: list[str] | None = None) -> Iterator[pa.Table]:
        """The rows, a table for each row group."""
        for group, rows in self._rows.items():
            yield self._source.read([group], columns).take(rows)

    def _item(self, item: Item) -> pystac.Item:
        import pystac

        made = pystac.Item.from_dict(item)
        try:
            path = item_path(item["collection"], GranuleName.parse(item["id"]))
        except NotATL03Error:  # an index made by others, whose layout is not known
            return made
        made.set_self_href(self._source.address.href(path))
        made.make_asset_hrefs_absolute()
        return made


class IndexFile:
    """The Parquet file behind an index, opened at first use; safe to use from several threads."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        return IndexFile, (self.address,)

    @property
    def groups(self) -> int:
        """How many row groups there are."""
        return int(self._file.metadata.num_row_groups)

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema of the rows."""
        return self._file.schema_arrow

    def rows(self, group: int) -> int:
        """Rows of a row group."""
        return int(self._file.metadata.row_group(group).num_rows)

    def ranges(self, group: int) -> Callable[[str], Range | None]:
        """The smallest and largest values of a row group's columns, from the footer."""
        row_group = self._file.metadata.row_group(group)

        def of(column: str) -> Range | None:
            found = row_group.column(self._columns[column]).statistics
            return (found.min, found.max) if found is not None and found.has_min_max else None

        return of

    def read(self, groups: Sequence[int], columns: Sequence[str] | None = None) -> pa.Table:
        """The rows of some row groups; all columns unless some are named."""
        file = self._file
        with self.address.reading(INDEX), self._lock:
            return file.read_row_groups(list(groups), columns and list(columns))

    @cached_property
    def _columns(self) -> dict[str, int]:
        """Number of each leaf column by its path: ``bbox.xmin``."""
        schema = self._file.schema
        return {schema.column(number).path: number for number in range(len(schema))}

    @cached_property
    def _file(self) -> pq.ParquetFile:
        """The open file; its footer is read."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        opened = self.address.open(INDEX)
        weakref.finalize(self, opened.close)
        with self.address.reading(INDEX):
            try:
                file = pq.ParquetFile(opened, pre_buffer=True)
            except pa.ArrowException:
                raise
            except ValueError:  # the host does not serve ranges
                file = pq.ParquetFile(io.BytesIO(self.address.read(INDEX)))
        if missing := [key for key in (*KEYS, "geometry") if key not in file.schema_arrow.names]:
            raise CatalogError(
                f"{self.address.href(INDEX)} is no item index: it lacks {', '.join(missing)}."
            )
        return file


def open_index(
    dir_or_url: str | Path, *, storage_options: Mapping[str, Any] | None = None
) -> ItemIndex:
    """The searchable index of a published catalog: :meth:`ItemIndex.open`."""
    return ItemIndex.open(dir_or_url, storage_options=storage_options)


def open_table(path: Path) -> pq.ParquetFile | None:
    """The index in a local file; None where there is none, or it is of another make."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except (FileNotFoundError, pa.ArrowException):
        return None
    return file if set(KEYS) <= set(file.schema_arrow.names) else None
