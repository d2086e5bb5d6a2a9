"""``ItemIndex``: searches the items of a catalog in ``items.parquet``, without a server.

Rows are sorted by region, then year, then from west to east, in groups of 2,000. So a search over
HTTP reads only the few groups that can have hits, and of those first the columns that it tests.

Other tools read the file too, geopandas (``read_parquet(path, bbox=...)``) and DuckDB among them:
``bbox`` is that of STAC, which has west > east across ±180; ``covering`` holds planar boxes, from
-180 to 180 for such items (:mod:`~catalog_builder.catalog.index.covering`).
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

import orjson

from catalog_builder.catalog.index.catalog_location import CatalogLocation
from catalog_builder.catalog.index.harmony_request import indexed_request
from catalog_builder.catalog.index.hits import Rows, find_rows, row_tables
from catalog_builder.catalog.index.index_summary import counted, index_summary
from catalog_builder.catalog.index.near_ids import near_ids
from catalog_builder.catalog.index.published_item import PublishedItem, catalog_document
from catalog_builder.catalog.index.reader import IndexFile
from catalog_builder.catalog.index.search import Search
from catalog_builder.catalog.index.search_arguments import SearchArguments, SearchOptions
from catalog_builder.catalog.index.snapshot import Snapshot
from catalog_builder.catalog.index.to_arrow import to_items
from catalog_builder.catalog.stac.layout import INDEX, REPORT
from catalog_builder.errors import CatalogChangedError, CatalogError, ItemNotFoundError
from catalog_builder.extras import needing

if TYPE_CHECKING:
    import geopandas
    import harmony
    import pyarrow as pa
    import pystac

T = TypeVar("T")


class ItemIndex:
    """The items of a catalog, or those that a search finds. Nothing is read until needed.

    Items are listed by region, then year, then from west to east, unless ``sortby`` of the search
    says otherwise. Each call answers from one
    version of the catalog; after a rebuild, from the new one. Pickles to its location and
    conditions.
    """

    def __init__(self, source: IndexFile, search: Search) -> None:
        self._source = source
        self._search = search
        self._known: tuple[weakref.ref[Snapshot], dict[int, Rows]] | None = None

    @classmethod
    def open(
        cls,
        dir_or_url: str | Path | CatalogLocation,
        *,
        storage_options: Mapping[str, Any] | None = None,
    ) -> ItemIndex:
        """The index of the catalog in a folder or behind a URL.

        ``storage_options`` are for the URL, as fsspec takes them. Nothing is read here: with a
        wrong address, the first use raises
        :class:`~catalog_builder.errors.CatalogNotFoundError`.
        """
        return cls(IndexFile(CatalogLocation.parse(dir_or_url, storage_options)), Search())

    def search(
        self, arguments: SearchArguments | None = None, /, **conditions: Unpack[SearchOptions]
    ) -> ItemIndex:
        """The items among these for which all conditions hold.

        ``bbox``: west, south, east, north, degrees; west > east crosses ±180. ``intersects``: a
        GeoJSON Polygon or MultiPolygon, a feature of one, or an object with ``__geo_interface__``
        (how it is read across ±180 and around the poles: :mod:`catalog_builder.geo.area`).
        ``area``: any of these, WKT, a file, or a shape with a distance around it
        (:func:`~catalog_builder.geo.area_input.read_area`). An item is found if its footprint,
        12 km wide, meets them; with ``precise``, if the ground track of one of its beams does,
        for items that have tracks.

        ``datetime``: one time or an interval, ``A/B``, ``A/..``, a pair; a date is the whole day.
        ``rgt``, ``cycle``, ``region``, ``revision``: a number, or a list of such. ``sortby``:
        ``"datetime"``, the order of time, or ``"-datetime"``. ``collections``: one or several,
        ``"ATL08_007"``, or ``"ATL08"`` in any release. These, ``orbit_state``, ``limit`` and
        ``ids`` are the fields of
        :class:`~catalog_builder.catalog.index.search_arguments.SearchArguments`, which may be
        given instead.

        Raises :class:`~catalog_builder.errors.WindowError` for an impossible condition.
        """
        if arguments is None:
            arguments = SearchArguments.parse(**conditions)
        elif conditions or not isinstance(arguments, SearchArguments):
            raise TypeError("search() takes keyword arguments, or one SearchArguments.")
        return ItemIndex(self._source, self._search.narrowed(arguments))

    def __len__(self) -> int:
        found = self._answer(lambda _, rows: sum(map(len, rows.values())))
        most = self._search.limit
        return found if most is None else min(found, most)

    def __contains__(self, granule: object) -> bool:
        """Whether an item of this id is among these; found without listing the others."""
        if not isinstance(granule, str):
            return False
        if self._search.limit is None:
            return len(self.search(ids=[granule])) > 0
        return granule in self.ids

    def __iter__(self) -> Iterator[pystac.Item]:
        return map(self._item, self.dictionaries())

    @property
    def is_open(self) -> bool:
        """Whether this or another search has read the index already."""
        return self._source.is_open

    @property
    def folder(self) -> str:
        """Path or URL of the catalog's folder, without a query."""
        return self._source.location.folder

    @property
    def location(self) -> CatalogLocation:
        """The catalog as it was opened."""
        return self._source.location

    @property
    def collections(self) -> dict[str, int]:
        """Number of these items in each collection that has some, by the collection's id."""
        found = self.to_table(["collection"])["collection"].value_counts().to_pylist()
        return dict(sorted((str(one["values"]), int(one["counts"])) for one in found))

    def built(self) -> str | None:
        """When the catalog's last build ended, by its report; None where there is none."""
        try:
            report = orjson.loads(self._source.location.read(REPORT))
        except (CatalogError, ValueError):
            return None
        finished = report.get("finished") if isinstance(report, dict) else None
        return finished if isinstance(finished, str) else None

    @property
    def ids(self) -> list[str]:
        """Ids of the items."""
        return self._answer(
            lambda snapshot, rows: [
                granule
                for table in self._tables(snapshot, rows, ["id"])
                for granule in table["id"].to_pylist()
            ]
        )

    def item(self, granule: str) -> pystac.Item:
        """One item. Raises :class:`~catalog_builder.errors.ItemNotFoundError`."""
        for item in self.search(ids=[granule]):
            return item
        raise ItemNotFoundError(
            f"{self!r} has no granule {granule!r}.{near_ids(self.ids, granule)} An id is a file "
            "name without .h5; a search by bbox, datetime, rgt or cycle lists the ids that exist."
        )

    def dictionaries(self) -> Iterator[PublishedItem]:
        """The items as dictionaries, exactly as in their files in the catalog.

        All are of one version of the catalog. Raises
        :class:`~catalog_builder.errors.CatalogChangedError` if a rebuild replaces it after the
        first item was given, and the rest can no longer be read.
        """
        location = self._source.location
        for table in self._rows_by_group():
            items = to_items(table)
            while True:
                with location.reading(INDEX):  # rows may hold what is no item
                    item = next(items, None)
                if item is None:
                    break
                yield PublishedItem(item, catalog_document(item, location), location)

    def to_table(self, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows as an Arrow table in the stac-geoparquet layout; by default all columns."""
        import pyarrow as pa

        def read(snapshot: Snapshot, rows: dict[int, Rows]) -> pa.Table:
            names = list(snapshot.schema.names if columns is None else columns)
            empty = snapshot.schema.empty_table().select(names)
            return pa.concat_tables([empty, *self._tables(snapshot, rows, names)])

        return self._answer(read)

    def to_geodataframe(self) -> geopandas.GeoDataFrame:
        """The rows as a GeoDataFrame, one for each item, with its footprint as geometry."""
        with needing("geo", "A GeoDataFrame"):
            import geopandas

        table = self.to_table()
        with self._source.location.reading(INDEX):
            return geopandas.GeoDataFrame.from_arrow(table)

    def to_harmony(self, area: Any = None, variables: Any = None, **rest: Any) -> harmony.Request:
        """A request to NASA's Harmony for these granules, cut by area, time and variables.

        Arguments and errors are those of
        :func:`~catalog_builder.catalog.index.harmony_request.harmony_request`.
        """
        request = {"area": area, "variables": variables, **rest}
        return indexed_request(self.to_table, self.location, **request)

    def explore(self, **options: Any) -> Any:
        """A folium map of the footprints: geopandas' ``explore``, of the extra ``geo``."""
        with needing("geo", "A map to explore"):
            import folium  # noqa: F401  # geopandas imports it
        return self.to_geodataframe().explore(**options)

    def _repr_html_(self) -> str:
        return index_summary(self, str(self._search) or "all items")

    def __repr__(self) -> str:
        conditions = str(self._search) or "all items"
        counts = counted(self.collections) if self._known else ""  # nothing is read to be shown
        return f"<ItemIndex {self._source.location.folder}: {conditions}{counts}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return ItemIndex, (self._source, self._search)

    def _answer(self, read: Callable[[Snapshot, dict[int, Rows]], T]) -> T:
        """Call ``read`` with one version of the index and the rows found in it."""
        return self._source.answer(lambda snapshot: read(snapshot, self._find(snapshot)))

    def _find(self, snapshot: Snapshot) -> dict[int, Rows]:
        """The rows found in a version of the index; each version is searched once."""
        known = self._known
        if known is None or known[0]() is not snapshot:
            known = weakref.ref(snapshot), find_rows(self._search, snapshot)
            self._known = known
        return known[1]

    def _tables(
        self,
        snapshot: Snapshot,
        rows: dict[int, Rows],
        columns: list[str] | None,
        *,
        slowly: bool = False,
    ) -> Iterator[pa.Table]:
        """Some rows, a table for each row group; if they are sorted, one of all."""
        order, most = self._search.sortby, self._search.limit
        if order is None:
            yield from row_tables(snapshot, rows, columns, slowly=slowly)
            return
        import pyarrow as pa

        keys = ["start_datetime", "id"]
        names = snapshot.schema.names if columns is None else columns
        tables = [*row_tables(snapshot, rows, list(dict.fromkeys([*names, *keys])))]
        if tables:
            way: Any = "descending" if order.startswith("-") else "ascending"
            table = pa.concat_tables(tables).sort_by([(key, way) for key in keys])
            yield table.select(names).slice(0, most)

    def _rows_by_group(self) -> Iterator[pa.Table]:
        """All columns of the rows, a table for each row group, all of one version."""

        def begin(
            snapshot: Snapshot, rows: dict[int, Rows]
        ) -> tuple[Snapshot, Iterator[pa.Table], pa.Table | None]:
            tables = self._tables(snapshot, rows, None, slowly=True)
            return snapshot, tables, next(tables, None)

        snapshot, tables, first = self._answer(begin)
        if first is None:
            return
        yield first
        try:
            yield from tables
        except CatalogError as error:
            if not self._source.is_replaced(snapshot, error):
                raise
            raise CatalogChangedError(
                f"{self._source.location.href(INDEX)} was replaced by a rebuild while its items "
                "were listed: list them again."
            ) from error

    def _item(self, item: PublishedItem) -> pystac.Item:
        from catalog_builder.catalog.index.indexed_item import IndexedItem

        return IndexedItem.of(item)


def open_index(
    dir_or_url: str | Path, *, storage_options: Mapping[str, Any] | None = None
) -> ItemIndex:
    """The searchable index of a published catalog: :meth:`ItemIndex.open`."""
    return ItemIndex.open(dir_or_url, storage_options=storage_options)
