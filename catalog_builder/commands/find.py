"""``catalog-builder find``: searches a published catalog."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from catalog_builder.catalog.index.search_arguments import SORTS
from catalog_builder.commands.granule_options import catalog_argument
from catalog_builder.commands.granule_rows import (
    Links,
    NumbersType,
    emit_granules,
    emit_links,
    links_option,
    where_options,
)
from catalog_builder.commands.terminal import emit_json, json_option, note, progress_bars
from catalog_builder.errors import WindowError
from catalog_builder.products.granule_name import OrbitState
from catalog_builder.system_files import require_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from catalog_builder.catalog.index.item_index import ItemIndex

_COLUMNS = (
    "id",
    "start_datetime",
    "sat:relative_orbit",
    "sat:orbit_cycle",
    "icesat2:region",
    "assets",
)


@click.command()
@catalog_argument
@where_options
@click.option("--intersects", metavar="GEOJSON", help="Polygons: a file, or GeoJSON text.")
@click.option(
    "--collection",
    "collections",
    multiple=True,
    help="A collection, ATL08_007, or a product, ATL08; may be repeated.",
)
@click.option(
    "--orbit-state",
    type=click.Choice(get_args(OrbitState)),
    help="Direction of flight; crossing in regions 4 and 11, where it changes.",
)
@click.option("--revision", type=NumbersType(), help="Revisions of the granule, from 1.")
@click.option(
    "--sortby",
    type=click.Choice(SORTS),
    default="datetime",
    show_default=True,
    help="By start, or the latest first.",
)
@click.option(
    "--precise",
    is_flag=True,
    help="Test ground tracks of beams, of items that have them, instead of the footprint.",
)
@click.option("--limit", type=int, help="Most granules to list.")
@links_option
@json_option
def find(
    catalog: str,
    links: Links | None,
    as_json: bool,
    intersects: str | None,
    collections: tuple[str, ...],
    **conditions: Any,
) -> None:
    """Search the published catalog at DIR_OR_URL; no server is needed.

    A granule is found if its footprint meets the box and the polygons. --json gives the STAC items
    as a GeoJSON feature collection.
    """
    from catalog_builder.catalog.index.item_index import ItemIndex
    from catalog_builder.catalog.index.search_arguments import SearchArguments

    polygons = None if intersects is None else _geojson(intersects)
    arguments = SearchArguments.parse(
        intersects=polygons, collections=collections or None, **conditions
    )
    index = ItemIndex.open(catalog)
    found = index.search(arguments)
    with progress_bars("searching"):
        counts = len(found), len(index)
    if as_json:
        emit_json({"type": "FeatureCollection", "features": list(found.dictionaries())})
    elif links is not None:
        emit_links(map(_row, _rows(found)), links)
    else:
        emit_granules(map(_row, _rows(found)))
    note(f"{counts[0]:,} of {counts[1]:,} granules found.")


def _geojson(text: str) -> str:
    """The text itself, or that of the file that it names."""
    if text.lstrip().startswith("{"):
        return text
    try:
        require_file(Path(text))
        return Path(text).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise WindowError(f"The polygons in {text} cannot be read: {error}.") from error


def _rows(found: ItemIndex) -> Iterator[dict[str, Any]]:
    return iter(found.to_table(_COLUMNS).to_pylist())


def _row(row: dict[str, Any]) -> dict[str, Any]:
    """A row of the index as an item."""
    return {"id": row["id"], "assets": row["assets"], "properties": row}
