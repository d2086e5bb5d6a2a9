"""``catalog-builder download``: saves granules, or their beams as NetCDF."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from catalog_builder.commands.granule_options import (
    access_option,
    catalog_argument,
    window_options,
)
from catalog_builder.commands.terminal import emit_json, json_option, note, progress_bars, write
from catalog_builder.products.atl03 import BEAMS

if TYPE_CHECKING:
    from catalog_builder.beams.storage.links import Access


@click.command()
@catalog_argument
@click.argument("granules", metavar="ID...", nargs=-1, required=True)
@click.option(
    "--to",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The folder to save to.",
)
@click.option(
    "--beam",
    "beams",
    type=click.Choice([*BEAMS, "all"], case_sensitive=False),
    multiple=True,
    help="Save this beam as NetCDF instead of the whole granule; may be repeated.",
)
@click.option(
    "--variables",
    metavar="NAME,...",
    help="With --beam: variables to save; group/name for any dataset.",
)
@click.option(
    "--classes",
    metavar="NAME,...",
    help="With --beam: atl08=CATALOG, atl24=CATALOG.",
)
@click.option("--heights", metavar="NAME,...", help="With --beam: heights above geoid, ...")
@click.option("--overwrite", is_flag=True, help="Replace beams that are saved there already.")
@window_options
@access_option
@json_option
def download(
    catalog: str,
    granules: tuple[str, ...],
    to: Path,
    beams: tuple[str, ...],
    variables: str | None,
    classes: str | None,
    heights: str | None,
    bbox: str | None,
    datetime: str | None,
    access: Access,
    as_json: bool,
    overwrite: bool,
) -> None:
    """Save granules of the catalog at DIR_OR_URL by their IDs, whole or as beams.

    Interrupted downloads of whole granules are resumed, and checksums verified. Beams become
    NetCDF files; one that is there already, perhaps of another window, is not replaced unless
    --overwrite says so. A local.yml beside them opens the saved files with intake, without
    network.
    """
    from catalog_builder.catalog.index.lookup import find_item
    from catalog_builder.saving import LOCAL_YML, save_beams, save_granules

    if not beams and (variables or classes or heights or bbox or datetime):
        raise click.UsageError(
            "--variables, --classes, --heights, --bbox and --datetime choose from a beam: name "
            "one with --beam."
        )
    with progress_bars("opening the granules") as report:
        items = [find_item(catalog, granule) for granule in granules]
        if beams:
            files = save_beams(
                items,
                to,
                beams=None if "all" in beams else [beam for beam in BEAMS if beam in beams],
                variables=variables.split(",") if variables else None,
                bbox=bbox,
                datetime=datetime,
                classes=classes.split(",") if classes else None,
                heights=heights.split(",") if heights else None,
                access=access,
                progress=report,
                overwrite=overwrite,
            )
        else:
            files = save_granules(items, to, access=access, progress=report)
    if as_json:
        emit_json({"files": files, "catalog": to / LOCAL_YML})
        return
    for file in files:
        write(file)
    note(f"intake.open_catalog({str(to / LOCAL_YML)!r}) opens these files.")
