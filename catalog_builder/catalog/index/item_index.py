"""``items.parquet``: the items of a catalog in one file that is searched where it lies.

Rows are sorted by region, then year, then from west to east, in groups of 2,000, so that a search
over HTTP reads the few groups that can hold what it looks for, and of those first only the columns
it tests.

Others read it too: geopandas as it is, DuckDB without any extension (its geometry is a GEOMETRY).
There, a box across ±180 has ``bbox.xmin > bbox.xmax``, and a search has to let such items in::

    SELECT id, assets.data.href FROM 'items.parquet'
    WHERE bbox.ymin <= $north AND bbox.ymax >= $south
      AND CASE WHEN bbox.xmin <= bbox.xmax THEN bbox.xmin <= $east AND bbox.xmax >= $west
               ELSE bbox.xmin <= $east OR bbox.xmax >= $west END

finds all items near a box with west <= east, and for these thin tracks some that miss it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from catalog_builder.catalog.index.catalog_location import Address
from catalog_builder.catalog.index.lookup import PublishedItem, catalog_document
from catalog_builder.catalog.index.reader import IndexFile
from catalog_builder.catalog.index.search import Search
from catalog_builder.catalog.index.to_arrow import to_items
from catalog_builder.errors import ItemNotFoundError
from catalog_builder.geo.window import Moment

if TYPE_CHECKING:
    import geopandas
    import pyarrow as pa
    import pystac

    from catalog_builder.catalog.index.ground_tracks import GroundTracks

_FIRST: Final = 1
"""Row groups that a search with a limit looks at first."""


class ItemIndex:
    """A catalog's items, or those that a search found. Immutable; nothing is read until needed.

    Everything that lists items does so by region, then year, then from west to east. Pickles to
    its address and its conditions.
    """

    def __init__(self, source: IndexFile, search: Search) -> None:
        self._source = source
        self._search = search

    @classmethod
    def open(
        cls, dir_or_url: str | Path | Address, *, storage_options: Mapping[str, Any] | None = None
    ) -> ItemIndex:
        """The index of the catalog in a folder or behind a URL.

        ``storage_options`` are for the URL, as fsspec takes them. Nothing is read here: a wrong
        address shows at first use, as :class:`~catalog_builder.errors.CatalogNotFoundError`.
        """
        return cls(IndexFile(Address.parse(dir_or_url, storage_options)), Search())

    def search(
        self,
        *,
        bbox: Sequence[float] | str | None = None,
        intersects: Any = None,
        datetime: Moment | Sequence[Moment] = None,
        rgt: int | None = None,
        cycle: int | None = None,
        region: int | None = None,
        orbit_state: str | None = None,
        revision: int | None = None,
        precise: bool = False,
        limit: int | None = None,
        ids: Collection[str] | None = None,
    ) -> ItemIndex:
        """The items among these for which all conditions hold.

        ``bbox``: west, south, east, north, degrees; west > east crosses ±180. ``intersects``: a
        GeoJSON Polygon or MultiPolygon, a feature of one, or what has a ``__geo_interface__``
        (:mod:`catalog_builder.geo.area` tells how it is read across ±180 and around the poles). An
        item is found where its footprint itself meets them; with ``precise``, where one of its
        beams' ground tracks does, for items that carry them: the footprint is 12 km wide.

        ``datetime``: one time or an interval, ``A/B``, ``A/..``, a pair; a date is the whole day.
        ``rgt``, ``cycle``, ``region``: numbers of the track, the 91-day cycle and the part of the
        revolution. ``orbit_state``: ``ascending``, ``descending``, or ``crossing``, which are
        those of regions 4 and 11, where the flight turns. ``revision``: number of the granule's
        revision, from 1. ``limit``: the most to find, once all conditions hold.

        Raises :class:`~catalog_builder.errors.WindowError` for a condition that cannot be.
        """
        search = self._search.narrowed(
            bbox=bbox,
            intersects=intersects,
            interval=datetime,
            rgt=rgt,
            cycle=cycle,
            region=region,
            orbit_state=orbit_state,
            revision=revision,
            precise=precise,
            limit=limit,
            ids=ids,
        )
        return ItemIndex(self._source, search)

    def __len__(self) -> int:
        return sum(len(rows) for rows in self._rows.values())

    def __contains__(self, granule: object) -> bool:
        """Whether an item of this id is among these; the others are not listed for it."""
        if not isinstance(granule, str):
            return False
        if self._search.limit is None:
            return len(self.search(ids=[granule])) > 0
        return granule in self.ids

    def __iter__(self) -> Iterator[pystac.Item]:
        return map(self._item, self.dictionaries())

    @property
    def is_open(self) -> bool:
        """Whether the index was read from before, by whatever search."""
        return self._source.is_open

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

    def dictionaries(self) -> Iterator[PublishedItem]:
        """The items as dictionaries, exactly as their files in the catalog hold them."""
        for table in self._tables(slowly=True):
            for item in to_items(table):
                yield PublishedItem(item, catalog_document(item, self._source.address))

    def to_table(self, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows, in the stac-geoparquet layout; all columns unless some are named."""
        import pyarrow as pa

        wanted = list(self._source.schema.names if columns is None else columns)
        empty = self._source.schema.empty_table().select(wanted)
        return pa.concat_tables([empty, *self._tables(wanted)])

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
        left = self._search.limit
        found: dict[int, NDArray[np.int64]] = {}
        if left == 0:
            return found
        for group, rows in self._find():
            found[group] = rows if left is None else rows[:left]
            if left is not None:
                left -= len(found[group])
                if left == 0:
                    break
        return found

    def _find(self) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """Row groups that hold hits, in order, and which rows those are."""
        search, source = self._search, self._source
        groups = search.groups(source.groups, source.ranges)
        if not search.columns:
            yield from ((group, np.arange(source.rows(group))) for group in groups)
            return
        # With a limit the first groups may do; else all keys are fetched at once.
        count = len(groups) if search.limit is None else _FIRST
        while groups:
            yield from self._find_in(groups[:count])
            groups, count = groups[count:], count * 2

    def _find_in(self, groups: list[int]) -> Iterator[tuple[int, NDArray[np.int64]]]:
        search, source = self._search, self._source
        # Ids are wanted next, and lie side by side with the other keys.
        keys = source.read(groups, list(dict.fromkeys([*search.columns, "id"])))
        counts = np.cumsum([source.rows(group) for group in groups])[:-1]
        candidates, sure = search.candidates(keys)
        found = dict(zip(groups, np.split(candidates, counts), strict=True))
        unsure = dict(zip(groups, np.split(candidates & ~sure, counts), strict=True))
        rows = {group: np.flatnonzero(mask) for group, mask in unsure.items() if mask.any()}
        for group, met in self._meeting(rows):
            found[group][rows[group][~met]] = False
        for group, mask in found.items():
            if mask.any():
                yield group, np.flatnonzero(mask)

    def _meeting(
        self, rows: dict[int, NDArray[np.int64]]
    ) -> Iterator[tuple[int, NDArray[np.bool_]]]:
        """Which of some rows of row groups meet all places, by their own shapes."""
        search, source = self._search, self._source
        tracks = self._tracks(rows) if search.precise else {}
        untold = [group for group in rows if search.needs_footprints(tracks.get(group))]
        for group in rows.keys() - set(untold):
            yield group, search.meets(None, tracks[group])
        for group, table in source.read_each(untold, ["geometry"]):
            footprints = table["geometry"].take(rows[group]).to_numpy()
            yield group, search.meets(footprints, tracks.get(group))

    def _tracks(self, rows: dict[int, NDArray[np.int64]]) -> dict[int, GroundTracks]:
        """Ground tracks of some rows of row groups; none where the index has none at all."""
        from catalog_builder.catalog.index.ground_tracks import TRACKS, GroundTracks

        if TRACKS not in self._source.schema.names:
            return {}
        return {
            group: GroundTracks(table[TRACKS].take(rows[group]))
            for group, table in self._source.read_each(list(rows), [TRACKS])
        }

    def _tables(
        self, columns: list[str] | None = None, *, slowly: bool = False
    ) -> Iterator[pa.Table]:
        """The rows, a table for each row group."""
        for group, table in self._source.read_each(list(self._rows), columns, slowly=slowly):
            rows = self._rows[group]
            yield table if len(rows) == len(table) else table.take(rows)

    def _item(self, item: PublishedItem) -> pystac.Item:
        import pystac

        made = pystac.Item.from_dict(dict(item))
        # What the item says of itself does not count: it would decide which files it may name.
        made.set_self_href(item.document)
        with suppress(ValueError):  # pystac's, of what is no URL: it shows when it is opened
            made.make_asset_hrefs_absolute()
        return made


def open_index(
    dir_or_url: str | Path, *, storage_options: Mapping[str, Any] | None = None
) -> ItemIndex:
    """The searchable index of a published catalog: :meth:`ItemIndex.open`."""
    return ItemIndex.open(dir_or_url, storage_options=storage_options)
