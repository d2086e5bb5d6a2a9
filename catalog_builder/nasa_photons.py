"""Checks of photons at NASA: the same bits by each way, README's call, and its plot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog_builder.errors import CatalogError

if TYPE_CHECKING:
    import xarray as xr


def require_same(found: xr.Dataset, expected: xr.Dataset | None) -> None:
    """Raise CatalogError unless all variables have the same bits."""
    if expected is None or set(found.variables) != set(expected.variables):
        raise CatalogError("There is nothing to compare with, or other variables.")
    for name, variable in expected.variables.items():
        if found[name].values.tobytes() != variable.values.tobytes():
            raise CatalogError(f"{name} differs.")


def check_photons(item: Any, area: Sequence[float], beam: str, expected: xr.Dataset | None) -> str:
    """Photons of the area are as many as those of the beam; and as README asks for them."""
    from catalog_builder.photons.open_photons import open_photons

    found = open_photons([item], list(area), beams=[beam])
    if expected is None or found.sizes["photon"] != expected.sizes["photon"]:
        raise CatalogError(f"{found.sizes['photon']} photons, unlike open_beam.")
    good = open_photons([item], list(area), beams="strong", good=True)
    passes = found.sizes["track_pass"]
    return (
        f"{found.sizes['photon']} photons of {passes} pass; good ones of strong beams: "
        f"{good.sizes['photon']} of {good.sizes['track_pass']}"
    )


def check_plot(item: Any, area: Sequence[float], path: Path) -> str:
    """README's plot, as a file at a path.

    Raises :class:`~catalog_builder.errors.MissingExtraError` where matplotlib is not installed.
    """
    from catalog_builder.photons.open_photons import open_photons
    from catalog_builder.plot.passes_plot import plot_photons

    photons = open_photons([item], list(area), beams="strong")
    plot_photons(photons).savefig(path)
    return f"{path.stat().st_size:,} bytes"
