"""``catalog-builder doctor``: checks login, credentials and network, and says what to do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from catalog_builder.commands.terminal import emit_json, json_option, write

if TYPE_CHECKING:
    from catalog_builder.doctor import Check

_INDENT = 22
"""Of what was found: after the state and the name."""


@click.command()
@click.argument(
    "folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path, file_okay=False)
)
@click.option(
    "--price", type=click.FloatRange(min=0), help="Price of a core-hour, for DIR's estimate."
)
@json_option
@click.pass_context
def doctor(
    context: click.Context, folder: Path | None, price: float | None, as_json: bool
) -> None:
    """Check everything that opening a granule needs, and say what to do.

    This is your login, its token, S3 keys, the region, and whether CMR, Earthdata Login, S3 and
    HTTPS can be reached. With DIR, five granules of the catalog there are read to estimate what
    indexing it takes. The exit code is 1 if a check failed. No secret is shown.
    """
    from catalog_builder.doctor import diagnose

    diagnosis = diagnose(None if as_json else _show, folder, price)
    if as_json:
        emit_json(diagnosis.to_dict())
    if not diagnosis.healthy:
        context.exit(1)


def _show(check: Check) -> None:
    write(f"{check.state:7}  {check.name:11}  {check.found}", indent=_INDENT)
    if check.advice:
        write(f"{'':{_INDENT}}-> {check.advice}", indent=_INDENT + 3)
