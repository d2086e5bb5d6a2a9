"""The command line, run in this process."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from catalog_builder.cli import main

FIJI = str(Path(__file__).parent.parent.parent / "catalogs" / "fiji")
"""A definition that is shipped."""


def run(*arguments: object) -> Result:
    """``catalog-builder`` with these arguments."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])
