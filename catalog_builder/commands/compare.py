"""``catalog-builder compare``: compares the cloud with on-premises or with a STAC API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from catalog_builder.commands.cmr_options import definition_argument, login_option, open_client
from catalog_builder.commands.terminal import (
    emit_facts,
    emit_json,
    json_option,
    note,
    progress_bars,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from catalog_builder.catalog.compare.comparison import (
        Comparison,
        Side,
        StacComparison,
        StacSide,
    )
    from catalog_builder.catalog.definition import Definition


@click.command()
@definition_argument
@click.option(
    "--stac",
    "stac_url",
    metavar="URL",
    help="Landing page of a STAC API to compare with, instead of on-premises.",
)
@click.option(
    "--collection",
    metavar="ID",
    help="The STAC API's collection; by default the one named like ATL03_007.",
)
@click.option(
    "--only",
    metavar="NAME",
    help="Which collection of the definition, ATL08, where it has several.",
)
@login_option
@json_option
def compare(
    definition: Definition,
    stac_url: str | None,
    collection: str | None,
    only: str | None,
    login: bool,
    as_json: bool,
) -> None:
    """Compare the cloud with on-premises, or with a STAC API, for a DEFINITION.

    Gives counts, and the granules on one side only. No login is sent to a STAC API.
    """
    definition = definition.only(only)
    if stac_url is not None:
        found = _with_stac(definition, stac_url, collection, login=login)
        _note_left_out("CMR", found.cloud)
        _note_left_out("the STAC API", found.stac)
        _note_missing(found.stac)
        if as_json:
            emit_json(found)
        else:
            _show_stac(found)
        return
    if collection is not None:
        raise click.UsageError("--collection is a collection of a STAC API: it needs --stac URL.")
    from catalog_builder.catalog.compare.comparison import compare as compare_sides

    with open_client(login=login) as client, progress_bars("asking CMR") as report:
        sides = compare_sides(definition, client, progress=report)
    for side in (sides.cloud, sides.on_premises):
        _note_left_out(side.provider, side)
    if as_json:
        emit_json(sides)
    else:
        _show(sides)


def _with_stac(
    definition: Definition, url: str, collection: str | None, *, login: bool
) -> StacComparison:
    from catalog_builder.catalog.compare.comparison import compare_with_stac
    from catalog_builder.extras import needing

    with needing("build", "--stac"):
        from catalog_builder.catalog.compare.stac_api import StacApi

    with (
        StacApi.open(url) as api,
        open_client(login=login) as client,
        progress_bars("asking CMR") as report,
    ):
        return compare_with_stac(definition, client, api, collection=collection, progress=report)


def _show(found: Comparison) -> None:
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
    _list("only in the cloud", found.only_cloud)
    _list("only on premises", found.only_on_premises)
    _list("in another revision", [f"{here}  {there}" for here, there in found.other_revision])


def _show_stac(found: StacComparison) -> None:
    stac = found.stac
    releases = f"release {' and '.join(stac.releases)} " if stac.releases else ""
    listed = "" if stac.listed == stac.granules else f"; it lists {stac.listed:,} items"
    emit_facts(
        [
            ("in CMR's cloud", _counted(found.cloud)),
            (
                "in the STAC API",
                f"{stac.granules:,} granules of {releases}({stac.collection}){listed}",
            ),
            ("in both", found.both),
            ("only in CMR's cloud", len(found.only_cloud)),
            ("only in the STAC API", len(found.only_stac)),
            ("in another revision", len(found.other_revision)),
            ("of unknown footprint", len(stac.unplaced) or None),
        ]
    )
    _list("only in CMR's cloud", found.only_cloud)
    _list("only in the STAC API", found.only_stac)
    _list("in another revision", [f"{here}  {there}" for here, there in found.other_revision])
    _list("only in the STAC API, without a usable footprint", stac.unplaced)


def _list(title: str, ids: Sequence[str]) -> None:
    if ids:
        write(f"\n{title}:")
        for granule in ids:
            write(f"  {granule}")


def _note_left_out(where: str, side: Side | StacSide) -> None:
    for name, reason in side.unusable:
        note(f"{where}: {name} is left out: {reason}")
    if more := side.left_out - len(side.unusable):
        note(f"{where}: {more:,} more are left out.")


def _note_missing(stac: StacSide) -> None:
    if stac.matched is not None and stac.matched != stac.listed:
        note(f"The STAC API counts {stac.matched:,} items but returned {stac.listed:,}.")


def _counted(side: Side) -> str:
    listed = "" if side.listed == side.granules else f"; CMR lists {side.listed:,}"
    return f"{side.granules:,} granules of release {side.version} ({side.collection}){listed}"
