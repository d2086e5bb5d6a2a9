"""``catalog-builder serve``: hosts a catalog on this machine."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import click

from catalog_builder.commands.terminal import note, write

_LOOK_SECONDS: Final = 0.5


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Port on 127.0.0.1; 0 chooses a free one.",
)
def serve(folder: Path, port: int) -> None:
    """Host the catalog in DIR on this machine until Ctrl-C, with CORS and ranges."""
    from catalog_builder.catalog.serve import Host

    with Host(folder, port=port) as host:
        try:
            note(f"page:    {host.url}/")
            note(f"intake:  intake.open_catalog('{host.url}/catalog.yml')")
            note("Ctrl-C stops it.")
            write(f"{host.url}/catalog.json")  # last: who reads it may stop it at once
            while True:
                # Short, since Ctrl-C just before a wait begins is only noticed when it ends.
                time.sleep(_LOOK_SECONDS)
        except KeyboardInterrupt:
            note("Stopped.")
