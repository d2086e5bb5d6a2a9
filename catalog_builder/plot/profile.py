"""Plots a beam: photon heights along the track, the surface they show, and a map of the track."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from catalog_builder.extras import needing
from catalog_builder.plain_text import visible
from catalog_builder.plot.beam_photons import BeamPhotons, in_parts, read_photons, shown_range
from catalog_builder.plot.surface_line import surface_line
from catalog_builder.plot.track_zoom import draw_zoom, is_short

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

MOST_PHOTONS: Final = 300_000
"""Photons drawn, at most; more are thinned."""

_NARROW_GAP: Final = 1.0
"""Kilometres without a photon that interrupt the line of the rolling mean."""

_MOST_MEANS: Final = 20_000
_LINE_COLOUR: Final = "#f08a24"

LINE: Final = "line"
"""Label of the line among the artists of an axes."""


def plot_beam(
    dataset: xr.Dataset,
    *,
    line: Literal["surface", "mean"] | None = "surface",
    window: int = 1000,
    height: str = "h_ph",
    title: str | None = None,
    inset: bool = True,
) -> Figure:
    """Draw a beam that :func:`~catalog_builder.open_beam` returned.

    Heights (``height``, needed: ``h_ph``, or one of those that ``heights=`` adds, as ``h_geoid``)
    against distance along track from the first photon, coloured by the class of ATL08 where
    ``class_atl08`` is there, else by the highest of a photon's five signal confidences where
    ``signal_conf_ph`` is. The line is the ``surface`` that the signal photons show (medium and
    high confidence, or ground by ATL08; all photons where neither is known), a height for each
    stretch of 20 m or more (:mod:`~catalog_builder.plot.surface_line`); or the ``mean`` of
    ``window`` photons in a row, signal or not, which noise pulls off the surface by metres.
    Beside it, with ``inset``, a map of the track; of one up to 600 km a map of its own, in
    kilometres from its middle, and a small one of where that is. Where far parts of a beam lie in
    one Dataset, each has its own panel. More than 300,000 photons are thinned for the picture,
    never for the line.

    Returns the figure, free of pyplot: a notebook shows it, ``figure.savefig("beam.png")`` saves
    it. Raises
    :class:`~catalog_builder.errors.EmptyBeamError` where no photon has a height and
    :class:`~catalog_builder.errors.MissingExtraError` without matplotlib and cartopy.
    """
    with needing("plot", "A plot"):
        from catalog_builder.plot.shown_figure import ShownFigure
        from catalog_builder.plot.track_map import TRACK_COLOUR, draw_track, import_cartopy

        import_cartopy()  # the map needs it: raise before anything is drawn

    if line not in ("surface", "mean", None):
        raise ValueError(f"line={line!r}: expected 'surface', 'mean' or None.")
    drawing = _Line(kind=line, window=window)
    profile = read_photons(dataset, height)
    figure = ShownFigure(figsize=(12.0, 5.0), dpi=150, facecolor="white")
    right = 0.735 if inset else 0.975
    _draw_profile(figure, profile, drawing, (0.07, 0.12, right - 0.07, 0.67))
    head, words = _titles(dataset, len(profile.height))
    # What stands in the data is text; only a title that was given may hold formulas.
    bold: Any = {"size": 14, "weight": "bold", "color": "#1c2733", "parse_math": title is not None}
    figure.text(0.07, 0.935, visible(title or head), **bold)
    figure.text(0.07, 0.885, visible(words), size=9, color="#55626f", parse_math=False)
    if inset:
        lon = np.asarray(dataset["lon_ph"].values, dtype=np.float64)
        lat = np.asarray(dataset["lat_ph"].values, dtype=np.float64)
        if is_short(lon, lat):
            draw_zoom(figure, (0.805, 0.12, 0.165, 0.4), lon, lat, TRACK_COLOUR)
            draw_track(figure, (0.815, 0.58, 0.145, 0.21), lon, lat)
        else:
            draw_track(figure, (0.79, 0.2, 0.17, 0.51), lon, lat)
    return figure


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """Which line is drawn through the photons."""

    kind: Literal["surface", "mean"] | None
    window: int


def rolling_mean(values: Floats, window: int) -> Floats:
    """Mean of each ``window`` values in a row: ``len(values) - window + 1`` of them, or none."""
    if len(values) < window:
        return np.empty(0)
    # Relative to the first value, so that the sums stay small and exact.
    sums = np.concatenate([[0.0], np.cumsum(values - values[0])])
    means: Floats = values[0] + (sums[window:] - sums[:-window]) / window
    return means


def _draw_profile(
    figure: Figure, profile: BeamPhotons, line: _Line, place: tuple[float, float, float, float]
) -> None:
    parts = in_parts(profile)
    lengths = [float(np.ptp(part.distance)) for part in parts]
    # A panel's width grows with the track in it, but the shortest can still be read.
    widths = [max(length, 0.25 * max(lengths), 0.01) for length in lengths]
    grid: Any = figure.add_gridspec(
        1,
        len(parts),
        left=place[0],
        bottom=place[1],
        right=place[0] + place[2],
        top=place[1] + place[3],
        width_ratios=widths,
        wspace=0.05,
    )
    every = -(-len(profile.height) // MOST_PHOTONS)
    size = float(np.clip(170.0 / np.sqrt(len(profile.height) / every), 0.8, 2.4))
    lowest, highest = shown_range(profile)
    first: Any = None
    for column, part in enumerate(parts):
        axes: Any = figure.add_subplot(grid[0, column], sharey=first)
        _draw_photons(axes, part.part(slice(None, None, every)), size)
        if line.kind == "surface":
            _draw_surface(axes, part)
        elif line.kind == "mean":
            _draw_mean(axes, part, line.window)
        axes.set_ylim(lowest, highest)
        margin = 0.01 * max(float(np.ptp(part.distance)), 0.01)
        axes.set_xlim(part.distance.min() - margin, part.distance.max() + margin)
        _style_axes(axes, first_of_row=first is None)
        first = first or axes
    first.set_ylabel(profile.name, color="#33404d")
    middle = place[0] + place[2] / 2
    figure.text(middle, 0.025, "Distance along track (km)", ha="center", color="#33404d")
    _draw_legend(figure, profile, every, line, (place[0], place[1] + place[3]))


def _draw_photons(axes: Any, part: BeamPhotons, size: float) -> None:
    for _, lowest, highest, colour in part.kinds:
        keep: Any = slice(None)
        if part.kind is not None:
            keep = (part.kind >= lowest) & (part.kind <= highest)
        axes.plot(
            part.distance[keep],
            part.height[keep],
            "o",
            color=colour,
            markersize=size,
            markeredgewidth=0,
            rasterized=True,
        )


def _draw_surface(axes: Any, part: BeamPhotons) -> None:
    signal = part.signal
    at, line = surface_line(1000.0 * part.distance[signal], part.height[signal])
    every = max(1, len(line) // _MOST_MEANS)
    _draw_line(axes, at[::every] / 1000.0, line[::every])


def _draw_line(axes: Any, at: Floats, line: Floats) -> None:
    axes.plot(at, line, color="white", linewidth=2.4, alpha=0.8)
    axes.plot(at, line, color=_LINE_COLOUR, linewidth=1.3, label=LINE)


def _draw_mean(axes: Any, part: BeamPhotons, window: int) -> None:
    means = rolling_mean(part.height, window)
    # A window that reaches over a stretch without photons has no place that is its own.
    gaps = np.concatenate([[0], np.cumsum(np.diff(part.distance) > _NARROW_GAP)])
    means[gaps[window - 1 :] > gaps[: len(means)]] = np.nan
    every = max(1, len(means) // _MOST_MEANS)
    # Each mean stands at the middle photon of its window.
    at = part.distance[window // 2 :][: len(means)]
    _draw_line(axes, at[::every], means[::every])


def _draw_legend(
    figure: Figure, profile: BeamPhotons, every: int, line: _Line, corner: tuple[float, float]
) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], marker="o", linestyle="", color=colour, markersize=4, label=label)
        for label, _, _, colour in profile.kinds
    ]
    of_signal = "surface by signal photons" if profile.kind is not None else "surface"
    labels = {"surface": of_signal, "mean": f"mean of {line.window:,} photons"}
    if line.kind is not None:
        label = labels[line.kind]
        handles.append(Line2D([], [], color=_LINE_COLOUR, linewidth=1.8, label=label))
    if every > 1:
        label = f"1 photon in {every} drawn"
        handles.append(Line2D([], [], linestyle="", label=label))
    figure.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=corner,
        borderaxespad=0.2,
        borderpad=0,
        ncols=len(handles),
        frameon=False,
        fontsize=8,
        labelcolor="#33404d",
        handlelength=1.0,
        handletextpad=0.4,
        columnspacing=1.2,
    )


def _style_axes(axes: Any, *, first_of_row: bool) -> None:
    axes.grid(color="#e3e7ec", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(colors="#55626f", labelsize=8.5, length=3, labelleft=first_of_row)
    axes.ticklabel_format(useOffset=False, style="plain")
    for name, spine in axes.spines.items():
        spine.set(color="#b4bdc7", visible=name == "bottom" or (name == "left" and first_of_row))
    if not first_of_row:
        axes.tick_params(left=False)


def _titles(dataset: xr.Dataset, photons: int) -> tuple[str, str]:
    about = dataset.attrs
    head = f"ATL03 beam {about.get('beam', '?')} ({about.get('strength', 'unknown')})"
    if "delta_time" in dataset.variables:  # a subset may lack it
        start = np.datetime_as_string(dataset["delta_time"].values.min(), unit="m")
        head += f", {start.replace('T', ' ')} UTC"
    line = (
        f"{about.get('granule', '')} · track {about.get('rgt', '?')}, cycle "
        f"{about.get('cycle', '?')}, region {about.get('region', '?')} · {photons:,} photons"
    )
    return head, line
