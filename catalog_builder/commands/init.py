"""``catalog-builder init``: writes the definition of a catalog."""

from __future__ import annotations

from pathlib import Path

import click

from catalog_builder.commands.terminal import note, write
from catalog_builder.errors import DefinitionError


@click.command()
@click.argument("name", type=click.Path(path_type=Path))
@click.option("--bbox", metavar="W,S,E,N", help="Box, degrees; W > E crosses ±180.")
@click.option(
    "--area", metavar="AREA", help="In place of --bbox: the box around it (see search --help)."
)
@click.option("--datetime", metavar="A/B", help="Time or interval: 2019-01-01/2019-06-30, 2019/..")
@click.option("--title", help="Title of the catalog; by default made of its name.")
@click.option("--version", default="007", show_default=True, help="Release of ATL03.")
@click.option(
    "--provider", default="NSIDC_CPRD", show_default=True, help="CMR's name of the archive."
)
def init(
    name: Path,
    bbox: str | None,
    area: str | None,
    datetime: str | None,
    title: str | None,
    version: str,
    provider: str,
) -> None:
    """Write NAME/definition.toml, the definition of a catalog, for a place and a time.

    Without either, the catalog is of the whole release. A definition that is there already is
    left as it is.
    """
    from catalog_builder.catalog.definition import FILE_NAME, Definition
    from catalog_builder.geo.area_input import read_area
    from catalog_builder.geo.window import parse_interval
    from catalog_builder.safe_folder import SafeFolder

    if bbox and area:
        raise click.UsageError("Give the area by --bbox or --area, not both.")
    place = bbox or area
    made = Definition(
        name=name.name,
        title=title or f"ATL03 of {name.name.replace('-', ' ').replace('_', ' ')}",
        short_name="ATL03",
        version=version,
        provider=provider,
        bounding_box=read_area(place).box if place else None,
        temporal=parse_interval(datetime) if datetime else (None, None),
    )
    made = Definition.read(made.name, made.to_toml())
    file = name / FILE_NAME
    SafeFolder(name).make_root()
    try:
        SafeFolder(name).write(FILE_NAME, made.to_toml().encode(), over=False)
    except FileExistsError as error:
        raise DefinitionError(f"{file} is there already: it is left as it is.") from error
    write(file)
    note(f"Next: catalog-builder build {file} --out {name / 'public'}")
