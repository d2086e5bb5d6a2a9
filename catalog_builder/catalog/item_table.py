"""STAC Items as rows of an Arrow table in the stac-geoparquet layout, and back.

An item becomes a line of JSON and its geometry as WKB (:func:`row_of`), which can lie on disk
until half a million of them are sorted; pyarrow reads such lines into columns many times faster
than dictionaries are converted. The columns are always the same, so that the same items give the
same table however they came together, and a row becomes the very item that it was.
Specification: https://github.com/stac-utils/stac-geoparquet/blob/main/spec/stac-geoparquet-spec.md
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson
import shapely

from catalog_builder.catalog.item_references import BEAM_FACTS
from catalog_builder.catalog.item_schema import item_schema
from catalog_builder.errors import CatalogError

if TYPE_CHECKING:
    import pyarrow as pa

Item = dict[str, Any]
"""A STAC Item as JSON has it; its times are in UTC and end in ``Z``."""

_SIDES: Final = ("xmin", "ymin", "xmax", "ymax")
_TIMES: Final = ("datetime", "start_datetime", "end_datetime", "created", "updated")
_MARK: Final = f'"{BEAM_FACTS}":'.encode()


class Row(NamedTuple):
    """An item on its way into a table."""

    line: bytes
    """JSON object with a field for each column but the geometry, in one line."""
    wkb: bytes
    """The geometry."""

    @property
    def has_beams(self) -> bool:
        """Whether the granule's beams were indexed."""
        return _MARK in self.line


def row_of(item: Item, wkb: bytes | None = None) -> Row:
    """The row of an item; ``wkb`` is its geometry where that is at hand."""
    columns = {
        **item,
        **item["properties"],
        "bbox": dict(zip(_SIDES, item["bbox"], strict=True)),
    }
    del columns["properties"], columns["geometry"]
    if wkb is None:
        wkb = shapely.to_wkb(shapely.geometry.shape(item["geometry"]))
    return Row(orjson.dumps(columns), wkb)


def read_rows(rows: Iterable[Row], *, beams: bool) -> pa.Table:
    """A table of rows, in their order; ``beams``: with the columns of indexed granules.

    Raises :class:`~catalog_builder.errors.CatalogError` for a row with a field that no column is
    for.
    """
    import pyarrow as pa
    import pyarrow.json as pj

    rows, schema = list(rows), item_schema(beams=beams)
    if not rows:
        return schema.empty_table()
    place = schema.get_field_index("geometry")
    body = b"\n".join(row.line for row in rows)
    try:
        table = pj.read_json(
            io.BytesIO(body),
            read_options=pj.ReadOptions(block_size=len(body) + 1, use_threads=False),
            parse_options=pj.ParseOptions(
                explicit_schema=schema.remove(place), unexpected_field_behavior="error"
            ),
        )
    except pa.ArrowInvalid as error:
        raise CatalogError(f"An item does not fit the columns of the index: {error}.") from error
    geometry = pa.array([row.wkb for row in rows], pa.binary())
    return table.add_column(place, schema.field(place), geometry).cast(schema)


def sort_rows(table: pa.Table) -> pa.Table:
    """Rows by region, then year, then from west to east, then start, then id.

    So a row group holds one part of the revolution in one year, and of it the tracks side by side:
    a search by place and time reads few groups.
    """
    import pyarrow.compute as pc

    west, year = pc.struct_field(table["bbox"], "xmin"), pc.year(table["start_datetime"])
    keys = table.select(["icesat2:region", "start_datetime", "id"])
    keys = keys.append_column("west", west).append_column("year", year)
    order = ("icesat2:region", "year", "west", "start_datetime", "id")
    rows = pc.sort_indices(keys, [(name, "ascending") for name in order])
    return table.take(rows).combine_chunks()


class Place(NamedTuple):
    """Where a row has its place among others: they are sorted by this."""

    region: int
    year: int
    west: float
    start: int
    """Microseconds since 1970."""
    id: str


def last_place(table: pa.Table) -> Place:
    """Place of the last row of a table."""
    row = table.slice(len(table) - 1).combine_chunks()
    start = row["start_datetime"][0]
    return Place(
        row["icesat2:region"][0].as_py(),
        start.as_py().year,
        row["bbox"][0]["xmin"].as_py(),
        start.value,
        row["id"][0].as_py(),
    )


def to_table(items: Iterable[Item]) -> pa.Table:
    """A row per item, sorted."""
    rows = list(map(row_of, items))
    return sort_rows(read_rows(rows, beams=any(row.has_beams for row in rows)))


def to_items(table: pa.Table) -> Iterator[Item]:
    """The items of the rows, each as it was: what a row has no value for is absent.

    ``datetime`` alone stays as null, which STAC asks for where an item has only an interval.
    """
    from stac_geoparquet.arrow import stac_table_to_items

    if len(table) == 0:
        return
    for row in stac_table_to_items(table):
        item = _present(row)
        properties = item["properties"]
        properties.setdefault("datetime", None)
        for key in _TIMES:
            if text := properties.get(key):
                properties[key] = _milliseconds(text)
        yield item


def _present(value: Any) -> Any:
    """The value without the fields that are null, at every depth."""
    if isinstance(value, dict):
        return {key: _present(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_present(inner) for inner in value]
    return value


def _milliseconds(text: str) -> str:
    """Time with as many decimals as our items have: three, or six where it takes them."""
    return f"{text[:-4]}Z" if text.endswith("000Z") else text
