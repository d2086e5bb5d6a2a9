"""A place in kilometres around its middle: the map of what is too short for a map of the Earth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

EARTH: Final = 6371.0
"""Mean radius, kilometres."""

LONGEST: Final = 600.0
"""Kilometres of a track that is drawn in a map of its own: that of the Earth shows a dot, or
little more."""

_MOST_POINTS: Final = 5_000
_INK: Final = "#33404d"
_PALE: Final = "#55626f"


def kilometres(lon: Floats, lat: Floats) -> tuple[Floats, Floats, str, str]:
    """Kilometres east and north of the middle of places, and how that middle is called.

    ``lon`` and ``lat`` are degrees; right at the poles and across ±180 too.
    """
    lon, lat = np.radians(lon), np.radians(lat)
    places = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    middle = (places.min(axis=1) + places.max(axis=1)) / 2
    middle /= max(float(np.linalg.norm(middle)), 1e-9)
    at_lon, at_lat = np.arctan2(middle[1], middle[0]), np.arcsin(np.clip(middle[2], -1, 1))
    east = EARTH * np.cos(lat) * np.sin(lon - at_lon)
    north = EARTH * (
        np.sin(lat) * np.cos(at_lat) - np.cos(lat) * np.sin(at_lat) * np.cos(lon - at_lon)
    )
    meridian, parallel = np.degrees([at_lon, at_lat])
    return (
        east,
        north,
        f"km east of {_degrees(meridian, 'EW')}",
        f"km north of {_degrees(parallel, 'NS')}",
    )


def is_short(lon: Floats, lat: Floats) -> bool:
    """Whether a track has a map of its own, with that of the Earth as a locator."""
    east, north, _, _ = kilometres(lon, lat)
    return float(np.hypot(np.ptp(east), np.ptp(north))) <= LONGEST


def draw_zoom(
    figure: Figure, place: tuple[float, float, float, float], lon: Floats, lat: Floats, colour: str
) -> Any:
    """Draw a track into a part of the figure (left, bottom, width, height); gives the axes.

    ``lon`` and ``lat``, degrees, in the order of flight; the dot is where it begins.
    """
    every = max(1, len(lon) // _MOST_POINTS)
    east, north, across, along = kilometres(lon[::every], lat[::every])
    axes: Any = figure.add_axes(place)
    axes.plot(east, north, color=colour, linewidth=2.2, solid_capstyle="round")
    axes.plot(east[0], north[0], "o", color=colour, markeredgecolor="white", markersize=6.5)
    axes.set_aspect("equal", adjustable="datalim", anchor="C")
    axes.margins(0.12)
    axes.set_xlabel(across, color=_INK, size=8.5)
    axes.set_ylabel(along, color=_INK, size=8.5)
    axes.grid(color="#e3e7ec", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.locator_params(nbins=4)
    axes.tick_params(colors=_PALE, labelsize=7.5, length=3)
    for name, spine in axes.spines.items():
        spine.set(color="#b4bdc7", visible=name in ("bottom", "left"))
    return axes


def _degrees(value: float, signs: str) -> str:
    return f"{abs(value):.2f}° {signs[0] if value >= 0 else signs[1]}"
