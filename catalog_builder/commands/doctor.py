"""``catalog-builder doctor``: checks login, credentials and network, and says what to do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from catalog_builder.commands.terminal import emit_json, json_option

if TYPE_CHECKING:
    from catalog_builder.doctor import Check


@click.command()
@click.argument(
    "folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path, file_okay=False)
)
@click.option("--price", type=click.FloatRange(min=0), help="Of a core-hour, for DIR's estimate.")
@json_option
@click.pass_context
def doctor(
    context: click.Context, folder: Path | None, price: float | None, as_json: bool
) -> None:
    """Look at all that opening a granule takes, and say what to do.

    Your login, its token, S3 keys, the region, and whether CMR, Earthdata Login, S3 and HTTPS
    can be reached. For the catalog in DIR, also what indexing it takes, by five of its granules,
    which are read. The exit code is 1 where something failed. No secret is shown.
    """
    from catalog_builder.doctor import diagnose

    diagnosis = diagnose(None if as_json else _tell, folder, price)
    if as_json:
        emit_json(diagnosis.to_dict())
    if not diagnosis.healthy:
        context.exit(1)


def _tell(check: Check) -> None:
    click.echo(f"{check.state:7}  {check.name:11}  {check.found}")
    if check.advice:
        click.echo(f"{'':7}  {'':11}  -> {check.advice}")
