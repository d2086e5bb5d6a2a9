"""``catalog-builder plot``: draws the photons of a beam."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from catalog_builder.commands.granule_options import (
    access_option,
    catalog_argument,
    granule_argument,
    window_options,
)
from catalog_builder.commands.terminal import note, progress_bars, write
from catalog_builder.products.atl03 import BEAMS

if TYPE_CHECKING:
    from catalog_builder.beams.storage.links import Access

_FORMATS: Final = (".png", ".svg", ".pdf", ".jpg")


@click.command()
@catalog_argument
@granule_argument
@click.option(
    "--beam",
    type=click.Choice(BEAMS, case_sensitive=False),
    default="gt1l",
    show_default=True,
    help="Which beam.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The picture to write: .png, .svg, .pdf or .jpg.",
)
@window_options
@access_option
def plot(
    catalog: str,
    granule: str,
    beam: str,
    out: Path,
    bbox: str | None,
    datetime: str | None,
    access: Access,
) -> None:
    """Draw a beam of the granule ID of the catalog at DIR_OR_URL: photon heights and track."""
    from catalog_builder.catalog.index.lookup import find_item
    from catalog_builder.opening.one_granule import open_beam
    from catalog_builder.plot.profile import plot_beam
    from catalog_builder.safe_folder import SafeFolder

    if out.suffix.lower() not in _FORMATS:
        raise click.BadParameter(f"{out} must end in {', '.join(_FORMATS)}.", param_hint="--out")
    with progress_bars(f"reading {beam}"):
        item = find_item(catalog, granule)
        photons = open_beam(item, beam, bbox=bbox, datetime=datetime, access=access)
    with progress_bars("drawing"):
        figure = plot_beam(photons)
        folder = SafeFolder(out.parent)
        folder.make_root()
        with folder.replacing(out.name) as part:
            figure.savefig(part, format=out.suffix[1:].lower())
    note(f"{photons.sizes['photon']:,} photons of {beam} drawn.")
    write(out)
