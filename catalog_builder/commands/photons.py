"""``catalog-builder photons``: writes the photons of an area to a file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from catalog_builder.commands.granule_options import access_option, catalog_argument
from catalog_builder.commands.terminal import (
    emit_facts,
    emit_json,
    json_option,
    note,
    progress_bars,
    write,
)
from catalog_builder.errors import AccessError, ConditionError, WindowError

if TYPE_CHECKING:
    from catalog_builder.beams.storage.links import Access

_CONDITION: Final = re.compile(
    r"\s*(?P<name>[\w/]+)(?:\.(?P<surface>\w+))?\s*(?P<operator><=|>=|==|!=|<|>| in )\s*"
    r"(?P<value>.+?)\s*"
)


@click.command()
@catalog_argument
@click.option(
    "--area", metavar="FILE", help="Polygons: GeoJSON, or any file that geopandas reads."
)
@click.option("--bbox", metavar="W,S,E,N", help="Box, degrees; W > E crosses ±180.")
@click.option("--datetime", metavar="A/B", help="Time or interval: 2019-01-01/2019-06-30, 2019/..")
@click.option("--beams", metavar="NAMES", help="strong, weak, or names separated by commas.")
@click.option(
    "--variables", metavar="NAMES", help="Names separated by commas; group/name for others."
)
@click.option(
    "--where",
    multiple=True,
    metavar="CONDITION",
    help="'signal_conf_ph.land_ice >= 3', 'quality_ph in 0,1'; all must hold.",
)
@click.option(
    "--classes",
    metavar="NAMES",
    help="Classes of siblings: atl08=DIR_OR_URL of their catalog, atl24=...; 'atl08?=...' where "
    "there are some.",
)
@click.option(
    "--heights",
    metavar="NAMES",
    help="Heights above others: geoid, geoid_mean_tide, sea_surface, above_dem.",
)
@click.option("--release", help="006 or 007, if the catalog has both.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The file to write: .parquet (GeoParquet), .nc, .zarr, .csv, .las or .laz.",
)
@click.option("--overwrite", is_flag=True, help="Replace the file, if there is one.")
@click.option("--skip", is_flag=True, help="Leave out granules that cannot be read.")
@click.option("--estimate", is_flag=True, help="Only estimate what reading takes.")
@access_option
@json_option
def photons(
    catalog: str,
    area: str | None,
    bbox: str | None,
    datetime: str | None,
    beams: str | None,
    variables: str | None,
    where: tuple[str, ...],
    classes: str | None,
    heights: str | None,
    release: str | None,
    out: Path | None,
    overwrite: bool,
    skip: bool,
    estimate: bool,
    access: Access,
    as_json: bool,
) -> None:
    """Write the photons of an area, of all granules of the catalog at DIR_OR_URL, to a file.

    A write that is interrupted is resumed, by pass, where the same command is given again.
    """
    from catalog_builder.photons.open_photons import plan_photons
    from catalog_builder.photons.writing.photon_files import WRITERS, write_photons
    from catalog_builder.progress import bytes_text
    from catalog_builder.safe_folder import SafeFolder

    if (area is None) == (bbox is None):
        raise WindowError("Give the area by one of --area and --bbox.")
    arguments: dict[str, Any] = {
        "area": bbox if area is None else Path(area),
        "datetime": datetime,
        "beams": beams if beams in ("strong", "weak") else _names(beams),
        "variables": _names(variables),
        "where": read_conditions(where),
        "classes": _names(classes),
        "heights": _names(heights),
        "release": release,
        "access": access,
    }
    if not estimate and (out is None or out.suffix.lower() not in WRITERS):
        raise click.BadParameter(
            f"expected a file that ends in {', '.join(WRITERS)}.", param_hint="--out"
        )
    note("Looking for granules near the area.")
    with progress_bars("looking for granules") as report:
        plan = plan_photons(catalog, **arguments, progress=report)
        facts: dict[str, Any] = {
            "granules": len(plan.granules),
            "passes": plan.passes,
            "requests": plan.requests,
            "bytes": plan.bytes,
            "photons at most": plan.photons,
            "granules without references": plan.without_references,
        }
        if not estimate:
            assert out is not None
            note(
                f"{plan.passes:,} passes of {len(plan.granules):,} granules: {plan.requests:,} "
                f"requests, {bytes_text(plan.bytes)}."
            )
            SafeFolder(out.parent).make_root()
            try:
                write_photons(
                    plan,
                    out,
                    overwrite=overwrite,
                    errors="warn" if skip else "raise",
                    progress=report,
                )
            except (KeyboardInterrupt, AccessError):
                note("Passes that were read are kept: the same command goes on from there.")
                raise
    if estimate and plan.without_references:
        why = next((one.problem for one in plan.granules if one.problem), None)
        note(
            "What granules without references take is not known, and not counted: "
            "`catalog-builder index CATALOG` makes them." + (f" {why}" if why else "")
        )
    if estimate and plan.failed:
        granule, error = next(iter(plan.failed.items()))
        note(
            f"{len(plan.failed)} of {len(plan.granules)} granules cannot be read, and --skip "
            f"leaves them out: {granule}: {error}"
        )
    if not estimate:
        write(out)
    elif as_json:
        emit_json(facts)
    else:
        emit_facts({**facts, "bytes": bytes_text(plan.bytes)}.items())


def read_conditions(texts: tuple[str, ...]) -> dict[str, Any]:
    """Conditions of the command line as ``open_photons`` takes them.

    Raises :class:`~catalog_builder.errors.ConditionError`, also for two on one variable.
    """
    where: dict[str, Any] = {}
    for text in texts:
        match = _CONDITION.fullmatch(text)
        if match is None:
            raise ConditionError(
                f"{text!r} is not a condition: expected 'signal_conf_ph.land_ice >= 3' or "
                "'quality_ph in 0,1'."
            )
        name, surface, sign, value = match.groups()
        test: Any = (
            [_value(part) for part in value.split(",")]
            if sign == " in "
            else (sign, _value(value))
        )
        known = where.setdefault(name, {}) if surface else where
        if (surface or name) in known:
            raise ConditionError(f"There are two conditions on {name}.")
        known[surface or name] = test
    return where


def _value(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text.strip().strip("'\"")


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",")]
