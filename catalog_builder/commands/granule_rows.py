"""How granules that were found are listed: a table, or their links."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final, Literal

import click

from catalog_builder.commands.terminal import emit_table, note, write

Links = Literal["s3", "https"]

links_option: Final = click.option(
    "--links", type=click.Choice(["s3", "https"]), help="List only links, one on each line."
)


class NumbersType(click.ParamType["list[int]"]):
    """A whole number, or several with commas between."""

    name = "numbers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read them; the search says which numbers there are."""
        if not isinstance(value, str):
            return value
        try:
            return [int(part) for part in value.split(",")]
        except ValueError:
            self.fail(f"{value!r}: expected a whole number, or several: 12,13.", param, ctx)


def where_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the place, the time, and the numbers of a granule: those of all searches."""
    for decorator in (
        click.option("--region", type=NumbersType(), help="Parts of the revolution, 1 to 14."),
        click.option("--cycle", type=NumbersType(), help="91-day cycles, from 1."),
        click.option("--rgt", type=NumbersType(), help="Reference ground tracks, 1 to 1387: 5,6."),
        click.option(
            "--datetime", metavar="A/B", help="Time or interval: 2019-01-01/2019-06-30, 2019/.."
        ),
        click.option(
            "--area",
            metavar="AREA",
            help="A file (.geojson, .shp, .gpkg, .parquet), GeoJSON, WKT; a point or a line with "
            "a distance: '-134.5,58.6 + 5 km', 'river.gpkg + 500 m'.",
        ),
        click.option("--bbox", metavar="W,S,E,N", help="Box, degrees; W > E crosses ±180."),
    ):
        command = decorator(command)
    return command


def emit_granules(items: Iterable[Mapping[str, Any]]) -> None:
    """A row for each STAC item."""
    emit_table(
        ("id", "start", "track", "cycle", "region", "MB"),
        (
            (
                item["id"],
                _second(item["properties"]["start_datetime"]),
                f"{item['properties']['sat:relative_orbit']:04d}",
                f"{item['properties']['sat:orbit_cycle']:02d}",
                f"{item['properties']['icesat2:region']:02d}",
                _megabytes(item),
            )
            for item in items
        ),
        spare=("region", "track", "cycle", "start"),  # an id holds them too
    )


def emit_links(items: Iterable[Mapping[str, Any]], links: Links) -> None:
    """A link on each line; a message names each item without one."""
    for item in items:
        if href := asset_of(item, "data" if links == "s3" else "https").get("href"):
            write(href)
        else:
            note(f"{item['id']} has no {links} link.")


def asset_of(item: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """An asset; empty if the item lacks it."""
    return item["assets"].get(key) or {}


def _second(time: datetime | str) -> str:
    """A time to the second, in UTC, of text or of a time."""
    return str(time)[:19].replace("T", " ")


def _megabytes(item: Mapping[str, Any]) -> int | None:
    sizes = (asset_of(item, key).get("file:size") for key in ("data", "https"))
    size = next((one for one in sizes if one is not None), None)
    return None if size is None else round(size / 1e6)
