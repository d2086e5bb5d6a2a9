"""``catalog-builder find``: searches a published catalog."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import click

from catalog_builder.commands.granule_options import catalog_argument
from catalog_builder.commands.terminal import emit_json, emit_table, json_option, note, write
from catalog_builder.errors import WindowError
from catalog_builder.products.granule_name import OrbitState

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
@click.option("--bbox", metavar="W,S,E,N", help="Box, degrees; W > E crosses ±180.")
@click.option("--intersects", metavar="GEOJSON", help="Polygons: a file, or GeoJSON text.")
@click.option("--datetime", metavar="A/B", help="Time or interval: 2019-01-01/2019-06-30, 2019/..")
@click.option("--rgt", type=int, help="Reference ground track, 1 to 1387.")
@click.option("--cycle", type=int, help="91-day cycle, from 1.")
@click.option("--region", type=int, help="Part of the revolution, 1 to 14.")
@click.option(
    "--orbit-state",
    type=click.Choice(get_args(OrbitState)),
    help="Direction of flight; crossing in regions 4 and 11, where it changes.",
)
@click.option("--revision", type=int, help="Revision of the granule, from 1.")
@click.option(
    "--precise",
    is_flag=True,
    help="Test ground tracks of beams, of items that have them, instead of the footprint.",
)
@click.option("--limit", type=int, help="Most granules to list.")
@click.option(
    "--links", type=click.Choice(["s3", "https"]), help="List only links, one on each line."
)
@json_option
def find(
    catalog: str,
    links: Literal["s3", "https"] | None,
    as_json: bool,
    intersects: str | None,
    **conditions: Any,
) -> None:
    """Search the published catalog at DIR_OR_URL; no server is needed.

    A granule is found if its footprint meets the box and the polygons. --json gives the STAC items
    as a GeoJSON feature collection.
    """
    from catalog_builder.catalog.index.item_index import ItemIndex
    from catalog_builder.catalog.index.search_arguments import SearchArguments

    polygons = None if intersects is None else _geojson(intersects)
    arguments = SearchArguments.parse(intersects=polygons, **conditions)
    found = ItemIndex.open(catalog).search(arguments)
    if as_json:
        emit_json({"type": "FeatureCollection", "features": list(found.dictionaries())})
    elif links is not None:
        key = "data" if links == "s3" else "https"
        for row in _rows(found):
            if href := _asset(row, key).get("href"):
                write(href)
            else:
                note(f"{row['id']} has no {links} link.")
    else:
        emit_table(
            ("id", "start", "track", "cycle", "region", "MB"),
            (
                (
                    row["id"],
                    f"{row['start_datetime']:%Y-%m-%d %H:%M:%S}",
                    f"{row['sat:relative_orbit']:04d}",
                    f"{row['sat:orbit_cycle']:02d}",
                    f"{row['icesat2:region']:02d}",
                    _megabytes(row),
                )
                for row in _rows(found)
            ),
        )
    note(f"{len(found):,} granule{'' if len(found) == 1 else 's'} found.")


def _geojson(text: str) -> str:
    """The text itself, or that of the file that it names."""
    if text.lstrip().startswith("{"):
        return text
    try:
        return Path(text).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise WindowError(f"The polygons in {text} cannot be read: {error}.") from error


def _rows(found: ItemIndex) -> Iterator[dict[str, Any]]:
    return iter(found.to_table(_COLUMNS).to_pylist())


def _asset(row: dict[str, Any], key: str) -> dict[str, Any]:
    """An asset; empty if the item lacks it."""
    return row["assets"].get(key) or {}


def _megabytes(row: dict[str, Any]) -> int | None:
    size = _asset(row, "data").get("file:size")
    return None if size is None else round(size / 1e6)
