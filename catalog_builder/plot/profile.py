"""Plots a beam: photon heights along the track, their rolling mean, and a map of the track."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from catalog_builder.errors import EmptyBeamError, VariableNotFoundError
from catalog_builder.extras import needing

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

MOST_PHOTONS: Final = 300_000
"""Photons drawn, at most; more are thinned."""

_WIDE_GAP: Final = 5.0
"""Kilometres without a photon that may get a panel of its own on either side."""

_NARROW_GAP: Final = 1.0
"""Kilometres without a photon that interrupt the line of the rolling mean."""

_MOST_MEANS: Final = 20_000
_HIGHEST: Final = 1e5
"""Metres; values beyond are fill values."""

_CLASSES: Final = (
    ("noise or buffer", -9, 1, "#c3c9d1"),
    ("low", 2, 2, "#9ac3e6"),
    ("medium", 3, 3, "#4a8fcb"),
    ("high", 4, 4, "#0d3f78"),
)
"""Signal confidence: label, lowest and highest value, colour."""

_UNCLASSED: Final = ("photon", -9, 9, "#4a8fcb")
_MEAN_COLOUR: Final = "#f08a24"


def plot_beam(
    dataset: xr.Dataset, *, window: int = 1000, title: str | None = None, inset: bool = True
) -> Figure:
    """Draw a beam that :func:`~catalog_builder.open_beam` returned.

    Heights (``h_ph``, needed) against distance along track from the first photon, coloured by the
    highest of a photon's five signal confidences where ``signal_conf_ph`` is there; the mean of
    ``window`` photons in a row, all photons with a height counted, signal or not; beside it, with
    ``inset``, a map of the track. Where far parts of a beam lie in one Dataset, each has its own
    panel. More than 300,000 photons are thinned for the picture, never for the mean.

    Returns the figure, free of pyplot: a notebook shows it, ``figure.savefig("beam.png")`` saves
    it. Raises
    :class:`~catalog_builder.errors.EmptyBeamError` where no photon has a height and
    :class:`~catalog_builder.errors.MissingExtraError` without matplotlib and cartopy.
    """
    with needing("plot", "A plot"):
        import cartopy  # noqa: F401  # the map needs it: raise before anything is drawn

        from catalog_builder.plot.shown_figure import ShownFigure
    from catalog_builder.plot.track_map import draw_track

    profile = _profile(dataset)
    figure = ShownFigure(figsize=(12.0, 5.0), dpi=150, facecolor="white")
    right = 0.735 if inset else 0.975
    _draw_profile(figure, profile, window, (0.07, 0.12, right - 0.07, 0.67))
    head, line = _titles(dataset, len(profile.height))
    figure.text(0.07, 0.935, title or head, size=14, weight="bold", color="#1c2733")
    figure.text(0.07, 0.885, line, size=9, color="#55626f")
    if inset:
        lon = np.asarray(dataset["lon_ph"].values, dtype=np.float64)
        lat = np.asarray(dataset["lat_ph"].values, dtype=np.float64)
        draw_track(figure, (0.79, 0.2, 0.17, 0.51), lon, lat)
    return figure


@dataclass(frozen=True, slots=True, kw_only=True)
class _Profile:
    """Photons with a height and a distance along the track, in the order of flight."""

    distance: Floats
    """Kilometres from the first photon."""
    height: Floats
    """Metres."""
    confidence: NDArray[np.int8] | None

    def part(self, keep: slice) -> _Profile:
        confidence = None if self.confidence is None else self.confidence[keep]
        return _Profile(
            distance=self.distance[keep], height=self.height[keep], confidence=confidence
        )


def _profile(dataset: xr.Dataset) -> _Profile:
    if missing := [name for name in ("h_ph", "x_atc") if name not in dataset.variables]:
        raise VariableNotFoundError(
            f"A plot needs {' and '.join(missing)}; this Dataset has "
            f"{', '.join(map(str, dataset.variables))}."
        )
    height = np.asarray(dataset["h_ph"].values, dtype=np.float64)
    distance = np.asarray(dataset["x_atc"].values, dtype=np.float64)
    sound = np.flatnonzero((np.abs(height) < _HIGHEST) & np.isfinite(distance))
    if len(sound) == 0:
        raise EmptyBeamError("There is nothing to plot: no photon of this Dataset has a height.")
    confidence = None
    if "signal_conf_ph" in dataset:
        confidence = dataset["signal_conf_ph"].values.max(axis=-1)[sound]
    return _Profile(
        distance=(distance[sound] - distance[sound].min()) / 1000.0,
        height=height[sound],
        confidence=confidence,
    )


def _parts(profile: _Profile) -> list[_Profile]:
    """Split at gaps longer than all of the track that has photons, at most three."""
    gaps = np.diff(profile.distance)
    wide = np.flatnonzero(gaps > _WIDE_GAP)
    longest = np.sort(wide[np.argsort(gaps[wide])[-3:]])
    covered = np.ptp(profile.distance) - gaps[longest].sum()
    cuts = [int(gap) + 1 for gap in longest if gaps[gap] > covered]
    edges = [0, *cuts, len(profile.distance)]
    return [profile.part(slice(a, b)) for a, b in pairwise(edges)]


def rolling_mean(values: Floats, window: int) -> Floats:
    """Mean of each ``window`` values in a row: ``len(values) - window + 1`` of them, or none."""
    if len(values) < window:
        return np.empty(0)
    # Relative to the first value, so that the sums stay small and exact.
    sums = np.concatenate([[0.0], np.cumsum(values - values[0])])
    means: Floats = values[0] + (sums[window:] - sums[:-window]) / window
    return means


def _draw_profile(
    figure: Figure, profile: _Profile, window: int, place: tuple[float, float, float, float]
) -> None:
    parts = _parts(profile)
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
    lowest, highest = _range(profile)
    first: Any = None
    for column, part in enumerate(parts):
        axes: Any = figure.add_subplot(grid[0, column], sharey=first)
        _draw_photons(axes, part.part(slice(None, None, every)), size)
        _draw_mean(axes, part, window)
        axes.set_ylim(lowest, highest)
        margin = 0.01 * max(float(np.ptp(part.distance)), 0.01)
        axes.set_xlim(part.distance.min() - margin, part.distance.max() + margin)
        _style_axes(axes, first_of_row=first is None)
        first = first or axes
    first.set_ylabel("Photon height above WGS 84 (m)", color="#33404d")
    middle = place[0] + place[2] / 2
    figure.text(middle, 0.025, "Distance along track (km)", ha="center", color="#33404d")
    _draw_legend(figure, profile, every, window, (place[0], place[1] + place[3]))


def _draw_photons(axes: Any, part: _Profile, size: float) -> None:
    for _, lowest, highest, colour in _CLASSES if part.confidence is not None else (_UNCLASSED,):
        keep: Any = slice(None)
        if part.confidence is not None:
            keep = (part.confidence >= lowest) & (part.confidence <= highest)
        axes.plot(
            part.distance[keep],
            part.height[keep],
            "o",
            color=colour,
            markersize=size,
            markeredgewidth=0,
            rasterized=True,
        )


def _draw_mean(axes: Any, part: _Profile, window: int) -> None:
    means = rolling_mean(part.height, window)
    # A window that reaches over a stretch without photons has no place that is its own.
    gaps = np.concatenate([[0], np.cumsum(np.diff(part.distance) > _NARROW_GAP)])
    means[gaps[window - 1 :] > gaps[: len(means)]] = np.nan
    every = max(1, len(means) // _MOST_MEANS)
    # Each mean stands at the middle photon of its window.
    at = part.distance[window // 2 :][: len(means)]
    axes.plot(at[::every], means[::every], color="white", linewidth=2.4, alpha=0.8)
    axes.plot(at[::every], means[::every], color=_MEAN_COLOUR, linewidth=1.3)


def _draw_legend(
    figure: Figure, profile: _Profile, every: int, window: int, corner: tuple[float, float]
) -> None:
    from matplotlib.lines import Line2D

    classes = _CLASSES if profile.confidence is not None else (_UNCLASSED,)
    handles = [
        Line2D([], [], marker="o", linestyle="", color=colour, markersize=4, label=label)
        for label, _, _, colour in classes
    ]
    handles.append(
        Line2D([], [], color=_MEAN_COLOUR, linewidth=1.8, label=f"mean of {window:,} photons")
    )
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


def _range(profile: _Profile) -> tuple[float, float]:
    """Heights to show: those of the signal with a margin, without far noise."""
    shown = profile.height
    if profile.confidence is not None:
        signal = profile.height[profile.confidence >= 2]
        shown = signal if len(signal) >= 20 else shown
    low, high = np.percentile(shown, [0.5, 99.5])
    room = max(0.25 * (high - low), 5.0)
    return float(low - room), float(high + room)


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
    start = np.datetime_as_string(dataset["delta_time"].values.min(), unit="m").replace("T", " ")
    head = f"ATL03 beam {about.get('beam', '?')} ({about.get('strength', 'unknown')}), {start} UTC"
    line = (
        f"{about.get('granule', '')} · track {about.get('rgt', '?')}, cycle "
        f"{about.get('cycle', '?')}, region {about.get('region', '?')} · {photons:,} photons"
    )
    return head, line
