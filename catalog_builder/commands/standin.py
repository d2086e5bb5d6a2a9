"""``catalog-builder standin``: starts the cloud of a demo again."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import Final

import click

from catalog_builder.commands.terminal import note, write

_LOOK_SECONDS: Final = 0.5


@click.command()
@click.argument(
    "folder",
    metavar="[DIR]",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo"),
)
def standin(folder: Path) -> None:
    """Start the cloud of the demo in DIR again, until Ctrl-C: its granules open meanwhile.

    Prints the environment in which they do, as shell lines for another terminal.
    """
    from catalog_builder.demo import cloud_again

    with cloud_again(folder) as cloud:
        try:
            note(f"The cloud of {folder} is there until Ctrl-C. In another terminal:")
            for name, value in cloud.environment.items():
                write(f"export {name}={shlex.quote(value)}")
            note(f"# then, for instance: catalog-builder find {folder / 'catalog'}")
            while True:
                # Short, since Ctrl-C just before a wait begins is only noticed when it ends.
                time.sleep(_LOOK_SECONDS)
        except KeyboardInterrupt:
            note("Stopped.")
