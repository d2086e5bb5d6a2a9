"""Options of the verbs that open granules: catalog, granule, window, access."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from collections.abc import Callable

catalog_argument: Final = click.argument("catalog", metavar="DIR_OR_URL")
granule_argument: Final = click.argument("granule", metavar="ID")
access_option: Final = click.option(
    "--access",
    type=click.Choice(["auto", "s3", "https", "local"]),
    default="auto",
    show_default=True,
    help="Where to read from; auto takes S3 if it answers, else HTTPS.",
)


def window_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--bbox`` and ``--datetime``."""
    command = click.option(
        "--datetime", metavar="A/B", help="Photons of this time or interval: 2019-01/.."
    )(command)
    return click.option(
        "--bbox", metavar="W,S,E,N", help="Photons in this box, degrees; W > E crosses ±180."
    )(command)
