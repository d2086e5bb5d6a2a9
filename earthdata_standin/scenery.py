"""Simulated trees and sea floors, whose truth is a formula: for pictures, and tests of classes.

Granules have them where they are made with ``scenery``: then photons of land come from the ground
and from trees of 5 to 30 m, and photons of the sea from its surface and from a floor 2 to 20 m
below. Without it they are as they always were.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from earthdata_standin.tracks import Floats

REFRACTION: Final = 1.34
"""How many times as deep a floor looks to ATL03, which takes water for air."""

SPREAD: Final = 0.15
"""Metres by which photons of one surface scatter (standard deviation)."""

NEAR: Final = 6 * SPREAD
"""Metres from a surface up to which a photon is of it."""

_FROM_TREES: Final = 0.55
_FROM_FLOOR: Final = 0.35
_TREE_LINE: Final = 65.0
"""Degrees of latitude beyond which no tree stands."""


def tree_height(x: Floats, left: float) -> Floats:
    """Height of the canopy's top above the ground, metres, 5 to 30, at places along the track."""
    stand = np.sin(x / 420.0 + left / 300.0) + 0.5 * np.sin(x / 37.0 + left / 90.0)
    return 5.0 + 25.0 * (0.5 + stand / 3.0)


def water_depth(x: Floats, left: float) -> Floats:
    """Depth of the sea floor below the surface, metres, 2 to 20: reefs, and lagoons between."""
    reef = np.sin(x / 650.0 + left / 2_000.0) + 0.3 * np.sin(x / 71.0 + left / 300.0)
    return 2.0 + 18.0 * (0.5 + reef / 2.6) ** 2


def is_wooded(surface: NDArray[np.int8], lat: Floats) -> NDArray[np.bool_]:
    """Whether trees stand there, by surface types of shape (places, 5)."""
    wooded: NDArray[np.bool_] = (surface[:, 0] == 1) & (np.abs(lat) < _TREE_LINE)
    return wooded


def is_sea(surface: NDArray[np.int8]) -> NDArray[np.bool_]:
    """Whether there is open water, no ice and no land."""
    sea: NDArray[np.bool_] = (surface[:, 1] == 1) & (surface[:, 0] == 0) & (surface[:, 2] == 0)
    return sea


def above_surface(
    x: Floats, left: float, lat: Floats, surface: NDArray[np.int8], rng: np.random.Generator
) -> Floats:
    """Height above the ground or water of each photon of signal, as ATL03 has it, metres."""
    scatter = np.clip(rng.normal(0.0, SPREAD, x.size), -NEAR, NEAR)
    chosen, within = rng.random(x.size), rng.beta(3.0, 1.5, x.size)
    trees = is_wooded(surface, lat) & (chosen < _FROM_TREES)
    floor = is_sea(surface) & (chosen < _FROM_FLOOR)
    tree = np.maximum(tree_height(x, left) * within, 2.0 * NEAR)
    return np.where(
        trees, tree, np.where(floor, scatter - REFRACTION * water_depth(x, left), scatter)
    )


def land_truth(above: NDArray[Any], segment: NDArray[Any]) -> NDArray[np.int8]:
    """ATL08's class of photons of signal, in order, by their height above the true ground."""
    found = np.where(np.abs(above) <= NEAR + 0.01, 1, np.where(above > 0, 2, 0)).astype(np.int8)
    highest = np.full(int(segment.max(initial=-1)) + 1, -np.inf)
    np.maximum.at(highest, segment, above)
    found[(found == 2) & (above == highest[segment])] = 3
    return found


def sea_truth(above: NDArray[Any]) -> NDArray[np.int8]:
    """ATL24's class, by height above the true surface: 41 surface, 40 floor, 1 other."""
    found = np.where(above < 0, 40, 1)
    return np.where(np.abs(above) <= NEAR + 0.01, 41, found).astype(np.int8)


def corrected(above: NDArray[Any], classes: NDArray[np.int8]) -> Floats:
    """Height above the surface with the floor where it is, not where it looks to be."""
    return np.where(classes == 40, above / REFRACTION, above)
