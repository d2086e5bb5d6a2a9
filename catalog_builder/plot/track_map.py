"""A small map of a track: polar-stereographic near a pole, equirectangular elsewhere."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

POLAR_LATITUDE: Final = 55.0
"""A track that lies poleward of this latitude as a whole is drawn around its pole."""

TRACK_COLOUR: Final = "#d7263d"
_GRID: Final = {"color": "#5b6b7b", "linewidth": 0.5, "alpha": 0.55}
_LABEL: Final = {"size": 7.5, "color": "#33404d"}
_MOST_POINTS: Final = 2000


def import_cartopy() -> None:
    """Import cartopy, also where this process has no home folder.

    cartopy looks for one when it is imported, to name a place for what it downloads. Nothing is
    downloaded here, so any name will do until it is imported. Raises ImportError without cartopy.
    """
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = os.devnull
        try:
            import cartopy
        finally:
            del os.environ["HOME"]
    else:
        import cartopy  # noqa: F401


def draw_track(
    figure: Figure, place: tuple[float, float, float, float], lon: Floats, lat: Floats
) -> Any:
    """Draw the track into a part of the figure (left, bottom, width, height); gives the axes.

    ``lon`` and ``lat``, degrees, in the order of flight; the dot is where it begins. The
    background is the shaded relief that cartopy brings along (Natural Earth, public domain):
    nothing is downloaded.
    """
    import_cartopy()
    from cartopy import crs

    every = max(1, len(lon) // _MOST_POINTS)
    lon, lat = lon[::every], lat[::every]
    middle = float(np.degrees(np.angle(np.mean(np.exp(1j * np.radians(lon))))))
    polar = bool(np.abs(lat).min() >= POLAR_LATITUDE)
    projection: Any
    if polar:
        north = lat[0] > 0
        projection = (crs.NorthPolarStereo if north else crs.SouthPolarStereo)(
            central_longitude=0.0
        )
    else:
        projection = crs.PlateCarree(central_longitude=middle)
    axes: Any = figure.add_axes(place, projection=projection)
    points = projection.transform_points(crs.PlateCarree(), lon, lat)[:, :2]
    if polar:
        _frame_pole(axes, projection, lon, lat)
    else:
        _frame_box(axes, points)
    _draw_relief(axes, projection)
    # Already projected, and a track is no longer than a map: no line to cut at ±180.
    axes.plot(*points.T, color="white", linewidth=4.2, solid_capstyle="round", zorder=4)
    axes.plot(*points.T, color=TRACK_COLOUR, linewidth=2.2, solid_capstyle="round", zorder=5)
    axes.plot(
        *points[0], "o", color=TRACK_COLOUR, markeredgecolor="white", markersize=6.5, zorder=6
    )
    axes.spines["geo"].set(edgecolor="#5b6b7b", linewidth=0.8)
    return axes


def _frame_pole(axes: Any, projection: Any, lon: Floats, lat: Floats) -> None:
    """A round map from the pole out to some degrees beyond the track."""
    from cartopy import crs
    from matplotlib.path import Path as PlotPath
    from matplotlib.ticker import FixedLocator

    sign = 1.0 if lat[0] > 0 else -1.0
    edge = min(60.0, np.floor((np.abs(lat).min() - 4.0) / 5.0) * 5.0)
    radius = abs(projection.transform_point(0.0, sign * edge, crs.PlateCarree())[1])
    axes.set_extent([-radius, radius, -radius, radius], crs=projection)
    turn = np.linspace(0.0, 2.0 * np.pi, 181)
    circle = 0.5 + 0.5 * np.column_stack([np.sin(turn), np.cos(turn)])
    axes.set_boundary(PlotPath(circle), transform=axes.transAxes)
    axes.gridlines(
        xlocs=FixedLocator(range(-180, 180, 30)),
        ylocs=FixedLocator([sign * parallel for parallel in (50, 60, 70, 80)]),
        zorder=3,
        **_GRID,
    )
    for meridian in range(-180, 180, 90):
        x, y = projection.transform_point(meridian, sign * edge, crs.PlateCarree())
        axes.text(
            *(0.5 + 0.5 * 1.15 * np.array([x, y]) / radius),
            _degrees(meridian, "EW"),
            transform=axes.transAxes,
            ha="center",
            va="center",
            **_LABEL,
        )
    # Where no meridian is drawn, and the track is far.
    free = max((45.0, 135.0, -45.0, -135.0), key=lambda place: _turned(lon, place).min())
    for parallel in (60, 70, 80):
        if parallel > edge:
            x, y = projection.transform_point(free, sign * parallel, crs.PlateCarree())
            text = _degrees(sign * parallel, "NS")
            axes.text(x, y, text, ha="center", va="center", zorder=3, **_LABEL)


def _turned(lon: Floats, place: float) -> Floats:
    """Degrees from one meridian to others, the shorter way round."""
    return np.abs((lon - place + 180.0) % 360.0 - 180.0)


def _frame_box(axes: Any, points: Floats) -> None:
    """A map around the track, at least 25 degrees on a side, and no wider than Earth."""
    from matplotlib.ticker import FixedLocator

    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    half = max(12.5, 0.6 * float(np.ptp(points, axis=0).max()))
    west, east = max(middle[0] - half, -180.0), min(middle[0] + half, 180.0)
    south, north = max(middle[1] - half, -90.0), min(middle[1] + half, 90.0)
    axes.set_extent([west, east, south, north], crs=axes.projection)
    step = 10 if half <= 20 else 20 if half <= 40 else 60
    lines = axes.gridlines(
        # All of them by name: left to itself, the locator loses those beyond ±180.
        xlocs=FixedLocator(range(-180, 180, step)),
        ylocs=FixedLocator(range(-80, 90, step)),
        draw_labels=["left", "bottom"],
        zorder=3,
        **_GRID,
    )
    lines.xlabel_style = lines.ylabel_style = _LABEL


def _draw_relief(axes: Any, projection: Any) -> None:
    """The bundled relief as an image in the map's own projection.

    Sampled here, for cartopy's ``stock_img`` needs SciPy to do so.
    """
    import cartopy
    from cartopy import crs
    from matplotlib.image import imread

    folder = Path(cartopy.config["repo_data_dir"], "raster", "natural_earth")
    relief = imread(folder / "50-natural-earth-1-downsampled.png")
    rows, columns = relief.shape[:2]
    (west, east), (south, north) = axes.get_xlim(), axes.get_ylim()
    x, y = np.meshgrid(np.linspace(west, east, 500), np.linspace(north, south, 500))
    places = crs.PlateCarree().transform_points(projection, x, y)
    row = np.clip((90.0 - places[..., 1]) / 180.0 * rows - 0.5, 0, rows - 1.001)
    column = (places[..., 0] + 180.0) / 360.0 * columns - 0.5
    image = np.zeros((*row.shape, 3))
    for down in (0, 1):  # bilinear: a pixel is half a degree
        for over in (0, 1):
            at_row, at_column = np.floor(row) + down, np.floor(column) + over
            weight = (1 - np.abs(row - at_row)) * (1 - np.abs(column - at_column))
            pixels = relief[at_row.astype(int), at_column.astype(int) % columns]
            image += weight[..., np.newaxis] * pixels
    pale = 0.35 + 0.65 * image
    axes.imshow(
        pale, extent=(west, east, south, north), origin="upper", transform=projection, zorder=1
    )


def _degrees(value: float, signs: str) -> str:
    if abs(value) in (0, 180) and signs == "EW":
        return f"{abs(value):.0f}°"
    return f"{abs(value):.0f}°{signs[0] if value > 0 else signs[1]}"
