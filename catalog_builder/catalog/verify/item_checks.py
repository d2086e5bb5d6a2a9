"""Checks items, and compares them with their rows in the index, thousands at a time.

Items and rows are compared as tables, column by column: comparing half a million one by one would
take an hour.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson
import shapely

from catalog_builder.catalog.footprint.bbox_union import cover
from catalog_builder.catalog.index.json_columns import fit
from catalog_builder.catalog.index.schema import extra_assets, has_siblings, item_schema
from catalog_builder.catalog.index.to_arrow import extra_assets_of, names_siblings, to_rows
from catalog_builder.catalog.stac.beam_assets import BEAM_FACTS
from catalog_builder.catalog.stac.item import Item
from catalog_builder.catalog.stac.layout import INDEX, item_path
from catalog_builder.errors import CatalogError, ProductError
from catalog_builder.products.granule_name import GranuleName

if TYPE_CHECKING:
    import pyarrow as pa

    from catalog_builder.catalog.index.catalog_location import CatalogLocation
    from catalog_builder.catalog.verify.problems import Problems

_AT_ONCE: Final = 16
"""Items that are fetched from a host at a time."""

_BOX_TOLERANCE: Final = 1e-6


def read_items(
    location: CatalogLocation, paths: Sequence[str], problem: Problems
) -> list[tuple[str, Item]]:
    """Read the items at these paths of a catalog; leaves out those that cannot be read."""

    def read(path: str) -> bytes | CatalogError:
        try:
            return location.read(path)
        except CatalogError as error:
            return error

    if location.path is not None:
        bodies = [read(path) for path in paths]
    else:
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            bodies = list(threads.map(read, paths))
    found: list[tuple[str, Item]] = []
    for path, body in zip(paths, bodies, strict=True):
        if isinstance(body, CatalogError):
            page = f"{posixpath.dirname(path)}/catalog.json"
            problem(page, f"has a link to an item that cannot be read: {body}")
            continue
        try:
            item = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            problem(path, f"is not JSON: {error}")
            continue
        if isinstance(item, dict):
            found.append((path, item))
        else:
            problem(path, "is not a JSON object")
    return found


def check_items(items: Sequence[tuple[str, Item]], problem: Problems) -> None:
    """Check the paths, geometries and boxes of items, which schemas do not."""
    for path, item in items:
        try:
            name = GranuleName.parse(str(item.get("id")))
            expected = item_path(str(item.get("collection")), name)
        except ProductError as error:
            problem(path, f"has an id that is not a granule's: {error}")
        else:
            if expected != path:
                text = (
                    f"is the item {item['id']} of {item['collection']}, whose path is {expected}"
                )
                problem(path, text)
    shapes = _shapes(items)
    invalid = ~shapely.is_valid(shapes) & ~shapely.is_missing(shapes)
    bounds = shapely.bounds(shapes)
    parts = shapely.get_num_geometries(shapes)
    for number, (path, item) in enumerate(items):
        if shapes[number] is None:
            problem(path, "has no usable geometry or bbox")
            continue
        if invalid[number]:
            reason = shapely.is_valid_reason(shapes[number])
            problem(path, f"has an invalid geometry: {reason}")
        box = bounds[number]
        if parts[number] > 1:
            box = cover(shapely.bounds(shapely.get_parts(shapes[number])), all_round=0)
        try:
            stated = np.asarray(item["bbox"], dtype=float)
            same = np.allclose(box, stated, rtol=0, atol=_BOX_TOLERANCE)
        except (KeyError, TypeError, ValueError) as error:
            problem(path, f"has no usable geometry or bbox: {error!r}")
            continue
        if not same:
            sides = [float(side) for side in box]
            problem(path, f"has the bbox {item['bbox']}, but its geometry has {sides}")


def compare_items(items: Sequence[tuple[str, Item]], table: pa.Table, problem: Problems) -> None:
    """Compare items with their rows in the index, given in the same order."""
    import pyarrow as pa

    beams = BEAM_FACTS in table.schema.names or any(
        BEAM_FACTS in item.get("properties", {}) for _, item in items
    )
    extra = extra_assets(table.schema) | extra_assets_of(one for _, one in items)
    siblings = has_siblings(table.schema) or any(map(names_siblings, (one for _, one in items)))
    schema = item_schema(beams=beams, extra=extra, siblings=siblings)
    geometries = shapely.to_wkb(_shapes(items)).tolist()
    try:
        expected = fit(table, schema)
    except CatalogError as error:
        problem(INDEX, str(error))
        return

    def check(first: int, last: int) -> None:
        """Compare some items with their rows; if they differ, compare each half, down to one."""
        reason = ""
        try:
            some = [item for _, item in items[first:last]]
            rows = to_rows(some, schema, geometries[first:last])
            if pa.Table.from_batches([rows]).equals(expected.slice(first, last - first)):
                return
        except (CatalogError, LookupError, TypeError, ValueError) as error:
            reason = f": {error}"
        if last - first == 1:
            problem(items[first][0], f"differs from its row in {INDEX}{reason}")
            return
        middle = (first + last) // 2
        check(first, middle)
        check(middle, last)

    check(0, len(items))


def _shapes(items: Sequence[tuple[str, Item]]) -> Any:
    """Geometries of items; None for one that cannot be read."""
    texts = np.array([_text(item.get("geometry")) for _, item in items], dtype=object)
    return shapely.from_geojson(texts, on_invalid="ignore")


def _text(geometry: Any) -> str | None:
    return orjson.dumps(geometry).decode() if isinstance(geometry, Mapping) else None
