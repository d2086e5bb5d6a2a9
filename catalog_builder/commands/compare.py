"""``catalog-builder compare``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from catalog_builder.commands.asking import definition_argument, login_option, open_client
from catalog_builder.commands.screen import (
    emit_facts,
    emit_json,
    json_option,
    note,
    progress_bars,
)

if TYPE_CHECKING:
    from catalog_builder.catalog.compare import Side
    from catalog_builder.catalog.definition import Definition


@click.command()
@definition_argument
@login_option
@json_option
def compare(definition: Definition, login: bool, as_json: bool) -> None:
    """Compare cloud and on-premises for a DEFINITION: counts, and what is on one side only."""
    from catalog_builder.catalog.compare import compare as compare_sides

    with open_client(login=login) as client, progress_bars() as report:
        found = compare_sides(definition, client, progress=report)
    for side in (found.cloud, found.on_premises):
        for name, reason in side.unusable:
            note(f"{side.provider}: {name} is left out: {reason}")
    if as_json:
        emit_json(found)
        return
    emit_facts(
        [
            ("in the cloud", _counted(found.cloud)),
            ("on premises", _counted(found.on_premises)),
            ("in both", found.both),
            ("only in the cloud", len(found.only_cloud)),
            ("only on premises", len(found.only_on_premises)),
            ("in another revision", len(found.other_revision)),
        ]
    )
    for title, ids in (
        ("only in the cloud", found.only_cloud),
        ("only on premises", found.only_on_premises),
        ("in another revision", [f"{here}  {there}" for here, there in found.other_revision]),
    ):
        if ids:
            click.echo(f"\n{title}:")
            for one in ids:
                click.echo(f"  {one}")


def _counted(side: Side) -> str:
    listed = "" if side.listed == side.granules else f"; CMR lists {side.listed:,}"
    return f"{side.granules:,} granules of release {side.version} ({side.collection}){listed}"
