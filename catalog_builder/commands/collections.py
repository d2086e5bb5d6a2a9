"""``catalog-builder collections``: lists the collections of a product in CMR."""

from __future__ import annotations

import click

from catalog_builder.commands.cmr_options import login_option, open_client
from catalog_builder.commands.terminal import (
    emit_json,
    emit_table,
    json_option,
    note,
    progress_bars,
)


@click.command()
@click.option("--short-name", default="ATL03", show_default=True, help="The product.")
@click.option("--version", help="The release, such as 007.")
@click.option("--provider", help="The archive, such as NSIDC_CPRD.")
@click.option(
    "--cloud/--on-premises",
    "cloud",
    default=None,
    help="Only collections in the cloud, or only others.",
)
@login_option
@json_option
def collections(
    short_name: str,
    version: str | None,
    provider: str | None,
    cloud: bool | None,
    login: bool,
    as_json: bool,
) -> None:
    """List the collections of a product in CMR: concept id, title, version, cloud or not."""
    with open_client(login=login) as client, progress_bars("asking CMR"):
        found = client.collections(
            short_name=short_name, version=version, provider=provider, cloud_hosted=cloud
        )
    if not found:
        note(f"CMR at {client.url} has no such collection of {short_name}.")
    if as_json:
        emit_json(found)
        return
    emit_table(
        ("concept id", "version", "provider", "cloud", "granules", "title"),
        (
            (one.concept_id, one.version, one.provider, one.cloud_hosted, one.granule_count,
             one.title)
            for one in found
        ),
        spare=("cloud", "granules", "provider"),
    )  # fmt: skip
