"""A catalog of what the stand-in cloud holds, as a build publishes it."""

from __future__ import annotations

from pathlib import Path

from catalog_builder.catalog.build.build import build
from catalog_builder.catalog.definition import Definition


def publish(folder: Path, version: str = "007") -> Path:
    """Build a release from the CMR that the environment names; returns the folder."""
    definition = Definition(
        name="everything",
        title="All of it",
        short_name="ATL03",
        version=version,
        provider="NSIDC_CPRD",
    )
    build(definition, folder)
    return folder
