"""``catalog-builder serve``."""

from __future__ import annotations

import threading
from pathlib import Path

import click

from catalog_builder.commands.screen import note


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Port on 127.0.0.1; 0 takes a free one.",
)
def serve(folder: Path, port: int) -> None:
    """Host the catalog in DIR on this machine until Ctrl-C, with CORS and ranges."""
    from catalog_builder.catalog.host import Host

    with Host(folder, port=port) as host:
        click.echo(f"{host.url}/catalog.json")
        note(f"intake:  intake.open_catalog('{host.url}/catalog.yml')")
        note("Ctrl-C ends it.")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            note("Ended.")
