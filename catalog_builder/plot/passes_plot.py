"""Plots the photons of an area: heights of all passes, and a map of their tracks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from catalog_builder.errors import PhotonsError, VariableNotFoundError
from catalog_builder.extras import needing
from catalog_builder.plain_text import visible
from catalog_builder.plot.beam_photons import HEIGHT_NAMES
from catalog_builder.plot.track_zoom import EARTH, kilometres

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MOST_DRAWN: Final = 200_000
"""Photons drawn, at most; more are thinned."""

_MOST_ON_MAP: Final = 20_000
_HIGHEST: Final = 1e5
"""Metres; values beyond are fill values."""

_COLOURS: Final = "viridis"
"""Told apart by people who see colours otherwise, and in grey; its yellow end is left out."""

_INK: Final = "#33404d"
_PALE: Final = "#55626f"


def plot_photons(
    photons: xr.Dataset,
    *,
    against: Literal["distance", "time"] = "distance",
    colour: Literal["date", "cycle"] = "date",
    height: str = "h_ph",
    title: str | None = None,
) -> Figure:
    """Draw what :func:`~catalog_builder.open_photons` returned: all passes of an area.

    On the left heights (``height``, needed: ``h_ph``, or one of those that ``heights=`` adds, as
    ``h_geoid``): against the distance along each reference ground track
    from where its passes enter the area, so that the passes of all cycles lie above one another;
    or against time, where each pass is a column of its photons with a dot at their median. On the
    right a map of the tracks, in kilometres from the middle. ``colour`` tells the passes apart, by
    the ``date`` or the ``cycle``. More than 200,000 photons are thinned for the picture, never for
    a median.

    Returns the figure, free of pyplot: a notebook shows it, ``figure.savefig("area.png")`` saves
    it. Raises :class:`~catalog_builder.errors.PhotonsError` where no photon has a height, and
    :class:`~catalog_builder.errors.MissingExtraError` without matplotlib.
    """
    for name, value, known in (
        ("against", against, ("distance", "time")),
        ("colour", colour, ("date", "cycle")),
    ):
        if value not in known:
            raise ValueError(f"{name}={value!r}: expected {' or '.join(known)}.")
    with needing("plot", "A plot"):
        from matplotlib import colormaps
        from matplotlib.colors import BoundaryNorm, ListedColormap, Normalize

        from catalog_builder.plot.shown_figure import ShownFigure
    drawn = _drawn(photons, height)
    palette = ListedColormap(colormaps[_COLOURS](np.linspace(0.0, 0.9, 256)))
    days = _days(photons)
    norm: Any
    if colour == "cycle":
        values = photons["pass_cycle"].values.astype(np.float64)
        shown = np.arange(values[drawn.passes].min(), values[drawn.passes].max() + 2) - 0.5
        norm = BoundaryNorm(shown, palette.N)
    else:
        values = days
        first, last = values[drawn.passes].min(), values[drawn.passes].max()
        norm = Normalize(first, max(last, first + 1.0))
    figure = ShownFigure(figsize=(12.0, 5.0), dpi=150, facecolor="white")
    heights: Any = figure.add_axes((0.07, 0.12, 0.51, 0.69))
    tints = palette(norm(values[drawn.passes]))
    if against == "distance":
        _draw_distance(heights, photons, drawn, tints)
    else:
        _draw_time(heights, photons, drawn, days, palette(norm(values)))
    heights.set_ylim(*drawn.limits)
    heights.set_ylabel(HEIGHT_NAMES.get(height, f"{height} (m)"), color=_INK)
    map_axes: Any = figure.add_axes((0.655, 0.12, 0.235, 0.69))
    _draw_map(map_axes, photons, drawn, tints)
    for axes in (heights, map_axes):
        axes.grid(color="#e3e7ec", linewidth=0.7)
        axes.set_axisbelow(True)
        axes.tick_params(colors=_PALE, labelsize=8.5, length=3)
        for name, spine in axes.spines.items():
            spine.set(color="#b4bdc7", visible=name in ("bottom", "left"))
    bar_axes: Any = figure.add_axes((0.915, 0.12, 0.013, 0.69))
    _draw_bar(figure, bar_axes, palette, norm, colour)
    head, line = _titles(photons, drawn)
    # What stands in the data is text; only a title that was given may hold formulas.
    bold: Any = {"size": 14, "weight": "bold", "color": "#1c2733", "parse_math": title is not None}
    figure.text(0.07, 0.935, visible(title or head), **bold)
    figure.text(0.07, 0.885, visible(line), size=9, color=_PALE, parse_math=False)
    return figure


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawn:
    """Photons with a height."""

    height: Floats
    """Metres, of all photons."""
    rows: Integers
    """Those drawn, in random order: none hides all of another pass."""
    passes: Integers
    """Of each of them, its place along ``track_pass``."""
    count: int
    """How many have a height, those that are not drawn included."""
    every: int
    """One in so many is drawn."""
    limits: tuple[float, float]
    """Lowest and highest height shown, metres."""


def _drawn(photons: xr.Dataset, name: str) -> _Drawn:
    if name not in photons:
        raise VariableNotFoundError(
            f"A plot needs {name}; this Dataset has {', '.join(map(str, photons.data_vars))}."
        )
    height = photons[name].values
    sound = np.flatnonzero(np.abs(height) < _HIGHEST)
    if len(sound) == 0:
        raise PhotonsError("There is nothing to plot: no photon of this Dataset has a height.")
    shown = height[sound]
    if "signal_conf_ph" in photons:
        signal = shown[photons["signal_conf_ph"].values[sound].max(axis=-1) >= 2]
        shown = signal if len(signal) >= 20 else shown
    low, high = np.percentile(shown, [0.5, 99.5])
    room = max(0.15 * float(high - low), 2.0)
    every = -(-len(sound) // MOST_DRAWN)
    rows = np.random.default_rng(0).permutation(sound[::every])
    return _Drawn(
        height=height,
        rows=rows,
        passes=photons["track_pass_index"].values[rows].astype(np.int64),
        count=len(sound),
        every=every,
        limits=(float(low) - room, float(high) + room),
    )


def _days(photons: xr.Dataset) -> Floats:
    """Days since 1970 of each pass, as matplotlib counts them."""
    starts = photons["start"].values.astype("datetime64[s]").astype(np.int64)
    days: Floats = starts / 86_400.0
    return days


def _draw_distance(axes: Any, photons: xr.Dataset, drawn: _Drawn, tints: Any) -> None:
    distance = _distances(photons)[drawn.rows]
    known = np.isfinite(distance)
    axes.scatter(
        distance[known],
        drawn.height[drawn.rows][known],
        s=_size(len(drawn.rows)),
        c=tints[known],
        linewidths=0,
        rasterized=True,
    )
    axes.margins(x=0.01)
    axes.set_xlabel("Distance along each track, from where it enters (km)", color=_INK)


def _distances(photons: xr.Dataset) -> Floats:
    """Kilometres along track of each photon, from where the passes of its track enter."""
    index = photons["track_pass_index"].values
    if "x_atc" in photons.variables:
        along = photons["x_atc"].values / 1000.0
        track = photons["rgt"].values.astype(np.int64)[index]
    else:
        track, along = index, np.zeros(len(index))
        lon, lat = (photons[name].values for name in ("lon_ph", "lat_ph"))
        for one in np.unique(index):
            here = np.flatnonzero(index == one)
            along[here] = _arc(lon[here[0]], lat[here[0]], lon[here], lat[here])
    _, places = np.unique(track, return_inverse=True)
    entries = np.full(places.max() + 1, np.inf)
    np.fmin.at(entries, places, along)
    found: Floats = along - entries[places]
    return found


def _arc(lon: float, lat: float, to_lon: Floats, to_lat: Floats) -> Floats:
    """Kilometres on the sphere between a place and others, degrees."""
    north, to_north = np.radians(lat), np.radians(to_lat)
    half = np.sin((to_north - north) / 2) ** 2
    half += np.cos(north) * np.cos(to_north) * np.sin(np.radians(to_lon - lon) / 2) ** 2
    arc: Floats = 2 * EARTH * np.arcsin(np.sqrt(half))
    return arc


def _draw_time(axes: Any, photons: xr.Dataset, drawn: _Drawn, days: Floats, tints: Any) -> None:
    height, index = drawn.height, photons["track_pass_index"].values
    shown = np.unique(drawn.passes)
    span = max(float(np.ptp(days[shown])), 1.0)
    # Photons of a pass are taken within a second: they are spread over a column.
    spread = np.random.default_rng(1).uniform(-0.006, 0.006, len(drawn.rows)) * span
    axes.scatter(
        days[drawn.passes] + spread,
        height[drawn.rows],
        s=_size(len(drawn.rows)),
        c=tints[drawn.passes],
        alpha=0.45,
        linewidths=0,
        rasterized=True,
    )
    low, high = drawn.limits
    sound = (height >= low) & (height <= high)
    medians = [float(np.median(of)) if len(of := height[(index == one) & sound]) else np.nan
               for one in shown]  # fmt: skip
    axes.scatter(
        days[shown], medians, s=42, c=tints[shown], edgecolors="black", linewidths=0.9, zorder=4
    )
    axes.set_xlim(days[shown].min() - 0.03 * span, days[shown].max() + 0.03 * span)
    _date_axis(axes.xaxis)
    axes.set_xlabel("Time of the pass; the dot is the median of its photons", color=_INK)


def _draw_map(axes: Any, photons: xr.Dataset, drawn: _Drawn, tints: Any) -> None:
    every = max(1, len(drawn.rows) // _MOST_ON_MAP)
    rows = drawn.rows[::every]
    east, north, across, along = kilometres(
        photons["lon_ph"].values[rows], photons["lat_ph"].values[rows]
    )
    axes.scatter(east, north, s=4, c=tints[::every], linewidths=0, rasterized=True)
    axes.set_aspect("equal", adjustable="datalim", anchor="C")
    axes.set_xlabel(across, color=_INK)
    axes.set_ylabel(along, color=_INK)


def _draw_bar(figure: Any, axes: Any, palette: Any, norm: Any, colour: str) -> None:
    from matplotlib.cm import ScalarMappable

    bar = figure.colorbar(ScalarMappable(norm=norm, cmap=palette), cax=axes)
    bar.outline.set_visible(False)
    if colour == "cycle":
        cycles = ((norm.boundaries[:-1] + norm.boundaries[1:]) / 2).astype(int)
        bar.set_ticks(cycles[:: -(-len(cycles) // 12)].tolist())
        bar.minorticks_off()
        axes.set_title("Cycle", size=8.5, color=_INK)
    else:
        _date_axis(axes.yaxis)
        axes.set_title("Date", size=8.5, color=_INK)
    axes.tick_params(colors=_PALE, labelsize=8, length=2)


def _date_axis(axis: Any) -> None:
    from matplotlib import dates

    untyped: Any = dates
    locator = untyped.AutoDateLocator()
    axis.set_major_locator(locator)
    axis.set_major_formatter(untyped.ConciseDateFormatter(locator))


def _size(count: int) -> float:
    """Area of a photon's dot, points squared."""
    return float(np.clip(20_000.0 / count, 0.6, 6.0))


def _titles(photons: xr.Dataset, drawn: _Drawn) -> tuple[str, str]:
    shown = np.unique(photons["track_pass_index"].values)
    starts = photons["start"].values[shown]
    first, last = (np.datetime_as_string(one, unit="D") for one in (starts.min(), starts.max()))
    tracks = len(np.unique(photons["rgt"].values[shown]))
    cycles = len(np.unique(photons["pass_cycle"].values[shown]))
    passes = len(shown)
    line = (
        f"{passes} {'pass' if passes == 1 else 'passes'} of {tracks} "
        f"{'track' if tracks == 1 else 'tracks'} in {cycles} "
        f"{'cycle' if cycles == 1 else 'cycles'} · {drawn.count:,} photons"
    )
    if drawn.every > 1:
        line += f", 1 in {drawn.every} drawn"
    when = first if first == last else f"{first} to {last}"
    return f"ATL03 photons, {when}", line
