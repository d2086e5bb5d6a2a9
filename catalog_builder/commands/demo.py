"""``catalog-builder demo``: runs the whole pipeline against the stand-in of NASA's services."""

from __future__ import annotations

import time
from pathlib import Path

import click

from catalog_builder.commands.terminal import note, write


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo"),
    show_default=True,
    help="Folder for the results.",
)
def demo(out: Path) -> None:
    """Run the whole pipeline against a stand-in for NASA's services: no network, no account.

    From CMR's records to a catalog, and from the catalog to photons in xarray and a plot.
    """
    from catalog_builder.demo import run, started_again_by

    began = time.perf_counter()
    for number, step in enumerate(run(out), start=1):
        click.secho(f"{number}. {step.title}", bold=True)  # a title of our own
        for line in step.lines:
            write(f"   {line}")
        write("")
    write(f"Done in {time.perf_counter() - began:.0f} s; the results are in {out}.")
    note(f"The cloud has stopped. {started_again_by(out)} starts it again: then granules open.")
