"""``catalog-builder demo``."""

from __future__ import annotations

import time
from pathlib import Path

import click


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo"),
    show_default=True,
    help="Folder for what it makes.",
)
def demo(out: Path) -> None:
    """Do the whole pipeline against a stand-in of NASA's services: no network, no account.

    From CMR's records to a catalog, and from the catalog to photons in xarray and a plot.
    """
    from catalog_builder.demo import run

    began = time.perf_counter()
    for number, step in enumerate(run(out), start=1):
        click.secho(f"{number}. {step.title}", bold=True)
        for line in step.lines:
            click.echo(f"   {line}")
        click.echo()
    click.echo(f"Done in {time.perf_counter() - began:.0f} s; what it made is in {out}.")
